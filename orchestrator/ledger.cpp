#include "orchestrator/ledger.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "orchestrator/seeds.h"

namespace ballast::orchestrator {

using evaluator::coefficient_text;
using evaluator::CoefficientTrial;

namespace {

// Three points around the centre first (docs/design.md, section 5).
constexpr int kFirstPoints = 3;

// No other coefficient mends these.
bool is_fatal(Outcome outcome) {
  return outcome != Outcome::kOk && outcome != Outcome::kNonfinite && outcome != Outcome::kDiverged;
}

}  // namespace

std::string_view builtin_track(std::string_view name) {
  if (name == "none") return "none";
  return name == "loss_free" ? "bias" : "loss";
}

Ledger::Ledger(const SearchConfig& config)
    : config_(config),
      objective_{config.objective, config.mu, config.target},
      spec_hash_(ballast::spec_hash(config.spec)),
      roster_(config) {
  for (const BuiltinConfig& builtin : config_.builtins)
    builtin_coefficients_[builtin.name] = coefficient_text(builtin.coefficient);
  for (const RungConfig& rung : config_.rungs) {
    const int count = std::max(rung.seeds, config_.builtin_seeds);
    std::vector<uint64_t>& seeds = seeds_.emplace_back();
    std::map<uint64_t, int>& indices = seed_indices_.emplace_back();
    for (int i = 0; i < count; ++i) {
      seeds.push_back(block_seed(config_.seed, rung.block, i));
      indices.emplace(seeds.back(), i);
    }
  }
}

size_t Ledger::add(const population::CandidateRow& candidate, std::string_view op) {
  Entry entry;
  entry.identity = candidate.identity;
  entry.name = candidate.name;
  entry.source = candidate.source;
  entry.track = candidate.track;
  entry.op = op;
  entry.unit = candidate.unit;
  entry.builtin = candidate.identity.starts_with("builtin:");
  for (size_t r = 0; r < seeds_.size(); ++r) entry.scores.emplace_back(seeds_[r].size());
  entry.begun.assign(seeds_.size(), 0);
  entry.estimates.assign(seeds_.size(), std::nullopt);
  if (entry.builtin) {
    entry.ladder_coefficient = entry.coefficient = builtin_coefficients_.at(candidate.name);
    if (candidate.name == config_.reference) reference_ = entries_.size();
  } else {
    entry.next_trial = next_trial(entry);
  }
  by_identity_.emplace(entry.identity, entries_.size());
  entries_.push_back(std::move(entry));
  changed(entries_.size() - 1);
  return entries_.size() - 1;
}

void Ledger::changed(size_t index) {
  ++entries_[index].version;
  roster_.update(index, entries_[index], index == reference_);
}

// That of the built-in of the same kind: the reference, else the first one with a coefficient. A
// text with only the second hook is a bias rule and has its neighbours among those.
double Ledger::centre(std::string_view track) const {
  const std::string_view kind = track == "bias" ? "bias" : "loss";
  double found = 0;
  for (const BuiltinConfig& builtin : config_.builtins) {
    if (builtin_track(builtin.name) != kind || !(builtin.coefficient > 0)) continue;
    if (found == 0 || builtin.name == config_.reference) found = builtin.coefficient;
  }
  return found > 0 ? found : 1;
}

std::optional<size_t> Ledger::find(std::string_view identity) const {
  const auto it = by_identity_.find(std::string(identity));
  if (it == by_identity_.end()) return std::nullopt;
  return it->second;
}

bool Ledger::is_configured_builtin(std::string_view identity) const {
  constexpr std::string_view kPrefix = "builtin:";
  return identity.starts_with(kPrefix) &&
         builtin_coefficients_.contains(identity.substr(kPrefix.size()));
}

population::EvaluationKey Ledger::key(const Want& want) const {
  population::EvaluationKey key;
  key.identity = entries_[want.entry].identity;
  key.spec_hash = spec_hash_;
  key.rung = want.rung;
  key.seed = seeds_[static_cast<size_t>(want.rung - 1)][static_cast<size_t>(want.seed)];
  key.coefficient = want.coefficient;
  key.build = config_.build;
  key.device_class = config_.device_class;
  return key;
}

std::optional<Want> Ledger::want_of(const population::EvaluationKey& key) const {
  const std::optional<size_t> entry = find(key.identity);
  if (!entry || key.spec_hash != spec_hash_ || key.build != config_.build ||
      key.device_class != config_.device_class || key.rung < 1 || key.rung > rungs())
    return std::nullopt;
  const auto& indices = seed_indices_[static_cast<size_t>(key.rung - 1)];
  const auto seed = indices.find(key.seed);
  if (seed == indices.end()) return std::nullopt;
  return Want{*entry, key.rung, seed->second, key.coefficient};
}

std::string_view Ledger::purpose(const Want& want) const {
  if (want.entry == reference_) return "reference";
  if (want.rung == 1) return "coefficient";
  const SeedBlock block = config_.rungs[static_cast<size_t>(want.rung - 1)].block;
  return block == SeedBlock::kC ? "champion" : "estimate";
}

void Ledger::begin(const Want& want) {
  Entry& entry = entries_[want.entry];
  ++entry.begun[static_cast<size_t>(want.rung - 1)];
  entry.running.push_back(want);
  changed(want.entry);
}

void Ledger::cancel(const Want& want) {
  Entry& entry = entries_[want.entry];
  const auto it = std::find(entry.running.begin(), entry.running.end(), want);
  assert(it != entry.running.end());
  entry.running.erase(it);
  --entry.begun[static_cast<size_t>(want.rung - 1)];
  changed(want.entry);
}

void Ledger::settle(size_t entry, int island) {
  std::vector<int>& islands = entries_[entry].islands;
  const auto place = std::lower_bound(islands.begin(), islands.end(), island);
  if (place == islands.end() || *place != island) islands.insert(place, island);
}

evaluator::CoefficientPlan Ledger::ladder_of(std::string_view track) const {
  evaluator::CoefficientPlan plan;
  plan.centre = centre(track);
  plan.factor = config_.coefficient_step;
  plan.first = std::min(kFirstPoints, config_.coefficient_trials);
  plan.max_trials = config_.coefficient_trials;
  return plan;
}

std::optional<std::string> Ledger::next_trial(const Entry& entry) const {
  evaluator::CoefficientPlan plan = ladder_of(entry.track);
  if (entry.ladder > 0) {
    plan.max_trials = static_cast<int>(entry.ladder) + config_.coefficient_refinements;
    plan.refine = true;
  }
  std::vector<std::string> next = evaluator::next_coefficients(plan, entry.trials);
  if (next.empty()) return std::nullopt;
  return std::move(next.front());
}

std::optional<std::string> Ledger::next_reference_trial(size_t trials) const {
  const Entry& entry = entries_[*reference_];
  evaluator::CoefficientPlan plan = ladder_of(entry.track);
  plan.centre = evaluator::coefficient_value(entry.coefficient);
  if (!(plan.centre > 0)) return std::nullopt;  // nothing to tune
  plan.max_trials = static_cast<int>(trials);
  plan.refine = true;
  std::vector<std::string> next = evaluator::next_coefficients(plan, entry.trials);
  if (next.empty()) return std::nullopt;
  return std::move(next.front());
}

std::string Ledger::refined_reference() const {
  const Entry& entry = entries_[*reference_];
  return evaluator::chosen_coefficient(entry.trials).value_or(entry.coefficient);
}

std::optional<double> Ledger::reference_score(int rung, int seed,
                                              const std::string& coefficient) const {
  const auto it = reference_scores_.find({rung, seed, coefficient});
  if (it == reference_scores_.end()) return std::nullopt;
  return it->second;
}

void Ledger::finish_reference(const Want& want, Outcome outcome, double objective) {
  const bool ok = outcome == Outcome::kOk;
  if (want.rung == 1) {
    entries_[*reference_].trials.push_back(
        {want.coefficient, ok ? CoefficientTrial::State::kDone : CoefficientTrial::State::kFailed,
         ok ? objective : 0});
  }
  if (want.coefficient != entries_[*reference_].coefficient)
    reference_scores_[{want.rung, want.seed, want.coefficient}] =
        ok ? objective : std::numeric_limits<double>::infinity();
}

void Ledger::finish_trial(Entry& entry, const Want& want, Outcome outcome, double objective) {
  const bool ok = outcome == Outcome::kOk;
  entry.trials.push_back({want.coefficient,
                          ok ? CoefficientTrial::State::kDone : CoefficientTrial::State::kFailed,
                          ok ? objective : 0});
  if (const auto best = evaluator::chosen_coefficient(entry.trials)) {
    entry.coefficient = *best;
    if (entry.ladder == 0) {
      entry.ladder_coefficient = *best;
      for (const CoefficientTrial& trial : entry.trials)
        if (trial.coefficient == *best) entry.scores[0][0] = trial.objective;
    }
  }
  if (is_fatal(outcome)) {
    entry.failed = true;
    entry.failed_rung = 1;
    entry.next_trial.reset();
    return;
  }
  entry.next_trial = next_trial(entry);
  if (entry.next_trial || entry.ladder > 0) return;
  if (!entry.scores[0][0]) {
    entry.failed = true;
    entry.failed_rung = 1;
    return;
  }
  entry.ladder = entry.trials.size();
  entry.next_trial = next_trial(entry);  // when it climbs
}

std::vector<Ledger::Changed> Ledger::finish(const Want& want, Outcome outcome, double objective) {
  Entry& entry = entries_[want.entry];
  const auto running = std::find(entry.running.begin(), entry.running.end(), want);
  if (running != entry.running.end())
    entry.running.erase(running);
  else
    ++entry.begun[static_cast<size_t>(want.rung - 1)];

  if (want.entry == reference_) finish_reference(want, outcome, objective);
  if (want.rung == 1 && !entry.builtin) {
    finish_trial(entry, want, outcome, objective);
  } else if (want.coefficient != entry.coefficient) {
    changed(want.entry);
    return {};  // another trial of the reference, or measured under another configuration
  } else if (outcome == Outcome::kOk) {
    entry.scores[static_cast<size_t>(want.rung - 1)][static_cast<size_t>(want.seed)] = objective;
  } else {
    entry.failed = true;
    entry.failed_rung = want.rung;
  }

  std::vector<Changed> out;
  const size_t first = want.entry == reference_ ? 0 : want.entry;
  const size_t last = want.entry == reference_ ? entries_.size() : want.entry + 1;
  for (size_t i = first; i < last; ++i)
    if (estimate(entries_[i], want.rung)) {
      out.push_back({i, want.rung});
      if (i != want.entry) changed(i);
    }
  changed(want.entry);
  return out;
}

bool Ledger::estimate(Entry& entry, int rung) {
  const size_t r = static_cast<size_t>(rung - 1);
  std::optional<evaluator::Summary> now;
  if (entry.failed_rung != rung && reference_) {
    const auto& own = entry.scores[r];
    const auto& reference = entries_[*reference_].scores[r];
    std::vector<double> differences;
    for (size_t i = 0; i < own.size(); ++i)
      if (own[i] && reference[i]) differences.push_back(*own[i] - *reference[i]);
    if (!differences.empty()) now = evaluator::summarise(differences);
  }
  if (now == entry.estimates[r]) return false;
  entry.estimates[r] = now;
  return true;
}

int Ledger::seeds(const Entry& entry, int rung) const {
  if (entry.builtin && rung == 2) return config_.builtin_seeds;
  return config_.rungs[static_cast<size_t>(rung - 1)].seeds;
}

}  // namespace ballast::orchestrator
