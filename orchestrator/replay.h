// The archive's finished evaluations, put into a ledger.
#pragma once

#include <cstdint>
#include <vector>

#include "orchestrator/ledger.h"
#include "population/archive.h"

namespace ballast::orchestrator {

// What a run has spent: its finished evaluations, whether this search still has a use for them or
// not.
struct Spent {
  int64_t evaluations = 0;
  int64_t failed = 0;  // with another outcome than kOk
  int64_t tokens = 0;
  int64_t unused = 0;  // of another build, device, or seed than this search would ask for
};

// Finishes all of them in an order that does not depend on when they arrived: trials choose the
// coefficient that other rungs are measured at, so they come first. Full trainings are left out.
Spent replay(std::vector<population::EvaluationRow> rows, Ledger& ledger);

}  // namespace ballast::orchestrator
