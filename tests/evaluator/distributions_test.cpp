// Reference values: SciPy 1.x (t, beta, digamma) and mpmath at 25 digits (noncentral t).
#include "evaluator/distributions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ballast::evaluator {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Relative to the larger of the value and the smallest normal number.
void expect_close(double got, double want, double relative) {
  EXPECT_NEAR(got, want, relative * std::fabs(want) + 1e-300);
}

TEST(StudentT, QuantilesAreThoseOfTheTables) {
  struct Row {
    double p, df, t;
  };
  for (const auto& [p, df, t] : {Row{.975, 1, 12.706204736174694},
                                 {.975, 2, 4.302652729749462},
                                 {.975, 3, 3.1824463052837078},
                                 {.975, 4, 2.7764451051977934},
                                 {.975, 10, 2.228138851986274},
                                 {.975, 30, 2.0422724563012378},
                                 {.95, 2.5, 2.5582186141359355},
                                 {.995, 0.5, 4113.964588804174},
                                 {.9, 100, 1.290074761346516},
                                 {.975, 1e6, 1.959966356814107},
                                 {1e-9, 5, -98.93722464836996},
                                 {.6, 7, 0.2631668613520229},
                                 {.975, kInfinity, 1.959963984540054}}) {
    SCOPED_TRACE(testing::Message() << "p=" << p << " df=" << df);
    expect_close(student_t_quantile(p, df), t, df > 1e3 ? 1e-9 : 1e-11);
  }
  EXPECT_EQ(student_t_quantile(0.5, 3), 0);
}

TEST(StudentT, CdfIsAccurateInTheTailAndNearZero) {
  struct Row {
    double t, df, p;
  };
  for (const auto& [t, df, p] : {Row{0, 3, 0.5},
                                 {1, 1, 0.75},
                                 {2.5, 4, 0.966616727594006},
                                 {-40, 3, 1.7190340394579253e-05},
                                 {0.001, 20, 0.5003939885167634},
                                 {3, 1e5, 0.9986497695579677},
                                 {12, 2.2, 0.9976082930622413}}) {
    SCOPED_TRACE(testing::Message() << "t=" << t << " df=" << df);
    expect_close(student_t_cdf(t, df), p, 1e-11);
  }
}

TEST(StudentT, QuantileInvertsTheCdf) {
  for (const double df : {0.5, 1.0, 2.0, 3.7, 10.0, 1000.0, kInfinity})
    for (const double p : {1e-6, 0.01, 0.3, 0.49, 0.51, 0.9, 0.999}) {
      SCOPED_TRACE(testing::Message() << "p=" << p << " df=" << df);
      expect_close(student_t_cdf(student_t_quantile(p, df), df), p, 1e-10);
    }
}

TEST(IncompleteBeta, HasKnownValues) {
  struct Row {
    double a, b, x, value;
  };
  for (const auto& [a, b, x, value] : {Row{.5, .5, .3, 0.36901011956554536},
                                       {2, 3, .4, 0.5248},
                                       {10, .5, .99, 0.6579281751567845},
                                       {.1, 20, .01, 0.8781283685059499},
                                       {500, 400, .55, 0.3678576196996226},
                                       {1e5, .5, .9999, 7.74036967094646e-06}}) {
    SCOPED_TRACE(testing::Message() << a << " " << b << " " << x);
    expect_close(incomplete_beta(a, b, x), value, 1e-10);
    expect_close(1 - incomplete_beta(b, a, 1 - x), value, 1e-9);
  }
  EXPECT_EQ(incomplete_beta(2, 3, 0), 0);
  EXPECT_EQ(incomplete_beta(2, 3, 1), 1);
}

TEST(NoncentralT, PowersAreThoseOfMpmath) {
  struct Row {
    double noncentrality, df, critical, power;
  };
  for (const auto& [nc, df, critical, power] : {Row{3, 4, 2.7764451051977934, 0.6192614594023307},
                                                {0, 5, 2.5705818356363141, 0.05},
                                                {15, 1, 12.706204736174707, 0.7607591633304685},
                                                {4, 2, 4.3026527297494638, 0.5645142892600376},
                                                {3, 1.5, 3, 0.6225593453845723},
                                                {1, 200, 1.97, 0.1693745955212771}}) {
    SCOPED_TRACE(testing::Message() << nc << " " << df);
    EXPECT_NEAR(noncentral_t_power(nc, df, critical), power, 1e-10);
  }
  EXPECT_NEAR(noncentral_t_power(0, kInfinity, 1.959963984540054), 0.05, 1e-14);
}

TEST(Digamma, AndTrigammaHaveKnownValues) {
  struct Row {
    double x, digamma, trigamma;
  };
  for (const Row& row : {Row{.1, -10.423754940411076, 101.43329915079275},
                         {.5, -1.9635100260214235, 4.93480220054468},
                         {1, -0.5772156649015329, 1.6449340668482266},
                         {2.5, 0.7031566406452432, 0.4903577561002349},
                         {10, 2.251752589066721, 0.10516633568168576},
                         {123.4, 4.8113737751162775, 0.008136651610865263}}) {
    SCOPED_TRACE(row.x);
    EXPECT_NEAR(digamma(row.x), row.digamma, 1e-12);
    expect_close(trigamma(row.x), row.trigamma, 1e-12);
    expect_close(trigamma_inverse(row.trigamma), row.x, 1e-10);
  }
}

}  // namespace
}  // namespace ballast::evaluator
