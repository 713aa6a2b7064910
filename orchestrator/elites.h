// The candidates that can become parents, with what is believed about them.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "orchestrator/ledger.h"
#include "orchestrator/parents.h"

namespace ballast::orchestrator {

struct Elite {
  size_t entry = 0;
  ParentOption option;  // posterior of the difference from the reference: mean and standard error
};

// The best `most` of the candidates with an estimate that have not failed and that are `wanted`, by
// the posterior mean of the difference at their highest rung, best first; of equal ones by the mean
// itself, then the older.
std::vector<Elite> best(const Ledger& ledger, size_t most,
                        const std::function<bool(size_t)>& wanted);

// The best `config().elites` of all. With `island`, of those that live there; of all while none
// of them has been measured.
//
// When every candidate has failed, all of them, equal: the search goes on from what there is. Empty
// while some are still being measured and none has been.
std::vector<Elite> elites(const Ledger& ledger, std::optional<int> island = std::nullopt);

}  // namespace ballast::orchestrator
