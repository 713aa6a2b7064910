#include "orchestrator/plan.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "evaluator/rungs.h"

namespace ballast::orchestrator {
namespace {

// Of the shipped texts that follow the first ones, one is started per so many children.
constexpr int64_t kChildrenPerSeed = 2;

bool runs(const Entry& entry, int rung, int seed) {
  return std::any_of(entry.running.begin(), entry.running.end(),
                     [&](const Want& want) { return want.rung == rung && want.seed == seed; });
}

const std::optional<double>& score(const Entry& entry, int rung, int seed) {
  return entry.scores[static_cast<size_t>(rung - 1)][static_cast<size_t>(seed)];
}

// The next evaluation of `index` at `rung` at its chosen coefficient; the reference's on the same
// seed comes before it.
std::optional<Want> next_seed(const Ledger& ledger, size_t index, int rung) {
  const Entry& entry = ledger.entries()[index];
  const Entry& reference = ledger.entries()[ledger.reference()];
  for (int seed = 0; seed < ledger.seeds(entry, rung); ++seed) {
    if (!score(reference, rung, seed) && !runs(reference, rung, seed))
      return Want{ledger.reference(), rung, seed, reference.coefficient};
    if (!entry.failed && !score(entry, rung, seed) && !runs(entry, rung, seed))
      return Want{index, rung, seed, entry.coefficient};
  }
  return std::nullopt;
}

std::optional<Want> next_builtin(const Ledger& ledger) {
  if (const auto want = next_seed(ledger, ledger.reference(), 1)) return want;
  for (size_t i = 0; i < ledger.entries().size(); ++i) {
    if (!ledger.entries()[i].builtin) continue;
    if (const auto want = next_seed(ledger, i, 2)) return want;
  }
  return std::nullopt;
}

// A candidate that climbs to `rung`, begun or not.
std::optional<Want> next_climber(const Ledger& ledger, int rung) {
  for (size_t i = 0; i < ledger.entries().size(); ++i) {
    const Entry& entry = ledger.entries()[i];
    if (entry.builtin || entry.failed || entry.begun[static_cast<size_t>(rung - 1)] == 0) continue;
    if (const auto want = next_seed(ledger, i, rung)) return want;
  }
  for (const size_t i : promotable(ledger, rung - 1))
    if (const auto want = next_seed(ledger, i, rung)) return want;
  return std::nullopt;
}

// Mean difference over all pairs at rungs r + 1 and r + 2, so that one who was lucky at the lower
// makes room for the next when fresh seeds say so.
double over_both(const Entry& entry, size_t r) {
  const evaluator::Summary& lower = *entry.estimates[r];
  const auto& upper = entry.estimates[r + 1];
  if (!upper) return lower.mean;
  const auto n = static_cast<double>(lower.pairs), m = static_cast<double>(upper->pairs);
  return (n * lower.mean + m * upper->mean) / (n + m);
}

std::vector<size_t> next_champion(const Ledger& ledger, int rung) {
  const size_t r = static_cast<size_t>(rung - 1);
  std::optional<size_t> best;
  double best_mean = 0;
  double complete = 0;
  for (size_t i = 0; i < ledger.entries().size(); ++i) {
    const Entry& entry = ledger.entries()[i];
    if (entry.builtin || !ledger.complete(entry, rung)) continue;
    ++complete;
    const double mean = over_both(entry, r);
    if (!best || mean < best_mean) best = i, best_mean = mean;
  }
  if (complete < ledger.config().eta || ledger.entries()[*best].begun[r + 1] > 0) return {};
  return {*best};
}

std::vector<size_t> best_share(const Ledger& ledger, int rung) {
  const size_t r = static_cast<size_t>(rung - 1);
  evaluator::RungStanding standing;
  for (size_t i = 0; i < ledger.entries().size(); ++i) {
    const Entry& entry = ledger.entries()[i];
    const bool failed = entry.failed_rung == rung, climbed = entry.begun[r + 1] > 0;
    if (entry.builtin || !(failed || climbed || ledger.complete(entry, rung))) continue;
    // Of equal scores the smaller identity is the better: the older candidate.
    char number[24];
    std::snprintf(number, sizeof number, "%010zu", i);
    std::optional<double> score;
    if (!failed) score = entry.estimates[r]->mean;
    standing.finished.push_back({number, score});
    if (climbed) standing.promoted.insert(number);
  }
  std::vector<size_t> out;
  for (const std::string& number : evaluator::promotable(standing, ledger.config().eta))
    out.push_back(static_cast<size_t>(std::stoull(number)));
  return out;
}

Want trial(const Ledger& ledger, size_t index) {
  return {index, 1, 0, *ledger.entries()[index].next_trial};
}

// A candidate that nothing has been begun for: the first shipped texts in their order, then
// children in order of arrival with the other shipped texts between them.
std::optional<size_t> next_newcomer(const Ledger& ledger) {
  const auto& first_names = ledger.config().first_seeds;
  std::optional<size_t> first, seed, child;
  ptrdiff_t first_rank = 0;
  int64_t seeds_begun = 0, children_begun = 0;
  for (size_t i = 0; i < ledger.entries().size(); ++i) {
    const Entry& entry = ledger.entries()[i];
    if (entry.builtin) continue;
    const bool is_seed = entry.op == "seed";
    const auto name =
        is_seed ? std::find(first_names.begin(), first_names.end(), entry.name) : first_names.end();
    const bool is_first = name != first_names.end();
    if (entry.started()) {
      if (!is_first) ++(is_seed ? seeds_begun : children_begun);
    } else if (is_first) {
      const ptrdiff_t rank = name - first_names.begin();
      if (!first || rank < first_rank) first = i, first_rank = rank;
    } else if (std::optional<size_t>& slot = is_seed ? seed : child; !slot) {
      slot = i;
    }
  }
  if (first) return first;
  const bool seeds_turn = children_begun >= kChildrenPerSeed * (seeds_begun + 1);
  if (seed && (seeds_turn || !child)) return seed;
  return child;
}

}  // namespace

std::vector<size_t> promotable(const Ledger& ledger, int rung) {
  const SeedBlock block = ledger.config().rungs[static_cast<size_t>(rung)].block;
  return block == SeedBlock::kC ? next_champion(ledger, rung) : best_share(ledger, rung);
}

std::optional<Want> next_want(const Ledger& ledger) {
  if (const auto want = next_builtin(ledger)) return want;
  for (int rung = ledger.rungs(); rung >= 2; --rung)
    if (const auto want = next_climber(ledger, rung)) return want;
  for (size_t i = 0; i < ledger.entries().size(); ++i) {
    const Entry& entry = ledger.entries()[i];
    if (!entry.builtin && !entry.trials.empty() && entry.next_trial && entry.running.empty())
      return trial(ledger, i);
  }
  if (const auto newcomer = next_newcomer(ledger)) return trial(ledger, *newcomer);
  return std::nullopt;
}

bool wanted(const Ledger& ledger, const Want& want) {
  const Entry& entry = ledger.entries()[want.entry];
  if (entry.failed || runs(entry, want.rung, want.seed)) return false;
  if (want.rung == 1 && !entry.builtin) return want.coefficient == entry.next_trial;
  return want.coefficient == entry.coefficient && !score(entry, want.rung, want.seed);
}

int64_t waiting_children(const Ledger& ledger) {
  return std::count_if(ledger.entries().begin(), ledger.entries().end(), [](const Entry& entry) {
    return !entry.builtin && entry.op != "seed" && !entry.started();
  });
}

}  // namespace ballast::orchestrator
