#include "orchestrator/replay.h"

#include <algorithm>

#include "orchestrator/measure.h"

namespace ballast::orchestrator {

Spent replay(std::vector<population::EvaluationRow> rows, Ledger& ledger) {
  std::erase_if(rows, [](const auto& row) { return !row.outcome || row.purpose == "train"; });
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.key.rung < b.key.rung; });
  Spent spent;
  for (const population::EvaluationRow& row : rows) {
    const bool ok = *row.outcome == Outcome::kOk;
    ++spent.evaluations;
    spent.tokens += row.tokens;
    if (!ok) ++spent.failed;
    if (const auto want = ledger.want_of(row.key))
      ledger.finish(*want, *row.outcome, ok ? objective_of(ledger.config(), row.metrics) : 0);
  }
  return spent;
}

}  // namespace ballast::orchestrator
