#include "orchestrator/bandit.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

#include "evaluator/statistics.h"

namespace ballast::orchestrator {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kPhi0 = 1 / std::sqrt(2 * std::numbers::pi);     // standard normal density at 0
const double kNullImprovement = std::numbers::sqrt2 * kPhi0;  // of a null child at standard error 1

double log_add(double a, double b) {  // log(exp(a) + exp(b))
  const double high = std::max(a, b);
  return high == -kInfinity ? high : high + std::log1p(std::exp(std::min(a, b) - high));
}

// AsymmetricUCB's decay of a log reward: S' = f S / (1 + (1 - f) S).
double decay_log(double x, double f) {
  return x == -kInfinity ? x : std::log(f) + x - log_add(0, std::log1p(-f) + x);
}

// Mean log reward of one completed outcome.
double code_mean(const Arm& arm) { return arm.log_reward - std::log(std::max(arm.count, 1e-7)); }

void complete_posterior(Bandit& bandit, const BanditConfig& config, Arm& arm,
                        const ArmOutcome& outcome) {
  for (Arm& other : bandit.arms) {
    other.weight *= config.discount;
    other.reward *= config.discount;
    other.reward_squared *= config.discount;
    other.cost *= config.discount;
  }
  const double reward =
      outcome.improvement ? null_corrected_improvement(*outcome.improvement, outcome.standard_error)
                          : -kNullImprovement * outcome.standard_error;
  arm.weight += 1;
  arm.reward += reward;
  arm.reward_squared += reward * reward;
  arm.cost += outcome.cost;
}

void complete_paper(Bandit& bandit, Arm& arm, const ArmOutcome& outcome) {
  const double reward = std::expm1(std::max(outcome.improvement_over_baseline.value_or(0), 0.0));
  arm.paper_reward += reward;
  bandit.paper_max = std::max(bandit.paper_max, reward);
}

void complete_code(Bandit& bandit, const BanditConfig& config, Arm& arm,
                   const ArmOutcome& outcome) {
  const double d = std::max(outcome.improvement_over_baseline.value_or(0), 0.0);
  const double x = d > 0 ? std::log(std::expm1(d)) : -kInfinity;
  arm.log_reward = log_add(arm.log_reward, x);
  arm.count += 1;
  arm.total_cost += outcome.cost;
  arm.cost_count += 1;
  bandit.code_log_max = std::max(bandit.code_log_max, x);
  for (Arm& other : bandit.arms) {
    other.count *= config.decay;
    other.log_reward = decay_log(other.log_reward, config.decay);
  }
  bandit.code_log_max = decay_log(bandit.code_log_max, config.decay);
  for (const Arm& other : bandit.arms)
    if (other.completed > 0) bandit.code_log_max = std::max(bandit.code_log_max, code_mean(other));
}

double pulls(const Arm& arm) { return static_cast<double>(std::max(arm.submitted, arm.completed)); }

double all_pulls(const Bandit& bandit) {
  double t = 0;
  for (const Arm& arm : bandit.arms) t += pulls(arm);
  return t;
}

// UCB1 with rewards scaled to [0, 1] by the largest seen: the paper says "normalised with tracked
// statistics" and no more.
double paper_score(const Bandit& bandit, const BanditConfig& config, const Arm& arm, double t) {
  const double scale = bandit.paper_max > 0 ? bandit.paper_max : 1;
  const double mean =
      arm.completed > 0 ? arm.paper_reward / static_cast<double>(arm.completed) / scale : 0;
  return mean + config.exploration * std::sqrt(2 * std::log(std::max(t, 2.0)) / pulls(arm));
}

// Cheapness of each arm in (0, 1], optimistic; all 1 while no cost is known.
std::vector<double> code_cheapness(const Bandit& bandit, const BanditConfig& config, double t) {
  std::vector<double> means, cheapness(bandit.arms.size(), 1.0);
  for (const Arm& arm : bandit.arms)
    if (arm.cost_count > 0) means.push_back(arm.total_cost / static_cast<double>(arm.cost_count));
  if (means.empty()) return cheapness;
  const auto [low, high] = std::minmax_element(means.begin(), means.end());
  const double range = *high - *low, reference = evaluator::median(means);
  double largest = 0;
  for (size_t k = 0; k < bandit.arms.size(); ++k) {
    const Arm& arm = bandit.arms[k];
    if (arm.cost_count == 0) continue;
    const double n = static_cast<double>(arm.cost_count);
    const double bound = arm.total_cost / n - config.cost_exploration * range *
                                                  std::sqrt(2 * std::log(std::max(t, 2.0)) / n);
    cheapness[k] = reference / std::max(bound, 1e-7);
    largest = std::max(largest, cheapness[k]);
  }
  for (size_t k = 0; k < cheapness.size(); ++k)
    cheapness[k] = bandit.arms[k].cost_count == 0 || largest <= 0 ? 1 : cheapness[k] / largest;
  return cheapness;
}

size_t uniform_of(const std::vector<size_t>& among, Rng& rng) {
  return among[static_cast<size_t>(rng.below(static_cast<int64_t>(among.size())))];
}

std::vector<size_t> best_of(const std::vector<double>& scores) {
  const double best = *std::max_element(scores.begin(), scores.end());
  std::vector<size_t> winners;
  for (size_t k = 0; k < scores.size(); ++k)
    if (scores[k] == best) winners.push_back(k);
  return winners;
}

// Thompson sampling of each arm's mean reward, less the price of its cost: rho is what a unit of
// cost earned on average so far (the gain rate of the budgeted bandit), never negative. A
// difference, not a quotient, so that negative rewards do not make expensive arms look good.
size_t choose_posterior(const Bandit& bandit, const BanditConfig& config, Rng& rng) {
  double weight = 0, reward = 0, squared = 0, cost = 0;
  for (const Arm& arm : bandit.arms) {
    weight += arm.weight;
    reward += arm.reward;
    squared += arm.reward_squared;
    cost += arm.cost;
  }
  if (weight <= 0) return static_cast<size_t>(rng.below(static_cast<int64_t>(bandit.arms.size())));
  const double mean = reward / weight;
  const double variance = std::max(squared / weight - mean * mean, 0.0);
  const double mean_cost = cost / weight;
  const double rho = cost > 0 ? std::max(reward / cost, 0.0) : 0;

  std::vector<double> scores;
  for (const Arm& arm : bandit.arms) {
    const double n = arm.weight + config.prior_weight;
    const double m = (arm.reward + config.prior_weight * mean) / n;
    const double c = (arm.cost + config.prior_weight * mean_cost) / n;
    scores.push_back(m + std::sqrt(variance / n) * rng.normal() - rho * c);
  }
  return uniform_of(best_of(scores), rng);
}

size_t choose_epsilon(const std::vector<double>& scores, double epsilon, Rng& rng) {
  const std::vector<size_t> winners = best_of(scores);
  if (winners.size() == scores.size() || !rng.chance(epsilon)) return uniform_of(winners, rng);
  std::vector<size_t> others;
  for (size_t k = 0; k < scores.size(); ++k)
    if (std::find(winners.begin(), winners.end(), k) == winners.end()) others.push_back(k);
  return uniform_of(others, rng);
}

}  // namespace

