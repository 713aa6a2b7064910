#include "orchestrator/bandit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace ballast::orchestrator {
namespace {

Bandit bandit_of(size_t arms) {
  Bandit bandit;
  bandit.arms.resize(arms);
  return bandit;
}

ArmOutcome measured(double improvement, double standard_error, double cost = 1) {
  return {.improvement = improvement,
          .standard_error = standard_error,
          .improvement_over_baseline = improvement,
          .cost = cost};
}

void pull(Bandit& bandit, const BanditConfig& config, size_t arm, const ArmOutcome& outcome) {
  submit(bandit, arm);
  complete(bandit, config, arm, outcome);
}

TEST(Bandit, ExpectedImprovementHasItsKnownValues) {
  EXPECT_NEAR(expected_improvement(0, 1), 0.3989422804, 1e-9);
  EXPECT_NEAR(expected_improvement(1, 1), 1.0833154706, 1e-9);  // Phi(1) + phi(1)
  EXPECT_NEAR(expected_improvement(-1, 1), 0.0833154706, 1e-9);
  EXPECT_NEAR(expected_improvement(-0.2, 0.1), 0.1 * 0.0084907, 1e-7);
  EXPECT_EQ(expected_improvement(0.5, 0), 0.5);
  EXPECT_EQ(expected_improvement(-0.5, 0), 0);
}

// The property that sets the default apart: noise alone earns nothing.
TEST(Bandit, AChildNoBetterThanItsParentEarnsNothingOnAverage) {
  Rng rng(1, "null");
  for (const double s : {0.001, 0.1, 3.0}) {
    double sum = 0;
    constexpr int kChildren = 200'000;
    for (int i = 0; i < kChildren; ++i) sum += null_corrected_improvement(s * rng.normal(), s);
    EXPECT_NEAR(sum / kChildren / s, 0, 0.006) << "s = " << s;
  }
}

TEST(Bandit, ABetterChildEarnsMoreThanAWorseOneAndIsWorthItsImprovementWhenCertain) {
  double before = -1;
  for (double m = -0.1; m <= 0.1; m += 0.01) {
    const double now = null_corrected_improvement(m, 0.02);
    EXPECT_GT(now, before);
    before = now;
  }
  EXPECT_NEAR(null_corrected_improvement(0.5, 1e-9), 0.5, 1e-8);
}

TEST(Bandit, ArmsNeverTriedComeFirst) {
  for (const BanditPolicy policy :
       {BanditPolicy::kPosterior, BanditPolicy::kUcbPaper, BanditPolicy::kUcbCode}) {
    const BanditConfig config{.policy = policy};
    Bandit bandit = bandit_of(4);
    Rng rng(7);
    std::vector<bool> seen(4);
    for (int i = 0; i < 4; ++i) {
      const size_t arm = choose(bandit, config, rng);
      EXPECT_FALSE(seen[arm]);
      seen[arm] = true;
      submit(bandit, arm);
    }
  }
}

// Two arms, three outcomes, by hand: rewards e^0.2 - 1 = 0.2214028 and 0 for arm 0, e^0.1 - 1 =
// 0.1051709 for arm 1; scaled by the largest: means 0.5 and 0.4750208; t = 3.
TEST(Bandit, PaperScoresMatchHandComputedValues) {
  const BanditConfig config{.policy = BanditPolicy::kUcbPaper};
  Bandit bandit = bandit_of(2);
  pull(bandit, config, 0, measured(0.2, 0.1));
  pull(bandit, config, 0, measured(-0.3, 0.1));
  pull(bandit, config, 1, measured(0.1, 0.1));
  const std::vector<double> scores = ucb_scores(bandit, config);
  EXPECT_NEAR(scores[0], 0.5 + std::sqrt(2 * std::log(3.0) / 2), 1e-9);
  EXPECT_NEAR(scores[1], 0.4750208 + std::sqrt(2 * std::log(3.0) / 1), 1e-6);
}

// One arm with d = 0.2, then one with d = 0.1 (costs 1 and 3), decayed by 0.95 after each outcome.
// By hand, with S the reward sum and n the count:
//   after 1: S0 = 0.2214028 -> 0.95 S / (1 + 0.05 S) = 0.2080298, n0 = 0.95
//   after 2: S0 -> 0.1955943, n0 = 0.9025; S1 = 0.1051709 -> 0.0993900, n1 = 0.95
//   means: 0.2167250, 0.1046211; largest reward: 0.2214028 -> 0.2080298, floored at 0.2189787
//   (the mean 0.2080298 / 0.95), -> 0.2057742, floored at 0.2167250, the largest mean.
TEST(Bandit, CodeScoresMatchHandComputedValues) {
  const BanditConfig config{.policy = BanditPolicy::kUcbCode};
  Bandit bandit = bandit_of(2);
  pull(bandit, config, 0, measured(0.2, 0.1, 1));
  pull(bandit, config, 1, measured(0.1, 0.1, 3));
  EXPECT_NEAR(std::exp(bandit.arms[0].log_reward), 0.1955943, 1e-6);
  EXPECT_NEAR(bandit.arms[0].count, 0.9025, 1e-12);
  EXPECT_NEAR(std::exp(bandit.arms[1].log_reward), 0.0993900, 1e-6);
  EXPECT_NEAR(std::exp(bandit.code_log_max), 0.2167250, 1e-6);

  // Costs: means 1 and 3, median 2, range 2, bound c - 0.1 * 2 * sqrt(2 ln 2 / 1).
  const double bonus = std::sqrt(2 * std::log(2.0));
  const double g0 = 2 / (1 - 0.2 * bonus), g1 = 2 / (3 - 0.2 * bonus);
  const std::vector<double> scores = ucb_scores(bandit, config);
  EXPECT_NEAR(scores[0], 0.5 * (1 + bonus) + 0.5, 1e-6);
  EXPECT_NEAR(scores[1], 0.5 * (0.1046211 / 0.2167250 + bonus) + 0.5 * g1 / g0, 1e-6);
}

TEST(Bandit, CodePolicyExploresOthersWithProbabilityEpsilon) {
  const BanditConfig config{.policy = BanditPolicy::kUcbCode};
  Bandit bandit = bandit_of(3);
  for (size_t k = 0; k < 3; ++k) pull(bandit, config, k, measured(k == 1 ? 1.0 : 0.0, 0.1));
  Rng rng(3);
  int best = 0;
  for (int i = 0; i < 10'000; ++i) best += choose(bandit, config, rng) == 1;
  EXPECT_NEAR(best / 10'000.0, 0.8, 0.02);
}

// A search of `pulls` children. Each arm makes real improvements (0.02) with its own probability,
// else children 0.02 worse; all are measured with error 0.01. Returns the share of the second half
// that went to arm 0.
double share_of_best(const BanditConfig& config, int pulls, const std::vector<double>& probability,
                     const std::vector<double>& costs, uint64_t seed) {
  Bandit bandit = bandit_of(probability.size());
  Rng rng(seed, "simulation");
  int best = 0;
  for (int i = 0; i < pulls; ++i) {
    const size_t arm = choose(bandit, config, rng);
    if (i >= pulls / 2) best += arm == 0;
    const double truth = rng.chance(probability[arm]) ? 0.02 : -0.02;
    pull(bandit, config, arm, measured(truth + 0.01 * rng.normal(), 0.01, costs[arm]));
  }
  return best / (pulls - pulls / 2.0);
}

double mean_share(const BanditConfig& config, int pulls, const std::vector<double>& probability,
                  const std::vector<double>& costs) {
  double sum = 0;
  constexpr int kSearches = 200;
  for (uint64_t seed = 0; seed < kSearches; ++seed)
    sum += share_of_best(config, pulls, probability, costs, seed);
  return sum / kSearches;
}

// Sparse rewards, as in a search of 40 to 200 candidates: one arm improves one child in five.
TEST(Bandit, DefaultFindsTheBetterArmAtSparseRewards) {
  const std::vector<double> probability = {0.20, 0.05, 0.05, 0.05};
  const std::vector<double> costs(4, 1.0);
  const double at_40 = mean_share({}, 40, probability, costs);
  const double at_200 = mean_share({}, 200, probability, costs);
  EXPECT_GT(at_40, 0.30);  // uniform is 0.25
  EXPECT_GT(at_200, 0.50);
  EXPECT_GT(at_200, at_40);
}

// A somewhat better arm that costs twenty times as much does not earn its price.
TEST(Bandit, DefaultWeighsRewardAgainstCost) {
  const double expensive = mean_share({}, 200, {0.8, 0.5}, {20, 1});
  const double equal = mean_share({}, 200, {0.8, 0.5}, {1, 1});
  EXPECT_GT(equal, 0.6);
  EXPECT_LT(expensive, 0.4);
}

// With equal arms no policy may starve one.
TEST(Bandit, DefaultKeepsTryingEqualArms) {
  EXPECT_NEAR(mean_share({}, 200, {0.1, 0.1, 0.1}, {1, 1, 1}), 1 / 3.0, 0.06);
}

TEST(Bandit, AnArmWhoseProposalsAllFailIsLeftBehind) {
  Bandit bandit = bandit_of(2);
  const BanditConfig config;
  Rng rng(5);
  ArmOutcome failed;
  failed.cost = 1;
  int failing = 0;
  for (int i = 0; i < 200; ++i) {
    const size_t arm = choose(bandit, config, rng);
    failing += i >= 100 && arm == 1;
    if (arm == 0)
      pull(bandit, config, 0, measured(0.01 + 0.005 * rng.normal(), 0.005));
    else
      pull(bandit, config, 1, failed);
  }
  EXPECT_LT(failing, 30);
}

TEST(Bandit, PolicyNamesRoundTrip) {
  for (const char* name : {"posterior", "ucb_paper", "ucb_code"})
    EXPECT_EQ(to_string(*parse_bandit_policy(name)), name);
  EXPECT_FALSE(parse_bandit_policy("thompson"));
}

}  // namespace
}  // namespace ballast::orchestrator
