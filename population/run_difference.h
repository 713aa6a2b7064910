// Whether a search may go on in an archive that an earlier start has filled.
#pragma once

#include <string>

#include "population/archive.h"

namespace ballast::population {

// "" when results of the two can stand beside each other; else what differs, for people:
// "spec.model.experts is 16 in the archive and 32 now; seed is 1 in the archive and 2 now".
// Compared: spec, seed, objective, mu, target, reference. Not compared: budgets and build.
std::string run_difference(const RunRow& stored, const RunRow& now);

}  // namespace ballast::population
