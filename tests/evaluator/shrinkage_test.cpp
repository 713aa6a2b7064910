#include "evaluator/shrinkage.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "common/rng.h"

namespace ballast::evaluator {
namespace {

// Means -3, -1, 0, 1, 7: median 0, deviations 3, 1, 0, 1, 7 with median 1; errors all 0.6.
TEST(MeanPrior, MatchesHandComputedValues) {
  const std::vector<Measured> measured{{-1, 0.6}, {7, 0.6}, {0, 0.6}, {-3, 0.6}, {1, 0.6}};
  const auto prior = fit_mean_prior(measured);
  ASSERT_TRUE(prior);
  EXPECT_EQ(prior->mean, 0);
  EXPECT_NEAR(prior->variance, 1.4826 * 1.4826 - 0.36, 1e-12);  // 1.838103
  // -3 with error 0.6: weight 1.838103 / 2.198103 = 0.836222.
  const Measured best = shrink({-3, 0.6}, prior);
  EXPECT_NEAR(best.mean, -2.508667, 1e-6);
  EXPECT_NEAR(best.standard_error, std::sqrt(0.836222 * 0.36), 1e-6);
  // Measured four times as often, error 0.3: weight 0.953322.
  EXPECT_NEAR(shrink({-3, 0.3}, prior).mean, -2.859966, 1e-6);
}

// One that is worse by a thousand times the others' spread must not make them look certain.
TEST(MeanPrior, IsNotMovedByAHopelessOne) {
  std::vector<Measured> measured{
      {-0.02, 0.01}, {0, 0.01}, {0.01, 0.01}, {0.03, 0.01}, {0.05, 0.01}};
  const auto before = fit_mean_prior(measured);
  measured.back().mean = 50;
  EXPECT_EQ(*fit_mean_prior(measured), *before);
}

TEST(MeanPrior, MakesEqualsOutOfWhatErrorsExplainButNoneCertain) {
  const std::vector<Measured> measured{{-0.1, 1}, {0, 1}, {0.1, 1}};
  const auto prior = fit_mean_prior(measured);
  EXPECT_NEAR(prior->variance, 0.01, 1e-12);
  const Measured best = shrink(measured[0], prior);
  EXPECT_NEAR(best.mean, -0.1 * 0.01 / 1.01, 1e-12);
  EXPECT_GT(best.standard_error, 0.09);
}

TEST(MeanPrior, NeedsThreeAndBelievesWhatHasNoError) {
  EXPECT_FALSE(fit_mean_prior(std::vector<Measured>{{1, 1}, {2, 1}}));
  EXPECT_EQ(shrink({1, 0.5}, std::nullopt), (Measured{1, 0.5}));
  EXPECT_EQ(shrink({5, 0}, MeanPrior{0, 1}), (Measured{5, 0}));
}

// Weight 0.01: the crowd would draw it by 2.97.
TEST(MeanPrior, LeavesWhatIsClearlyNoPartOfTheCrowdWhereItIs) {
  EXPECT_EQ(shrink({3, 0.1}, MeanPrior{0, 0.01 * 0.01 / 0.99}), (Measured{3 - 0.2, 0.1}));
}

// What it is for: the best of forty equals looks better than it is, its posterior does not; and
// where there are differences, posteriors are nearer to the truth than measurements.
TEST(MeanPrior, TakesOffWhatTheBestOfManyLooksBetterThanItIs) {
  double raw_error = 0, shrunk_error = 0, raw_best = 0, shrunk_best = 0;
  constexpr int kSearches = 400, kCandidates = 40;
  for (int search = 0; search < kSearches; ++search) {
    Rng rng(1, "search", static_cast<uint64_t>(search));
    std::vector<Measured> measured;
    std::vector<double> truth;
    for (int i = 0; i < kCandidates; ++i) {
      truth.push_back(0.01 * rng.normal());
      measured.push_back({truth.back() + 0.01 * rng.normal(), 0.01});
    }
    const auto prior = fit_mean_prior(measured);
    size_t best = 0;
    for (size_t i = 0; i < measured.size(); ++i) {
      raw_error += std::pow(measured[i].mean - truth[i], 2);
      shrunk_error += std::pow(shrink(measured[i], prior).mean - truth[i], 2);
      if (measured[i].mean < measured[best].mean) best = i;
    }
    raw_best += (measured[best].mean - truth[best]) / kSearches;
    shrunk_best += (shrink(measured[best], prior).mean - truth[best]) / kSearches;
  }
  EXPECT_LT(shrunk_error, 0.6 * raw_error);  // half of it for a known prior
  EXPECT_LT(raw_best, -0.012);               // the best of 40 is lucky by more than its error
  EXPECT_NEAR(shrunk_best, 0, 0.003);
}

}  // namespace
}  // namespace ballast::evaluator
