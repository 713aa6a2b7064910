#include "orchestrator/ledger.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "common/error.h"
#include "orchestrator/seeds.h"

namespace ballast::orchestrator {

std::string coefficient_text(double coefficient) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", coefficient);
  return text;
}

double coefficient_value(std::string_view text) {
  return std::strtod(std::string(text).c_str(), nullptr);
}

Ledger::Ledger(const SearchConfig& config)
    : config_(config), spec_hash_(ballast::spec_hash(config.spec)) {
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
    entry.coefficient = builtin_coefficients_.at(candidate.name);
    if (candidate.name == config_.reference) reference_ = entries_.size();
  } else {
    entry.next_trial = next_trial(entry);
  }
  by_identity_.emplace(entry.identity, entries_.size());
  entries_.push_back(std::move(entry));
  return entries_.size() - 1;
}

// A text with only the second hook is a bias rule: its natural neighbour is the built-in one.
std::string Ledger::centre(const Entry& entry) const {
  if (entry.track != "bias") return builtin_coefficients_.at(config_.reference);
  const auto it = builtin_coefficients_.find("loss_free");
  return it == builtin_coefficients_.end() ? coefficient_text(1) : it->second;
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
}

void Ledger::cancel(const Want& want) {
  Entry& entry = entries_[want.entry];
  const auto it = std::find(entry.running.begin(), entry.running.end(), want);
  assert(it != entry.running.end());
  entry.running.erase(it);
  --entry.begun[static_cast<size_t>(want.rung - 1)];
}

std::optional<std::string> Ledger::next_trial(const Entry& entry) const {
  const std::optional<double> next =
      next_coefficient(entry.trials, coefficient_value(centre(entry)), config_.coefficient_step,
                       config_.coefficient_trials);
  if (!next) return std::nullopt;
  return coefficient_text(*next);
}

void Ledger::finish_trial(Entry& entry, const Want& want, Outcome outcome, double objective) {
  entry.trials.push_back({coefficient_value(want.coefficient), outcome, objective});
  std::optional<double>& best = entry.scores[0][0];
  if (outcome == Outcome::kOk && (!best || objective < *best)) {
    best = objective;
    entry.coefficient = want.coefficient;
  }
  entry.next_trial = next_trial(entry);
  entry.failed = !entry.next_trial && !best;
}

std::vector<Ledger::Changed> Ledger::finish(const Want& want, Outcome outcome, double objective) {
  Entry& entry = entries_[want.entry];
  const auto running = std::find(entry.running.begin(), entry.running.end(), want);
  if (running != entry.running.end())
    entry.running.erase(running);
  else
    ++entry.begun[static_cast<size_t>(want.rung - 1)];

  if (want.rung == 1 && !entry.builtin) {
    finish_trial(entry, want, outcome, objective);
  } else if (want.coefficient != entry.coefficient) {
    return {};  // measured under another configuration
  } else if (outcome == Outcome::kOk) {
    entry.scores[static_cast<size_t>(want.rung - 1)][static_cast<size_t>(want.seed)] = objective;
  } else {
    entry.failed = true;
    entry.failed_rung = want.rung;
  }

  std::vector<Changed> changed;
  const size_t first = want.entry == reference_ ? 0 : want.entry;
  const size_t last = want.entry == reference_ ? entries_.size() : want.entry + 1;
  for (size_t i = first; i < last; ++i)
    if (estimate(entries_[i], want.rung)) changed.push_back({i, want.rung});
  return changed;
}

bool Ledger::estimate(Entry& entry, int rung) {
  const size_t r = static_cast<size_t>(rung - 1);
  std::optional<PairedEstimate> now;
  if (entry.failed_rung != rung && reference_) {
    const auto& own = entry.scores[r];
    const auto& reference = entries_[*reference_].scores[r];
    std::vector<double> differences;
    for (size_t i = 0; i < own.size(); ++i)
      if (own[i] && reference[i]) differences.push_back(*own[i] - *reference[i]);
    if (!differences.empty()) now = paired(differences);
  }
  if (now == entry.estimates[r]) return false;
  entry.estimates[r] = now;
  return true;
}

int Ledger::seeds(const Entry& entry, int rung) const {
  if (entry.builtin && rung == 2) return config_.builtin_seeds;
  return config_.rungs[static_cast<size_t>(rung - 1)].seeds;
}

bool Ledger::complete(const Entry& entry, int rung) const {
  const auto& estimate = entry.estimates[static_cast<size_t>(rung - 1)];
  if (entry.failed || !estimate) return false;
  if (rung == 1) return !entry.next_trial;
  return estimate->pairs >= seeds(entry, rung);
}

int Ledger::highest_rung(const Entry& entry) const {
  for (int rung = rungs(); rung >= 1; --rung)
    if (entry.estimates[static_cast<size_t>(rung - 1)]) return rung;
  return 0;
}

}  // namespace ballast::orchestrator
