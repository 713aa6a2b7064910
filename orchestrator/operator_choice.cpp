#include "orchestrator/operator_choice.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "orchestrator/standing.h"

namespace ballast::orchestrator {
namespace {

constexpr std::string_view kFixed = "fixed";

BanditConfig bandit_config(const SearchConfig& config) {
  BanditConfig out;
  out.policy = parse_bandit_policy(config.bandit).value_or(BanditPolicy::kPosterior);
  return out;
}

// Of its coefficient's ladder.
double first_rung_tokens(const Ledger& ledger, const Entry& entry) {
  const size_t trials = entry.ladder > 0 ? entry.ladder : entry.trials.size();
  return static_cast<double>(trials) * static_cast<double>(ledger.config().rungs[0].tokens);
}

}  // namespace

std::vector<std::string_view> bandit_rules() {
  std::vector<std::string_view> out;
  for (const BanditPolicy policy :
       {BanditPolicy::kPosterior, BanditPolicy::kUcbPaper, BanditPolicy::kUcbCode})
    out.push_back(to_string(policy));
  out.push_back(kFixed);
  return out;
}

std::optional<ArmOutcome> outcome_of(const Ledger& ledger, const Made& made,
                                     const std::optional<evaluator::VariancePrior>& prior) {
  if (made.waiting) return std::nullopt;
  ArmOutcome out;
  out.standard_error = prior ? std::sqrt(prior->variance) : 0;
  out.cost = made.usd * ledger.config().usd_tokens;
  if (!made.child) return out;
  const Entry& child = ledger.entries()[*made.child];
  out.cost += first_rung_tokens(ledger, child);
  if (child.failed) return out;
  if (!ledger.complete(child, 1)) return std::nullopt;

  evaluator::Summary summary;
  size_t rung = static_cast<size_t>(ledger.highest_rung(child) - 1);
  if (made.parent) {
    if (const auto change = change_from(child, ledger.entries()[*made.parent])) {
      summary = change->summary;
      summary.mean = -summary.mean;
      rung = change->rung;
    }
  }
  const evaluator::Summary& reference = *child.estimates[rung];  // differences from it
  if (summary.pairs == 0) {
    summary = reference;
    summary.mean = -reference.mean;
  }
  out.improvement = summary.mean;
  out.standard_error = standard_error(summary, prior);
  out.improvement_over_baseline = std::min(summary.mean, -reference.mean);
  return out;
}

Bandit bandit_of(const Ledger& ledger, std::span<const Made> made) {
  const std::vector<OperatorConfig>& operators = ledger.config().operators;
  const BanditConfig config = bandit_config(ledger.config());
  const auto prior = variance_prior(ledger);
  Bandit bandit;
  bandit.arms.resize(operators.size());
  for (const Made& one : made) {
    const auto op = std::find_if(operators.begin(), operators.end(), [&](const OperatorConfig& o) {
      return o.name == one.op && o.model == one.model;
    });
    if (op == operators.end()) continue;  // a text to start from
    const auto arm = static_cast<size_t>(op - operators.begin());
    submit(bandit, arm);
    if (const auto outcome = outcome_of(ledger, one, prior))
      complete(bandit, config, arm, *outcome);
  }
  return bandit;
}

std::string arm_name(const OperatorConfig& arm) {
  return arm.model.empty() ? arm.name : arm.name + " " + arm.model;
}

std::optional<size_t> choose_operator(const SearchConfig& config, const Bandit& bandit,
                                      const std::vector<bool>& tried,
                                      const std::vector<bool>& closed, Rng& rng) {
  const size_t arms = config.operators.size();
  assert(bandit.arms.size() == arms && tried.size() == arms && closed.size() == arms);
  std::vector<size_t> enabled, open;
  std::vector<double> weights(arms, 0);
  double submitted = 0, all = 0;
  for (size_t k = 0; k < arms; ++k) {
    if (!(config.operators[k].weight > 0)) continue;
    ++all;
    submitted += static_cast<double>(bandit.arms[k].submitted);
    if (closed[k]) continue;
    enabled.push_back(k);
    weights[k] = config.operators[k].weight;
    if (!tried[k]) open.push_back(k);
  }
  if (enabled.empty()) return std::nullopt;
  if (config.bandit == kFixed) return rng.weighted(weights);
  if (open.empty()) open = enabled;

  const size_t behind = *std::min_element(open.begin(), open.end(), [&](size_t a, size_t b) {
    return bandit.arms[a].submitted < bandit.arms[b].submitted;
  });
  const double floor =
      std::min(config.bandit_floor * kFloorArms / std::max(kFloorArms, all), 1 / all);
  if (static_cast<double>(bandit.arms[behind].submitted) < floor * submitted) return behind;

  Bandit among = bandit;
  among.arms.clear();
  for (const size_t k : open) among.arms.push_back(bandit.arms[k]);
  return open[choose(among, bandit_config(config), rng)];
}

std::vector<ArmStatus> arm_status(const SearchConfig& config, const Bandit& bandit) {
  const BanditPolicy policy = bandit_config(config).policy;
  double submitted = 0;
  for (const Arm& arm : bandit.arms) submitted += static_cast<double>(arm.submitted);
  std::vector<ArmStatus> out;
  for (size_t k = 0; k < bandit.arms.size(); ++k) {
    const Arm& arm = bandit.arms[k];
    ArmStatus status{arm_name(config.operators[k]), arm.submitted, arm.completed, std::nullopt, 0};
    if (arm.completed > 0) status.mean_reward = mean_reward(arm, policy);
    if (submitted > 0) status.share = static_cast<double>(arm.submitted) / submitted;
    out.push_back(std::move(status));
  }
  return out;
}

}  // namespace ballast::orchestrator
