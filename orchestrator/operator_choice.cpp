#include "orchestrator/operator_choice.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

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

ProposalResult result_of(const Ledger& ledger, const Made& made) {
  ProposalResult out;
  out.cost = made.usd * ledger.config().usd_tokens;
  if (!made.child) return out;
  const Entry& child = ledger.entries()[*made.child];
  out.cost += first_rung_tokens(ledger, child);
  if (child.failed) return out;
  out.ended = ledger.complete(child, 1);
  if (!out.ended) return out;

  size_t rung = static_cast<size_t>(child.highest_rung() - 1);
  if (made.parent) {
    if (const auto change = change_from(child, ledger.entries()[*made.parent])) {
      out.change = change->summary;
      rung = change->rung;
    }
  }
  const evaluator::Summary& reference = *child.estimates[rung];  // differences from it
  if (!out.change) out.change = reference;
  out.from_reference = reference.mean;
  return out;
}

std::optional<ArmOutcome> outcome_of(const ProposalResult& result,
                                     const std::optional<evaluator::VariancePrior>& prior) {
  if (!result.ended) return std::nullopt;
  ArmOutcome out;
  out.cost = result.cost;
  if (!result.change) {
    out.standard_error = prior ? std::sqrt(prior->variance) : 0;
    return out;
  }
  out.improvement = -result.change->mean;
  out.standard_error = standard_error(*result.change, prior);
  out.improvement_over_baseline = std::min(-result.change->mean, -result.from_reference);
  return out;
}

Bandit bandit_of(const Ledger& ledger, std::span<const Made> made) {
  return ArmHistory().bandit(ledger, made);
}

const ProposalResult& ArmHistory::result(const Ledger& ledger, const Made& made, Past& past) {
  const auto version = [&](const std::optional<size_t>& entry) {
    return entry ? ledger.entries()[*entry].version : 0;
  };
  const std::pair now(version(made.child), version(made.parent));
  if (past.versions != now) {
    past.result = result_of(ledger, made);
    past.versions = now;
  }
  return past.result;
}

Bandit ArmHistory::bandit(const Ledger& ledger, std::span<const Made> made) {
  const std::vector<OperatorConfig>& operators = ledger.config().operators;
  if (ended_.arms.empty()) ended_.arms.resize(operators.size());
  for (size_t i = past_.size(); i < made.size(); ++i) {
    const auto op = std::ranges::find_if(operators, [&](const OperatorConfig& o) {
      return o.name == made[i].op && o.model == made[i].model;
    });
    const bool is_text = op == operators.end();  // to start from: no arm made it
    past_.emplace_back().arm =
        is_text ? std::nullopt : std::optional(static_cast<size_t>(op - operators.begin()));
  }

  // What has ended stays so: counted once, up to the first that has not.
  const auto count = [&](Bandit& bandit, size_t i) {
    if (!past_[i].arm) return true;
    const bool ended = result(ledger, made[i], past_[i]).ended;
    bandit.arms[*past_[i].arm].submitted += 1;
    bandit.arms[*past_[i].arm].completed += ended ? 1 : 0;
    return ended;
  };
  for (; first_open_ < made.size(); ++first_open_) {
    Bandit more = ended_;
    if (!count(more, first_open_)) break;
    ended_ = std::move(more);
  }
  Bandit bandit = ended_;
  for (size_t i = first_open_; i < made.size(); ++i) count(bandit, i);

  const BanditConfig config = bandit_config(ledger.config());
  const size_t memory = memory_of(config);
  size_t from = made.size(), remembered = 0;
  for (; from > 0 && remembered < memory; --from)
    if (past_[from - 1].arm && result(ledger, made[from - 1], past_[from - 1]).ended) ++remembered;
  const auto& prior = variance_prior(ledger);
  for (size_t i = from; i < made.size(); ++i)
    if (past_[i].arm)
      if (const auto outcome = outcome_of(past_[i].result, prior))
        earn(bandit, config, *past_[i].arm, *outcome);
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
    ArmStatus status{arm_name(config.operators[k]), arm.submitted, arm.completed,
                     mean_reward(arm, policy), 0};
    if (submitted > 0) status.share = static_cast<double>(arm.submitted) / submitted;
    out.push_back(std::move(status));
  }
  return out;
}

}  // namespace ballast::orchestrator
