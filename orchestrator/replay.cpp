#include "orchestrator/replay.h"

#include <algorithm>

namespace ballast::orchestrator {

Spent replay(std::vector<population::EvaluationRow> rows, Ledger& ledger) {
  std::erase_if(rows, [](const auto& row) { return !row.outcome || row.purpose == "train"; });
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.key.rung < b.key.rung; });
  Spent spent;
  for (const population::EvaluationRow& row : rows) {
    ++spent.evaluations;
    spent.tokens += row.tokens;
    Outcome outcome = *row.outcome;
    if (outcome != Outcome::kOk) ++spent.failed;
    const auto want = ledger.want_of(row.key);
    if (!want) {
      ++spent.unused;
      continue;
    }
    std::optional<double> objective;
    if (outcome == Outcome::kOk) objective = ledger.objective(row.metrics);
    if (outcome == Outcome::kOk && !objective) outcome = Outcome::kNonfinite;
    ledger.finish(*want, outcome, objective.value_or(0));
  }
  return spent;
}

}  // namespace ballast::orchestrator
