// Who writes the next candidate: a bandit over arms, an arm being an operator, or an operator and
// a model. Pure functions of plain data; three policies.
//
// Scores are "higher is better" here: minus the objective's difference to the reference.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "common/rng.h"

namespace ballast::orchestrator {

enum class BanditPolicy {
  kPosterior,  // the default: docs/design.md, section 7
  kUcbPaper,   // UCB1 as arXiv 2509.19349 describes it
  kUcbCode,    // what ShinkaEvolve 0.0.7 runs (AsymmetricUCB)
};
std::string_view to_string(BanditPolicy policy);  // "posterior", "ucb_paper", "ucb_code"
std::optional<BanditPolicy> parse_bandit_policy(std::string_view text);

// What became of one proposal of an arm.
struct ArmOutcome {
  // A measured child's improvement over its parent and the standard error of that difference, in
  // units of the objective. nullopt: the proposal never became a measured child (rejected, failed).
  std::optional<double> improvement;
  // Used by kPosterior only. Without an improvement: that at which the proposal counts as a
  // hopeless child; 0: it earns nothing.
  double standard_error = 0;
  // Improvement over the better of the parent and the first program: the baseline of the UCB rules.
  std::optional<double> improvement_over_baseline;
  double cost = 0;  // in one unit for all arms: seconds, or money
};

// Sums over an arm's outcomes, those of the policy at work. Starts at all zeros for an arm never
// tried.
struct Arm {
  int64_t submitted = 0;  // proposals asked of the arm
  int64_t completed = 0;  // outcomes received

  // kPosterior: discounted sums.
  double weight = 0, reward = 0, reward_squared = 0, cost = 0;

  // kUcbPaper: plain sum of exp(max(d, 0)) - 1.
  double paper_reward = 0;

  // kUcbCode: log of the decayed reward sum, and the decayed count of rewards.
  double log_reward = -std::numeric_limits<double>::infinity();
  double count = 0;
  double total_cost = 0;
  int64_t cost_count = 0;

  bool operator==(const Arm&) const = default;
};

struct Bandit {
  std::vector<Arm> arms;
  double paper_max = 0;  // largest single reward seen by kUcbPaper: its scale
  double code_log_max = -std::numeric_limits<double>::infinity();  // kUcbCode's obs_max

  bool operator==(const Bandit&) const = default;
};

struct BanditConfig {
  BanditPolicy policy = BanditPolicy::kPosterior;
  // kPosterior: weight of an outcome after each later one (of any arm), and how many outcomes the
  // pooled mean counts for in each arm's own mean.
  double discount = 0.99;
  double prior_weight = 2;
  // UCB policies.
  double exploration = 1.0;
  // kUcbCode.
  double epsilon = 0.2;
  double decay = 0.95;
  double cost_awareness = 0.5;  // kappa
  double cost_exploration = 0.1;
};

// E[max(X, 0)] for X ~ N(mean, deviation^2); max(mean, 0) when deviation is 0.
double expected_improvement(double mean, double deviation);

// What a measured child earns under kPosterior: the posterior expected improvement over its parent
// (flat prior), minus what a child no better than its parent earns on average at the same standard
// error, sqrt(2) s phi(0). So arms that only make neutral edits earn 0 in expectation, however
// noisy the measurement (kUcbCode pays them for noise). At least -0.57 s: what a hopeless child
// costs.
double null_corrected_improvement(double improvement, double standard_error);

// Records that a proposal was asked of an arm, or what became of it. REQUIRES: arm < arms.size().
void submit(Bandit& bandit, size_t arm);
void complete(Bandit& bandit, const BanditConfig& config, size_t arm, const ArmOutcome& outcome);
// The second without counting it.
void earn(Bandit& bandit, const BanditConfig& config, size_t arm, const ArmOutcome& outcome);

// So many of the last outcomes say all there is to say: with kPosterior's discount those before
// them weigh less than 1e-4 together. The UCB rules forget nothing.
size_t memory_of(const BanditConfig& config);

// What an arm's outcomes earned on average: discounted (kPosterior), plain (kUcbPaper), decayed
// (kUcbCode). nullopt: of none is anything remembered.
std::optional<double> mean_reward(const Arm& arm, BanditPolicy policy);

// The deterministic part of the UCB policies, exposed for tests: one score an arm, +infinity for an
// arm never submitted.
std::vector<double> ucb_scores(const Bandit& bandit, const BanditConfig& config);

// The arm to ask next. Arms never submitted come first, uniformly. REQUIRES: at least one arm.
size_t choose(const Bandit& bandit, const BanditConfig& config, Rng& rng);

}  // namespace ballast::orchestrator
