// The candidates that can become parents, with what is believed about them.
#pragma once

#include <optional>
#include <vector>

#include "evaluator/statistics.h"
#include "orchestrator/ledger.h"
#include "orchestrator/parents.h"

namespace ballast::orchestrator {

// What the variances of all paired differences above the first rung say about one of them; without
// the built-in that does not balance, whose noise is another.
std::optional<evaluator::VariancePrior> variance_prior(const Ledger& ledger);

// Of a mean of paired differences: shrunk to the prior; from the prior alone where its own pairs
// say nothing, 0 when nothing is known at all.
double standard_error(const evaluator::Summary& summary,
                      const std::optional<evaluator::VariancePrior>& prior);

struct Elite {
  size_t entry = 0;
  ParentOption option;  // posterior of the difference from the reference: mean and standard error
};

// The best `config().elites` candidates by the mean difference at their highest rung, best first.
// When every candidate has failed, all of them, equal: the search goes on from what there is. Empty
// while some are still being measured and none has been.
std::vector<Elite> elites(const Ledger& ledger);

}  // namespace ballast::orchestrator
