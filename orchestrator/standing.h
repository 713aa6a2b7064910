// What is believed of each candidate at a rung: its mean paired difference from the reference,
// shrunk, with a standard error from pooled variances (docs/design.md, section 5). Pure functions.
#pragma once

#include <optional>
#include <vector>

#include "evaluator/shrinkage.h"
#include "evaluator/statistics.h"
#include "orchestrator/ledger.h"

namespace ballast::orchestrator {

// What the variances of all paired differences above the first rung say about one of them; without
// the built-in that does not balance, whose noise is another.
std::optional<evaluator::VariancePrior> variance_prior(const Ledger& ledger);

// Of a mean of paired differences: shrunk to the prior; from the prior alone where its own pairs
// say nothing, 0 when nothing is known at all.
double standard_error(const evaluator::Summary& summary,
                      const std::optional<evaluator::VariancePrior>& prior);

// Posteriors of the candidates whose index has a summary, each shrunk to what all of these say of
// one another.
std::vector<std::optional<evaluator::Measured>> shrunk(
    const std::vector<std::optional<evaluator::Summary>>& summaries,
    const std::optional<evaluator::VariancePrior>& prior);

// The same of the estimates at one rung, by entry; none for built-ins and without an estimate
// there. Valid until the ledger changes.
const std::vector<std::optional<evaluator::Measured>>& standings(const Ledger& ledger, int rung);

// Child - parent at the highest rung where they have seeds in common; none without any.
struct Change {
  evaluator::Summary summary;
  size_t rung = 0;  // - 1
};
std::optional<Change> change_from(const Entry& child, const Entry& parent);

}  // namespace ballast::orchestrator
