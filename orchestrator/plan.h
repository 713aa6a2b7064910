// What is evaluated next: pure functions of the ledger.
//
// Order of precedence: the built-ins, then trials of the reference's coefficient that a claim about
// a champion needs, then candidates that climb (the highest rung first, the best first; from the
// first one after refining their coefficient), then candidates between two trials of their
// coefficient, then new ones. So a promising candidate never waits for newcomers, and whatever was
// begun is finished.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "orchestrator/ledger.h"

namespace ballast::orchestrator {

// Nothing when all that could run is running or done.
std::optional<Want> next_want(const Ledger& ledger);

// True for an evaluation that the search would still use: it may be taken up again after a restart.
bool wanted(const Ledger& ledger, const Want& want);

// Who may climb from `rung` and has not begun to, best first; of equal ones the older first.
//
// Asynchronous successive halving (Li et al. 2020, arXiv 1810.05934): of n candidates complete at a
// rung, the best floor(n / eta) by posterior mean (standing.h) climb as soon as they are known to
// be among them. Onto a rung of block C only the very best climbs, a champion to be confirmed, and
// no more than one in eta in all: its standing counts all its pairs on both rungs, so that the next
// one is tried when fresh seeds disappoint.
std::vector<size_t> promotable(const Ledger& ledger, int rung);

// Accepted children of proposals that no evaluation has been begun for.
int64_t waiting_children(const Ledger& ledger);

}  // namespace ballast::orchestrator