std::string_view to_string(BanditPolicy policy) {
  switch (policy) {
    case BanditPolicy::kPosterior:
      return "posterior";
    case BanditPolicy::kUcbPaper:
      return "ucb_paper";
    case BanditPolicy::kUcbCode:
      return "ucb_code";
  }
  return "";
}

std::optional<BanditPolicy> parse_bandit_policy(std::string_view text) {
  for (const BanditPolicy policy :
       {BanditPolicy::kPosterior, BanditPolicy::kUcbPaper, BanditPolicy::kUcbCode})
    if (to_string(policy) == text) return policy;
  return std::nullopt;
}

double expected_improvement(double mean, double deviation) {
  if (deviation <= 0) return std::max(mean, 0.0);
  const double z = mean / deviation;
  const double density = kPhi0 * std::exp(-z * z / 2);
  const double below = std::erfc(-z / std::numbers::sqrt2) / 2;
  return mean * below + deviation * density;
}

double null_corrected_improvement(double improvement, double standard_error) {
  // A null child measures m ~ N(0, s^2) and then has the posterior N(m, s^2): on average its
  // expected improvement is that of N(0, 2 s^2).
  return expected_improvement(improvement, standard_error) - kNullImprovement * standard_error;
}

void submit(Bandit& bandit, size_t arm) {
  assert(arm < bandit.arms.size());
  bandit.arms[arm].submitted += 1;
}

