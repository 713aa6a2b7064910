// What is believed of each candidate at a rung: its mean paired difference from the reference,
// shrunk, with a standard error from pooled variances (docs/design.md, section 5). Pure functions;
// what they find is kept in the ledger until it changes.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "evaluator/shrinkage.h"
#include "evaluator/statistics.h"
#include "orchestrator/ledger.h"

namespace ballast::orchestrator {

// What the variances of all paired differences above the first rung say about one of them; without
// the built-in that does not balance, whose noise is another.
const std::optional<evaluator::VariancePrior>& variance_prior(const Ledger& ledger);

// Of a mean of paired differences: shrunk to the prior; from the prior alone where its own pairs
// say nothing, 0 when nothing is known at all.
double standard_error(const evaluator::Summary& summary,
                      const std::optional<evaluator::VariancePrior>& prior);

// Posteriors, each shrunk to what all of these say of one another.
std::vector<evaluator::Measured> shrunk(std::span<const evaluator::Summary> summaries,
                                        const std::optional<evaluator::VariancePrior>& prior);

// That of a candidate among all with an estimate at that rung; none without one.
//
// At the first rung everyone has one pair, hence the same error, so that a posterior is larger
// where the mean is: who is best there follows from the means alone (Roster::first_rung).
std::optional<evaluator::Measured> standing(const Ledger& ledger, size_t index, int rung);

// The same at its highest rung. REQUIRES: a candidate with an estimate.
Standing standing(const Ledger& ledger, size_t index);
// The lower posterior first; of equal ones the lower mean itself, then the older.
bool better(const Standing& a, const Standing& b);

// Of those measured above the first rung who have not failed: at the highest rung of each.
const std::vector<Standing>& upper_standings(const Ledger& ledger);

// Child - parent at the highest rung where they have seeds in common; none without any.
struct Change {
  evaluator::Summary summary;
  size_t rung = 0;  // - 1
};
std::optional<Change> change_from(const Entry& child, const Entry& parent);

}  // namespace ballast::orchestrator
