#include "evaluator/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "common/rng.h"

namespace ballast::evaluator {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Summary summary_of(double mean, double variance, int64_t pairs) { return {pairs, mean, variance}; }

TEST(PairedDifferences, AreOverCommonSeedsOnly) {
  const std::vector<SeedScore> a = {{7, 1.5}, {1, 2.0}, {3, 9.0}};
  const std::vector<SeedScore> b = {{1, 2.5}, {2, 0.0}, {7, 1.0}};
  EXPECT_EQ(paired_differences(a, b), (std::vector<double>{-0.5, 0.5}));  // seeds 1 and 7
  EXPECT_TRUE(paired_differences(a, {}).empty());
}

TEST(PairedDifferences, ChangeSignWithTheOrder) {
  const std::vector<SeedScore> a = {{1, 1.5}, {2, 2.0}}, b = {{1, 2.5}, {2, 0.0}};
  const std::vector<double> ab = paired_differences(a, b), ba = paired_differences(b, a);
  for (size_t i = 0; i < ab.size(); ++i) EXPECT_EQ(ab[i], -ba[i]);
}

TEST(Summarise, GivesMeanAndUnbiasedVariance) {
  const std::vector<double> x = {1, 2, 4, 5};  // mean 3, squares 4 + 1 + 1 + 4 = 10
  const Summary s = summarise(x);
  EXPECT_EQ(s.pairs, 4);
  EXPECT_EQ(s.mean, 3);
  EXPECT_NEAR(*s.variance, 10.0 / 3, 1e-15);
  EXPECT_NEAR(*s.standard_error(), std::sqrt(10.0 / 12), 1e-15);
}

TEST(Summarise, KnowsNoErrorBelowTwoPairs) {
  EXPECT_EQ(summarise({}).pairs, 0);
  const std::vector<double> one = {3};
  EXPECT_EQ(summarise(one).mean, 3);
  EXPECT_EQ(summarise(one).variance, std::nullopt);
  EXPECT_EQ(summarise(one).standard_error(), std::nullopt);
}

// limma's formulas, evaluated independently in Python.
TEST(FitPrior, IsSmythsMomentEstimate) {
  const std::vector<Summary> uneven = {summary_of(0, 1.0, 3), summary_of(0, 2.0, 3),
                                       summary_of(0, 4.0, 4), summary_of(0, 0.5, 3),
                                       summary_of(0, 8.0, 5), summary_of(0, 0.1, 3)};
  const VariancePrior prior = *fit_prior(uneven);
  EXPECT_NEAR(prior.df, 3.4287981690981315, 1e-9);
  EXPECT_NEAR(prior.variance, 1.4420563661863102, 1e-9);
  EXPECT_EQ(prior.pooled_df, 15);
  const std::vector<Summary> wild = {summary_of(0, 1.0, 5), summary_of(0, 30.0, 5),
                                     summary_of(0, 0.01, 5), summary_of(0, 2.0, 5)};
  EXPECT_NEAR(fit_prior(wild)->df, 0.6552387673316571, 1e-9);
  EXPECT_NEAR(fit_prior(wild)->variance, 0.14484724071353344, 1e-9);
}

TEST(FitPrior, PoolsVariancesThatDifferByNoMoreThanChance) {
  const std::vector<Summary> alike = {summary_of(0, 1.0, 3), summary_of(0, 1.2, 3),
                                      summary_of(0, 0.9, 5)};
  const VariancePrior prior = *fit_prior(alike);
  EXPECT_EQ(prior.df, kInfinity);
  EXPECT_NEAR(prior.variance, (2 * 1.0 + 2 * 1.2 + 4 * 0.9) / 8, 1e-15);
}

TEST(FitPrior, ShrinksNothingWhenThereAreTooFewToCompare) {
  const std::vector<Summary> two = {summary_of(0, 1.0, 3), summary_of(0, 9.0, 3), {1, 0, {}}};
  EXPECT_EQ(fit_prior(two)->df, 0);
  EXPECT_EQ(fit_prior(two)->variance, 5);
  EXPECT_EQ(fit_prior({}), std::nullopt);
  const std::vector<Summary> no_spread(5, summary_of(1, 0, 3));
  EXPECT_EQ(fit_prior(no_spread), std::nullopt);
}

TEST(FitPrior, SurvivesAVarianceOfZero) {
  std::vector<Summary> some(6, summary_of(0, 1.0, 4));
  some[2].variance = 0;
  const VariancePrior prior = *fit_prior(some);
  EXPECT_TRUE(std::isfinite(prior.variance));
  EXPECT_GT(prior.variance, 0);
  EXPECT_GT(prior.df, 0);
}

// Draws variances from the very prior and finds it again.
TEST(FitPrior, FindsThePriorThatVariancesWereDrawnFrom) {
  Rng rng(1, "prior");
  const auto chi_square = [&](int df) {
    double sum = 0;
    for (int i = 0; i < df; ++i) sum += std::pow(rng.normal(), 2);
    return sum;
  };
  std::vector<Summary> many;
  for (int i = 0; i < 20000; ++i) {
    const double sigma_square = 0.5 * 6 / chi_square(6);  // s0^2 = 0.5, d0 = 6
    many.push_back(summary_of(0, sigma_square * chi_square(3) / 3, 4));
  }
  EXPECT_NEAR(fit_prior(many)->df, 6, 0.5);
  EXPECT_NEAR(fit_prior(many)->variance, 0.5, 0.02);
}

TEST(Moderate, WeighsOwnVarianceAndPriorByTheirDegreesOfFreedom) {
  const VariancePrior prior{.variance = 2, .df = 6, .pooled_df = 100};
  const Estimate e = *moderate(summary_of(-1, 5, 4), prior);
  EXPECT_NEAR(e.standard_error, std::sqrt((6 * 2 + 3 * 5) / 9.0 / 4), 1e-15);
  EXPECT_EQ(e.df, 9);
  EXPECT_EQ(e.mean, -1);
  EXPECT_EQ(moderate(summary_of(-1, 5, 4), VariancePrior{2, kInfinity, 100})->df, 100);
  EXPECT_NEAR(moderate(summary_of(-1, 5, 4), VariancePrior{2, kInfinity, 100})->standard_error,
              std::sqrt(2.0 / 4), 1e-15);
}

TEST(Moderate, RestsOnThePriorAloneForOnePair) {
  const Summary one{1, 0.5, std::nullopt};
  const Estimate e = *moderate(one, VariancePrior{.variance = 4, .df = 6, .pooled_df = 20});
  EXPECT_EQ(e.standard_error, 2);
  EXPECT_EQ(e.df, 6);
  EXPECT_EQ(moderate(one, std::nullopt), std::nullopt);
  EXPECT_EQ(moderate(one, VariancePrior{.variance = 4, .df = 0, .pooled_df = 4}), std::nullopt);
  EXPECT_EQ(moderate(Summary{}, VariancePrior{4, 6, 20}), std::nullopt);
}

TEST(Moderate, IsTheSamplesOwnErrorWithoutAPrior) {
  const Estimate e = *moderate(summary_of(0, 3, 3), std::nullopt);
  EXPECT_EQ(e.standard_error, 1);
  EXPECT_EQ(e.df, 2);
}

// The shrunk variance always lies between the sample's own and the prior's.
TEST(Moderate, ShrinksTowardsThePriorAndNeverBeyond) {
  Rng rng(2, "moderate");
  for (int i = 0; i < 1000; ++i) {
    const double own = rng.uniform(0.01, 10), other = rng.uniform(0.01, 10);
    const Estimate e =
        *moderate(summary_of(0, own, 4), VariancePrior{other, rng.uniform(0.1, 50), 1e3});
    const double variance = 4 * e.standard_error * e.standard_error;
    EXPECT_GE(variance, std::min(own, other) * (1 - 1e-12));
    EXPECT_LE(variance, std::max(own, other) * (1 + 1e-12));
  }
}

TEST(ConfidenceInterval, UsesStudentsT) {
  const Interval i = confidence_interval({.pairs = 5, .mean = 1, .standard_error = 0.5, .df = 4});
  EXPECT_NEAR(i.low, 1 - 0.5 * 2.7764451051977934, 1e-10);
  EXPECT_NEAR(i.high, 1 + 0.5 * 2.7764451051977934, 1e-10);
  EXPECT_FALSE(i.excludes_zero());
  EXPECT_TRUE((Interval{0.1, 0.2}.excludes_zero()));
  EXPECT_TRUE((Interval{-0.2, -0.1}.excludes_zero()));
}

// The interval excludes 0 exactly when the p-value is below 1 - level.
TEST(PValue, AgreesWithTheInterval) {
  Rng rng(3, "p");
  for (int i = 0; i < 500; ++i) {
    const Estimate e{4, rng.normal(), rng.uniform(0.05, 1), rng.uniform(1, 20)};
    EXPECT_EQ(p_value(e) < 0.05, confidence_interval(e).excludes_zero()) << e.mean;
  }
  EXPECT_EQ(p_value({2, 0, 1, 1}), 1);
  EXPECT_NEAR(p_value({2, 1, 1, 1}), 0.5, 1e-14);  // Cauchy: P(|T| > 1) = 1/2
  EXPECT_EQ(p_value({2, 0, 0, 1}), 1);
  EXPECT_EQ(p_value({2, 1, 0, 1}), 0);
}

// Both noisier than they differ, but always by the same: only their own pairs show it.
TEST(Compare, SeesADifferenceThatTheReferenceHides) {
  const std::vector<SeedScore> a = {{1, 2.00}, {2, 5.01}, {3, 1.02}};
  const std::vector<SeedScore> b = {{1, 2.11}, {2, 5.12}, {3, 1.12}};
  const std::optional<Estimate> e = compare(a, b, std::nullopt);
  ASSERT_TRUE(e);
  EXPECT_NEAR(e->mean, -0.32 / 3, 1e-12);
  EXPECT_TRUE(confidence_interval(*e).excludes_zero());
  EXPECT_EQ(compare(a, {}, std::nullopt), std::nullopt);
}

// mpmath: the noncentrality at which the test has power 0.8.
TEST(MinimumDetectableDifference, IsExactForFewPairs) {
  EXPECT_NEAR(minimum_detectable_difference(1, 1), 16.334008869921, 1e-7);
  EXPECT_NEAR(minimum_detectable_difference(1, 2), 5.653489266197129, 1e-8);
  EXPECT_NEAR(minimum_detectable_difference(1, 4), 3.76105955382502, 1e-8);
  EXPECT_NEAR(minimum_detectable_difference(1, 9), 3.149632886450618, 1e-8);
  EXPECT_NEAR(minimum_detectable_difference(0.01, 29), 0.02898742846324863, 1e-10);
  // Large samples: z_0.975 + z_0.8.
  EXPECT_NEAR(minimum_detectable_difference(1, kInfinity), 1.959963984540054 + 0.8416212335729143,
              1e-4);
  EXPECT_EQ(minimum_detectable_difference(1, 0), kInfinity);
}

TEST(MinimumDetectableDifference, FallsWithEveryPair) {
  double last = kInfinity;
  for (int n = 2; n < 40; ++n) {
    const double now = minimum_detectable_difference(1 / std::sqrt(n), n - 1);
    EXPECT_LT(now, last) << n;
    last = now;
  }
}

TEST(MinimumDetectableDifference, IsFoundWithThePromisedPower) {
  Rng rng(4, "power");
  const int n = 4, runs = 4000;
  const double truth = minimum_detectable_difference(1 / std::sqrt(n), n - 1);
  int found = 0;
  for (int i = 0; i < runs; ++i) {
    std::vector<double> x(n);
    for (double& v : x) v = truth + rng.normal();
    found += confidence_interval(*moderate(summarise(x), std::nullopt)).excludes_zero() ? 1 : 0;
  }
  EXPECT_NEAR(found / double{runs}, 0.8, 0.02);  // 3 standard errors
}

TEST(AnytimeInterval, IsInfiniteUntilEnoughPairsAreIn) {
  for (int64_t n = 0; n <= 4; ++n)
    EXPECT_EQ(anytime_interval(n < 2 ? Summary{n, 0, {}} : summary_of(0, 1, n)).high, kInfinity)
        << n;
  EXPECT_LT(anytime_interval(summary_of(0, 1, 5)).high, kInfinity);
}

// By hand at n = 10, g = 1, alpha = 0.05: r = 1/11, K = (20 sqrt 11)^(1/5) = 2.313947...,
// radius^2 = (1/10) * 9 * (K - 1) / (1 - K/11).
TEST(AnytimeInterval, InvertsTheBayesFactor) {
  const double k = std::pow(20 * std::sqrt(11.0), 0.2);
  const Interval i = anytime_interval(summary_of(2, 1, 10));
  EXPECT_NEAR(i.high - 2, std::sqrt(0.9 * (k - 1) / (1 - k / 11)), 1e-12);
  EXPECT_NEAR(2 - i.low, i.high - 2, 1e-12);
  // On its edge the Bayes factor is 1/alpha.
  const double t2 = 10 * std::pow(i.high - 2, 2), r = 1.0 / 11;
  EXPECT_NEAR(std::sqrt(r) * std::pow((1 + t2 / 9) / (1 + r * t2 / 9), 5), 20, 1e-9);
}

TEST(AnytimeIntervalKnown, IsRobbinsBoundary) {
  // n = 4, variance 1, rho = 8 / (-2 ln 0.05 + ln(1 - 2 ln 0.05)).
  const double rho = 8 / (-2 * std::log(0.05) + std::log1p(-2 * std::log(0.05)));
  const double radius = std::sqrt((4 + rho) * std::log((4 + rho) / (rho * 0.0025))) / 4;
  EXPECT_NEAR(anytime_interval_known(summary_of(1, 1, 4), 1).high, 1 + radius, 1e-12);
  EXPECT_NEAR(anytime_interval_known(summary_of(1, 1, 4), 9).high, 1 + 3 * radius, 1e-12);
  EXPECT_EQ(anytime_interval_known(Summary{}, 1).low, -kInfinity);
}

// The choice of rho is within 2 % of the narrowest possible at the number it is tuned for.
TEST(AnytimeIntervalKnown, IsNarrowestWhereItIsTuned) {
  const double tuned = anytime_interval_known(summary_of(0, 1, 8), 1, 0.05, 8).high;
  for (double other = 0.5; other < 200; other *= 1.1)
    EXPECT_GT(anytime_interval_known(summary_of(0, 1, 8), 1, 0.05, other).high, 0.98 * tuned)
        << other;
}

// The share of runs in which an interval misses the truth at *any* of the looks.
template <class MakeInterval>
double misses_at_any_look(const char* stream, int runs, MakeInterval interval) {
  Rng rng(5, stream);
  const int looks = 100;
  int missed = 0;
  for (int i = 0; i < runs; ++i) {
    std::vector<double> x;
    bool out = false;
    for (int n = 0; n < looks && !out; ++n) {
      x.push_back(3 + 2 * rng.normal());
      const Interval now = interval(summarise(x));
      out = 3 < now.low || now.high < 3;
    }
    missed += out ? 1 : 0;
  }
  return missed / static_cast<double>(runs);
}

// 0.05 + 3 standard errors of 4,000 runs = 0.0603. The fixed-sample interval, looked at each time,
// misses in a third of the runs or more: that the test can fail.
TEST(Anytime, IntervalsHoldAtEveryLookAtOnce) {
  EXPECT_LE(misses_at_any_look("t", 4000, [](const Summary& s) { return anytime_interval(s); }),
            0.06);
  EXPECT_LE(misses_at_any_look("z", 4000,
                               [](const Summary& s) { return anytime_interval_known(s, 4.0); }),
            0.06);
  EXPECT_GE(misses_at_any_look("fixed", 300,
                               [](const Summary& s) {
                                 const auto e = moderate(s, std::nullopt);
                                 return e ? confidence_interval(*e) : Interval{};
                               }),
            0.3);
}

TEST(Holm, AdjustsInTheOrderGiven) {
  const std::vector<double> p = {0.04, 0.01, 0.03, 0.005};
  // Sorted 0.005*4, 0.01*3, 0.03*2, 0.04*1 -> 0.02, 0.03, 0.06, max(0.06, 0.04) = 0.06.
  const std::vector<double> adjusted = holm(p);
  const std::vector<double> want = {0.06, 0.03, 0.06, 0.02};
  for (size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(adjusted[i], want[i], 1e-15);
  EXPECT_TRUE(holm({}).empty());
  EXPECT_EQ(holm(std::vector<double>{0.9, 0.8}), (std::vector<double>{1, 1}));
}

TEST(Holm, KeepsTheOrderAndLiesBetweenNothingAndBonferroni) {
  Rng rng(6, "holm");
  for (int round = 0; round < 200; ++round) {
    std::vector<double> p(static_cast<size_t>(1 + rng.below(12)));
    for (double& x : p) x = rng.chance(0.3) ? 0.01 : rng.uniform();  // with ties
    const std::vector<double> adjusted = holm(p);
    for (size_t i = 0; i < p.size(); ++i) {
      EXPECT_GE(adjusted[i], p[i]);
      EXPECT_LE(adjusted[i], std::min(1.0, p[i] * static_cast<double>(p.size())));
      for (size_t j = 0; j < p.size(); ++j) EXPECT_TRUE(p[i] >= p[j] || adjusted[i] <= adjusted[j]);
    }
  }
}

}  // namespace
}  // namespace ballast::evaluator
