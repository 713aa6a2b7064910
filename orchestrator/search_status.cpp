// What watchers are told.
#include <utility>

#include "orchestrator/plan.h"
#include "orchestrator/search_state.h"

namespace ballast::orchestrator {
namespace {

constexpr double kStatusSeconds = 0.5;

// Better: a higher rung, then a lower mean.
bool is_better(int rung, double mean, const std::optional<BestSoFar>& than) {
  return !than || std::pair(-rung, mean) < std::pair(-than->rung, than->mean_difference);
}

void count_entry(const Ledger& ledger, const Entry& entry, SearchStatus& status,
                 std::map<std::string, OperatorCount>& operators) {
  ++status.candidates;
  if (entry.failed) ++status.failed;
  if (!entry.started()) ++status.waiting;
  const int rung = ledger.highest_rung(entry);
  if (rung == 0) return;
  ++status.measured;
  for (int r = 1; r <= rung; ++r)
    if (entry.estimates[static_cast<size_t>(r - 1)]) ++status.at_rung[static_cast<size_t>(r - 1)];
  OperatorCount& count = operators[entry.op];
  ++count.measured;
  count.best_rung = std::max<int64_t>(count.best_rung, rung);
  const evaluator::Summary& estimate = *entry.estimates[static_cast<size_t>(rung - 1)];
  if (!entry.failed && is_better(rung, estimate.mean, status.best))
    status.best = {entry.identity, entry.name,    rung,
                   estimate.pairs, estimate.mean, estimate.standard_error()};
}

}  // namespace

SearchStatus Search::State::status() const {
  SearchStatus out;
  out.phase = phase;
  out.seconds = seconds();
  out.max_seconds = config.max_seconds;
  out.evaluations = spent.evaluations;
  out.max_evaluations = config.max_evaluations;
  out.failed_evaluations = spent.failed;
  out.proposals = proposals;
  out.drafts = static_cast<int64_t>(drafts.size());
  out.asked = last_draft;
  out.usd = usd;
  out.tokens = spent.tokens;
  out.at_rung.assign(config.rungs.size(), 0);
  std::map<std::string, OperatorCount> counts = operators;
  for (const Entry& entry : ledger.entries())
    if (!entry.builtin) count_entry(ledger, entry, out, counts);
  for (auto& [name, count] : counts) {
    out.rejected += count.proposals - count.accepted;
    out.operators.push_back(count);
  }
  for (const auto& now : evaluator.now()) {
    const auto it = flights.find(now.id);
    if (it == flights.end()) continue;
    const Want& want = it->second.want;
    out.running.push_back({ledger.entries()[want.entry].name, want.rung, ledger.key(want).seed,
                           evaluator::coefficient_value(want.coefficient), now.progress.step,
                           now.progress.steps, now.progress.cross_entropy, now.seconds});
  }
  return out;
}

void Search::State::show_status(bool now) {
  const double time = clock.monotonic();
  if (!now && status_shown >= 0 && time < status_shown + kStatusSeconds) return;
  status_shown = time;
  observer.status(status());
}

void Search::State::tell(SearchEventKind kind, const Flight& flight, Outcome outcome, double took,
                         std::string text) const {
  const Entry& entry = ledger.entries()[flight.want.entry];
  SearchEvent event;
  event.kind = kind;
  event.number = flight.id;
  event.identity = entry.identity;
  event.name = entry.name;
  event.text = std::move(text);
  event.rung = flight.want.rung;
  event.seed = ledger.key(flight.want).seed;
  event.coefficient = evaluator::coefficient_value(flight.want.coefficient);
  event.outcome = outcome;
  event.seconds = took;
  observer.event(event);
}

}  // namespace ballast::orchestrator
