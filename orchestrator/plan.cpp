#include "orchestrator/plan.h"

#include <algorithm>
#include <string>

#include "evaluator/rungs.h"
#include "orchestrator/standing.h"

namespace ballast::orchestrator {
namespace {

// Of the shipped texts that follow the first ones, one is started per so many children.
constexpr int64_t kChildrenPerSeed = 2;

bool runs(const Ledger& ledger, const Want& want) {
  const auto& running = ledger.entries()[want.entry].running;
  return std::find(running.begin(), running.end(), want) != running.end();
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
    const Want pair{ledger.reference(), rung, seed, reference.coefficient};
    if (!score(reference, rung, seed) && !runs(ledger, pair)) return pair;
    const Want own{index, rung, seed, entry.coefficient};
    if (!entry.failed && !score(entry, rung, seed) && !runs(ledger, own)) return own;
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

Want trial(const Ledger& ledger, size_t index) {
  return {index, 1, 0, *ledger.entries()[index].next_trial};
}

// What a candidate that climbs to `rung` needs next: its coefficient is refined first, one trial
// after the other.
std::optional<Want> next_step(const Ledger& ledger, size_t index, int rung) {
  const Entry& entry = ledger.entries()[index];
  const bool refining = rung == 2 && entry.next_trial && entry.begun[1] == 0;
  if (!refining) return next_seed(ledger, index, rung);
  if (!entry.running.empty()) return std::nullopt;
  return trial(ledger, index);
}

// A candidate that climbs to `rung`, begun or not.
std::optional<Want> next_climber(const Ledger& ledger, int rung) {
  for (size_t i = 0; i < ledger.entries().size(); ++i) {
    const Entry& entry = ledger.entries()[i];
    if (entry.builtin || entry.failed || !entry.climbs_from(rung - 1)) continue;
    if (const auto want = next_step(ledger, i, rung)) return want;
  }
  for (const size_t i : promotable(ledger, rung - 1))
    if (const auto want = next_step(ledger, i, rung)) return want;
  return std::nullopt;
}

// The reference at its refined coefficient, where someone looks better than at the configured one.
std::optional<Want> next_refined_reference(const Ledger& ledger) {
  const int last = ledger.rungs();
  const Entry& reference = ledger.entries()[ledger.reference()];
  const std::string coefficient = ledger.refined_reference();
  if (coefficient == reference.coefficient) return std::nullopt;
  for (const Entry& entry : ledger.entries()) {
    if (entry.builtin || !ledger.complete(entry, last) || entry.estimates.back()->mean >= 0)
      continue;
    for (int seed = 0; seed < ledger.seeds(entry, last); ++seed) {
      const Want want{ledger.reference(), last, seed, coefficient};
      if (!ledger.reference_score(last, seed, coefficient) && !runs(ledger, want)) return want;
    }
  }
  return std::nullopt;
}

// What a claim needs: as many trials of the reference's coefficient as anyone had who was measured
// at the last rung (docs/design.md, section 5), one after the other.
std::optional<Want> next_for_claim(const Ledger& ledger) {
  size_t trials = 0;
  for (const Entry& entry : ledger.entries())
    if (!entry.builtin && !entry.failed && entry.begun.back() > 0)
      trials = std::max(trials, entry.trials.size());
  const Entry& reference = ledger.entries()[ledger.reference()];
  if (trials == 0 || reference.begun[0] > static_cast<int>(reference.trials.size()))
    return std::nullopt;
  if (const auto coefficient = ledger.next_reference_trial(trials))
    return Want{ledger.reference(), 1, 0, *coefficient};
  return next_refined_reference(ledger);
}

// All pairs at rungs r + 1 and r + 2, so that one who was lucky at the lower makes room for the
// next when fresh seeds say so.
evaluator::Summary over_both(const Entry& entry, size_t r) {
  evaluator::Summary out = *entry.estimates[r];
  const auto& upper = entry.estimates[r + 1];
  if (!upper) return out;
  const auto n = static_cast<double>(out.pairs), m = static_cast<double>(upper->pairs);
  const double gap = upper->mean - out.mean;
  const double squares = (n - 1) * out.variance.value_or(0) +
                         (m - 1) * upper->variance.value_or(0) + gap * gap * n * m / (n + m);
  out.pairs += upper->pairs;
  out.mean = (n * out.mean + m * upper->mean) / (n + m);
  out.variance = squares / (n + m - 1);
  return out;
}

std::vector<size_t> next_champion(const Ledger& ledger, int rung) {
  const size_t r = static_cast<size_t>(rung - 1);
  double complete = 0, champions = 0;
  std::vector<std::optional<evaluator::Summary>> summaries(ledger.entries().size());
  for (size_t i = 0; i < ledger.entries().size(); ++i) {
    const Entry& entry = ledger.entries()[i];
    if (entry.builtin || !ledger.complete(entry, rung)) continue;
    ++complete;
    if (entry.begun[r + 1] > 0) ++champions;
    summaries[i] = over_both(entry, r);
  }
  const auto believed = shrunk(summaries, variance_prior(ledger));
  std::optional<size_t> best;
  for (size_t i = 0; i < believed.size(); ++i)
    if (believed[i] && (!best || believed[i]->mean < believed[*best]->mean)) best = i;
  if (!best || ledger.entries()[*best].begun[r + 1] > 0) return {};
  if (champions + 1 > complete / ledger.config().eta) return {};
  return {*best};
}

std::vector<size_t> best_share(const Ledger& ledger, int rung) {
  const auto& believed = standings(ledger, rung);
  evaluator::RungStanding standing;
  for (size_t i = 0; i < ledger.entries().size(); ++i) {
    const Entry& entry = ledger.entries()[i];
    const bool failed = entry.failed_rung == rung, climbed = entry.climbs_from(rung);
    if (entry.builtin || !(failed || climbed || ledger.complete(entry, rung))) continue;
    std::optional<double> score;
    if (believed[i]) score = believed[i]->mean;
    standing.finished.push_back({i, score});
    if (climbed) standing.promoted.insert(i);
  }
  return evaluator::promotable(standing, ledger.config().eta);
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
  if (const auto want = next_for_claim(ledger)) return want;
  for (int rung = ledger.rungs(); rung >= 2; --rung)
    if (const auto want = next_climber(ledger, rung)) return want;
  for (size_t i = 0; i < ledger.entries().size(); ++i) {
    const Entry& entry = ledger.entries()[i];
    if (!entry.builtin && !entry.trials.empty() && entry.ladder == 0 && entry.next_trial &&
        entry.running.empty())
      return trial(ledger, i);
  }
  if (const auto newcomer = next_newcomer(ledger)) return trial(ledger, *newcomer);
  return std::nullopt;
}

bool wanted(const Ledger& ledger, const Want& want) {
  const Entry& entry = ledger.entries()[want.entry];
  if (entry.failed || runs(ledger, want)) return false;
  if (want.rung == 1 && !entry.builtin) return want.coefficient == entry.next_trial;
  if (want.entry == ledger.reference() && want.coefficient != entry.coefficient)
    return want == next_for_claim(ledger);
  return want.coefficient == entry.coefficient && !score(entry, want.rung, want.seed);
}

int64_t waiting_children(const Ledger& ledger) {
  return std::count_if(ledger.entries().begin(), ledger.entries().end(), [](const Entry& entry) {
    return !entry.builtin && entry.op != "seed" && !entry.started();
  });
}

}  // namespace ballast::orchestrator
