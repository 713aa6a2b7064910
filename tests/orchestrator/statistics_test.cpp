// Student's t against printed tables and closed forms.
#include "orchestrator/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace ballast::orchestrator {
namespace {

TEST(StudentT, HasTheQuantilesOfThePrintedTables) {
  EXPECT_NEAR(t_quantile(0.975, 1), 12.7062, 1e-4);
  EXPECT_NEAR(t_quantile(0.975, 2), 4.30265, 1e-5);
  EXPECT_NEAR(t_quantile(0.95, 5), 2.01505, 1e-5);
  EXPECT_NEAR(t_quantile(0.975, 10), 2.22814, 1e-5);
  EXPECT_NEAR(t_quantile(0.995, 30), 2.75000, 1e-5);
  EXPECT_NEAR(t_quantile(0.975, 1e6), 1.95997, 1e-5);  // nearly normal
}

// One degree of freedom is Cauchy's distribution, two have a closed form as well.
TEST(StudentT, HasTheProbabilitiesOfItsClosedForms) {
  for (const double t : {-30.0, -1.5, -0.01, 0.0, 0.3, 2.0, 100.0}) {
    EXPECT_NEAR(t_probability(t, 1), 0.5 + std::atan(t) / std::numbers::pi, 1e-12) << t;
    EXPECT_NEAR(t_probability(t, 2), 0.5 + t / (2 * std::sqrt(2 + t * t)), 1e-12) << t;
  }
}

TEST(StudentT, QuantileInvertsProbability) {
  for (const double degrees : {1.0, 3.0, 8.5, 200.0}) {
    for (const double p : {0.0001, 0.1, 0.5, 0.9, 0.99999}) {
      EXPECT_NEAR(t_probability(t_quantile(p, degrees), degrees), p, 1e-12) << degrees << " " << p;
    }
  }
}

}  // namespace
}  // namespace ballast::orchestrator