void complete(Bandit& bandit, const BanditConfig& config, size_t arm, const ArmOutcome& outcome) {
  assert(arm < bandit.arms.size());
  bandit.arms[arm].completed += 1;
  earn(bandit, config, arm, outcome);
}

void earn(Bandit& bandit, const BanditConfig& config, size_t arm, const ArmOutcome& outcome) {
  assert(arm < bandit.arms.size());
  Arm& chosen = bandit.arms[arm];
  switch (config.policy) {
    case BanditPolicy::kPosterior:
      return complete_posterior(bandit, config, chosen, outcome);
    case BanditPolicy::kUcbPaper:
      return complete_paper(bandit, chosen, outcome);
    case BanditPolicy::kUcbCode:
      return complete_code(bandit, config, chosen, outcome);
  }
}

size_t memory_of(const BanditConfig& config) {
  constexpr double kForgotten = 1e-4;
  if (config.policy != BanditPolicy::kPosterior || config.discount >= 1)
    return std::numeric_limits<size_t>::max();
  // The tail of a geometric series, against its sum.
  return static_cast<size_t>(std::ceil(std::log(kForgotten) / std::log(config.discount)));
}

std::optional<double> mean_reward(const Arm& arm, BanditPolicy policy) {
  if (arm.completed == 0) return std::nullopt;
  switch (policy) {
    case BanditPolicy::kPosterior:
      if (arm.weight == 0) return std::nullopt;
      return arm.reward / arm.weight;
    case BanditPolicy::kUcbPaper:
      return arm.paper_reward / static_cast<double>(arm.completed);
    case BanditPolicy::kUcbCode:
      return std::exp(code_mean(arm));
  }
  return 0;
}

std::vector<double> ucb_scores(const Bandit& bandit, const BanditConfig& config) {
  assert(config.policy != BanditPolicy::kPosterior);
  const double t = all_pulls(bandit);
  const bool code = config.policy == BanditPolicy::kUcbCode;
  const std::vector<double> cheapness =
      code ? code_cheapness(bandit, config, t) : std::vector<double>{};
  std::vector<double> scores;
  for (size_t k = 0; k < bandit.arms.size(); ++k) {
    const Arm& arm = bandit.arms[k];
    if (pulls(arm) == 0) {
      scores.push_back(kInfinity);
    } else if (!code) {
      scores.push_back(paper_score(bandit, config, arm, t));
    } else {
      const double mean = code_mean(arm);
      const double mu = mean == -kInfinity ? 0 : std::exp(mean - bandit.code_log_max);
      const double u =
          mu + config.exploration * std::sqrt(2 * std::log(std::max(t, 2.0)) / pulls(arm));
      scores.push_back((1 - config.cost_awareness) * u + config.cost_awareness * cheapness[k]);
    }
  }
  return scores;
}

size_t choose(const Bandit& bandit, const BanditConfig& config, Rng& rng) {
  assert(!bandit.arms.empty());
  std::vector<size_t> unseen;
  for (size_t k = 0; k < bandit.arms.size(); ++k)
    if (pulls(bandit.arms[k]) == 0) unseen.push_back(k);
  if (!unseen.empty()) return uniform_of(unseen, rng);
  if (config.policy == BanditPolicy::kPosterior) return choose_posterior(bandit, config, rng);
  const std::vector<double> scores = ucb_scores(bandit, config);
  return choose_epsilon(scores, config.policy == BanditPolicy::kUcbCode ? config.epsilon : 0, rng);
}

}  // namespace ballast::orchestrator
