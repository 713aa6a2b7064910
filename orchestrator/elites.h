// The candidates that can become parents, with what is believed about them.
#pragma once

#include <vector>

#include "orchestrator/ledger.h"
#include "orchestrator/parents.h"

namespace ballast::orchestrator {

// Standard deviation of one paired difference, pooled over all entries with at least two pairs at a
// rung above the first (but for the built-in without balance, whose noise is another); 0 when there
// is none. A candidate's own two or three pairs say too little about it.
PooledDeviation pooled_deviation(const Ledger& ledger);

struct Elite {
  size_t entry = 0;
  ParentOption option;  // posterior of the difference from the reference: mean and standard error
};

// The best `config().elites` candidates by the mean difference at their highest rung, best first.
// When every candidate has failed, all of them, equal: the search goes on from what there is. Empty
// while some are still being measured and none has been.
std::vector<Elite> elites(const Ledger& ledger);

}  // namespace ballast::orchestrator
