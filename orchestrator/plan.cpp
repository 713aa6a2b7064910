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
  for (const size_t i : ledger.roster().builtins())
    if (const auto want = next_seed(ledger, i, 2)) return want;
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
  const Entry& reference = ledger.entries()[ledger.reference()];
  const Roster::Rung& list = ledger.roster().rung(rung);
  // One whose seeds are all measured still wants those of the reference that are not.
  bool paired = true;
  for (int seed = 0; seed < ledger.config().rungs[static_cast<size_t>(rung - 1)].seeds; ++seed)
    paired = paired && score(reference, rung, seed);
  for (const size_t i : paired ? list.climbing : list.climbers)
    if (const auto want = next_step(ledger, i, rung)) return want;
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
  for (const size_t i : ledger.roster().at_the_top()) {
    const Entry& entry = ledger.entries()[i];
    if (!ledger.complete(entry, last) || entry.estimates.back()->mean >= 0) continue;
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
  for (const size_t i : ledger.roster().at_the_top())
    trials = std::max(trials, ledger.entries()[i].trials.size());
  const Entry& reference = ledger.entries()[ledger.reference()];
  if (trials == 0 || reference.begun[0] > static_cast<int>(reference.trials.size()))
    return std::nullopt;
  if (const auto coefficient = ledger.next_reference_trial(trials))
    return Want{ledger.reference(), 1, 0, *coefficient};
  return next_refined_reference(ledger);
}

// All pairs at two rungs, so that one who was lucky at the lower makes room for the next when fresh
// seeds say so.
evaluator::Summary over_both(const evaluator::Summary& lower, const evaluator::Summary& upper) {
  const auto n = static_cast<double>(lower.pairs), m = static_cast<double>(upper.pairs);
  const double gap = upper.mean - lower.mean;
  const double squares = (n - 1) * lower.variance.value_or(0) +
                         (m - 1) * upper.variance.value_or(0) + gap * gap * n * m / (n + m);
  return {.pairs = lower.pairs + upper.pairs,
          .mean = (n * lower.mean + m * upper.mean) / (n + m),
          .variance = squares / (n + m - 1)};
}

std::vector<size_t> next_champion(const Ledger& ledger, int rung) {
  const Roster::Rung &list = ledger.roster().rung(rung), &above = ledger.roster().rung(rung + 1);
  const std::vector<size_t>& complete = list.complete.entries;
  std::vector<evaluator::Summary> summaries = list.complete.summaries;
  for (size_t i = 0; i < above.estimates.entries.size(); ++i) {
    const auto place = std::ranges::lower_bound(complete, above.estimates.entries[i]);
    if (place == complete.end() || *place != above.estimates.entries[i]) continue;
    evaluator::Summary& summary = summaries[static_cast<size_t>(place - complete.begin())];
    summary = over_both(summary, above.estimates.summaries[i]);
  }
  const auto believed = shrunk(summaries, variance_prior(ledger));
  const auto best = std::ranges::min_element(believed, {}, &evaluator::Measured::mean);
  if (best == believed.end()) return {};
  const size_t index = complete[static_cast<size_t>(best - believed.begin())];
  if (!list.ready.contains(index)) return {};  // it has begun already
  const auto champions = static_cast<double>(complete.size() - list.ready.size());
  if (champions + 1 > static_cast<double>(complete.size()) / ledger.config().eta) return {};
  return {index};
}

// At the first rung the order is that of the means (standing.h). Of those that are ready the next
// one has before it the ones before it there, and those that have climbed and are better.
std::vector<size_t> best_of_first_rung(const Ledger& ledger) {
  const Roster& roster = ledger.roster();
  const size_t places = evaluator::places(roster.rung(1).finished.size(), ledger.config().eta);
  const Ranking& ready = roster.first_rung_ready();
  std::vector<size_t> out;
  for (size_t i = 0; i < ready.size(); ++i) {
    if (i + roster.first_rung_climbed().before(ready[i]) >= places) break;
    out.push_back(ready[i].entry);
  }
  return out;
}

std::vector<size_t> best_share(const Ledger& ledger, int rung) {
  const Roster::Rung& list = ledger.roster().rung(rung);
  evaluator::RungStanding result;
  for (const size_t i : list.finished) {
    const auto believed = standing(ledger, i, rung);
    result.finished.push_back({i, believed ? std::optional(believed->mean) : std::nullopt});
    if (ledger.entries()[i].climbs_from(rung)) result.promoted.insert(i);
  }
  return evaluator::promotable(result, ledger.config().eta);
}

// A candidate that nothing has been begun for: the first shipped texts in their order, then
// children in order of arrival with the other shipped texts between them.
std::optional<size_t> next_newcomer(const Ledger& ledger) {
  const Roster& roster = ledger.roster();
  if (!roster.first_texts().empty()) return roster.first_texts().begin()->second;
  const auto &texts = roster.texts(), &children = roster.children();
  const bool texts_turn = static_cast<int64_t>(roster.children_begun()) >=
                          kChildrenPerSeed * (static_cast<int64_t>(roster.texts_begun()) + 1);
  if (!texts.empty() && (texts_turn || children.empty())) return *texts.begin();
  return children.empty() ? std::nullopt : std::optional(*children.begin());
}

}  // namespace

std::vector<size_t> promotable(const Ledger& ledger, int rung) {
  const bool champion = ledger.config().rungs[static_cast<size_t>(rung)].block == SeedBlock::kC;
  if (rung == 1 && !champion) return best_of_first_rung(ledger);
  const Roster& roster = ledger.roster();
  return ledger.derived().promotable[rung].get(
      roster.rung(rung).finished_changed + roster.upper_changes(),
      [&] { return champion ? next_champion(ledger, rung) : best_share(ledger, rung); });
}

std::optional<Want> next_want(const Ledger& ledger) {
  if (const auto want = next_builtin(ledger)) return want;
  if (const auto want = next_for_claim(ledger)) return want;
  for (int rung = ledger.rungs(); rung >= 2; --rung)
    if (const auto want = next_climber(ledger, rung)) return want;
  const Roster::Indices& between = ledger.roster().between_trials();
  if (!between.empty()) return trial(ledger, *between.begin());
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
  return static_cast<int64_t>(ledger.roster().children().size());
}

}  // namespace ballast::orchestrator
