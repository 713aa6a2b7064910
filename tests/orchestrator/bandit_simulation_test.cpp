// The bandit at the rewards that a search really has: 40 to 200 children, of which a few in a
// hundred improve. And the published UCB rules over a longer trace, against values computed by
// hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <vector>

#include "orchestrator/bandit.h"

namespace ballast::orchestrator {
namespace {

constexpr uint64_t kSearches = 2000;
constexpr double kGain = 0.02;   // nats, of a child that improves
constexpr double kLoss = 0.02;   // of one that does not, on average
constexpr double kError = 0.01;  // standard error of either as measured

struct World {
  std::vector<double> improves;  // probability, by arm; the first arm is the best
  double loss = 0.02;            // nats, of a child that does not improve, on average
  double fails = 0.3;            // share of the proposals that never become a measured child
  int in_flight = 1;             // proposals without an outcome yet
};

struct Result {
  double share = 0;   // of the pulls that went to the best arm
  double reward = 0;  // true improvements found, in nats
};

Result search(const BanditConfig& config, const World& world, int pulls, uint64_t seed) {
  Bandit bandit;
  bandit.arms.resize(world.improves.size());
  Rng choices(seed, "choices"), truth(seed, "truth");
  std::deque<std::pair<size_t, ArmOutcome>> running;
  Result out;
  const auto finish = [&] {
    complete(bandit, config, running.front().first, running.front().second);
    running.pop_front();
  };
  for (int i = 0; i < pulls; ++i) {
    const size_t arm = choose(bandit, config, choices);
    submit(bandit, arm);
    out.share += (arm == 0 ? 1.0 : 0.0) / pulls;
    ArmOutcome outcome;
    outcome.cost = 1;
    if (!truth.chance(world.fails)) {
      const bool improves = truth.chance(world.improves[arm]);
      const double change = improves ? kGain : -world.loss * truth.uniform(0, 2);
      out.reward += improves ? kGain : 0;
      outcome.improvement = change + kError * truth.normal();
      outcome.improvement_over_baseline = outcome.improvement;
      outcome.standard_error = kError;
    }
    running.emplace_back(arm, outcome);
    if (static_cast<int>(running.size()) >= world.in_flight) finish();
  }
  return out;
}

// A mean over many searches and its standard error.
struct Mean {
  double value = 0, error = 0;
};

Mean mean_of(const std::vector<double>& x) {
  const auto n = static_cast<double>(x.size());
  double sum = 0, squares = 0;
  for (const double v : x) sum += v;
  for (const double v : x) squares += (v - sum / n) * (v - sum / n);
  return {sum / n, std::sqrt(squares / (n - 1) / n)};
}

struct Means {
  Mean share, reward;
};

Means simulate(const BanditConfig& config, const World& world, int pulls) {
  std::vector<double> shares, rewards;
  for (uint64_t seed = 0; seed < kSearches; ++seed) {
    const Result result = search(config, world, pulls, seed);
    shares.push_back(result.share);
    rewards.push_back(result.reward);
  }
  return {mean_of(shares), mean_of(rewards)};
}

// What asking all arms alike would find.
double uniform_reward(const World& world, int pulls) {
  double sum = 0;
  for (const double p : world.improves) sum += p;
  return pulls * (1 - world.fails) * kGain * sum / static_cast<double>(world.improves.size());
}

void expect_better_than_uniform(const World& world, int pulls, double share_above,
                                double reward_times) {
  SCOPED_TRACE(testing::Message() << pulls << " pulls, " << world.in_flight << " in flight");
  const Means got = simulate({}, world, pulls);
  const double uniform = 1.0 / static_cast<double>(world.improves.size());
  const double reward = uniform_reward(world, pulls);
  testing::Test::RecordProperty(
      "at_" + std::to_string(pulls) + "_in_flight_" + std::to_string(world.in_flight),
      "share " + std::to_string(got.share.value) + " +- " + std::to_string(got.share.error) +
          ", reward " + std::to_string(got.reward.value / reward) + " times uniform");
  EXPECT_GT(got.share.value, uniform + share_above);
  EXPECT_GT(got.share.value, uniform + 3 * got.share.error);
  EXPECT_GT(got.reward.value, reward_times * reward);
  EXPECT_GT(got.reward.value, reward + 3 * got.reward.error);
}

TEST(BanditSimulation, DefaultFindsTheArmThatImprovesOneChildInTen) {
  const World world{.improves = {0.10, 0.02, 0.02, 0.02}};
  expect_better_than_uniform(world, 40, 0.0, 1.0);
  expect_better_than_uniform(world, 100, 0.0, 1.0);
  expect_better_than_uniform(world, 200, 0.0, 1.0);
}

TEST(BanditSimulation, DefaultFindsItWithEightProposalsUnderWay) {
  const World world{.improves = {0.10, 0.02, 0.02, 0.02}, .fails = 0.3, .in_flight = 8};
  expect_better_than_uniform(world, 40, 0.0, 1.0);
  expect_better_than_uniform(world, 100, 0.0, 1.0);
  expect_better_than_uniform(world, 200, 0.0, 1.0);
}

TEST(BanditSimulation, DefaultFindsTheArmThatImprovesOneChildInTwenty) {
  const World world{.improves = {0.05, 0.01, 0.01, 0.01}};
  expect_better_than_uniform(world, 100, 0.0, 1.0);
  expect_better_than_uniform(world, 200, 0.0, 1.0);
}

TEST(BanditSimulation, OthersFor) {
  for (const BanditPolicy policy : {BanditPolicy::kPosterior,BanditPolicy::kUcbPaper, BanditPolicy::kUcbCode})
  for (const double loss : {0.02,0.0})
  for (const int pulls : {40, 100, 200}) {
    const World world{.improves = {0.10, 0.02, 0.02, 0.02},.loss=loss};
    const Means m = simulate({.policy = policy}, world, pulls);
    printf("%s loss %.2f %d share %.3f+-%.3f reward %.3f+-%.3f\n", std::string(to_string(policy)).c_str(), loss,pulls, m.share.value, m.share.error, m.reward.value / uniform_reward(world, pulls), m.reward.error / uniform_reward(world, pulls));
  }
}

}  // namespace
}  // namespace ballast::orchestrator
