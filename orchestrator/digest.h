// One number for all that a search decided and measured.
#pragma once

#include <string>

#include "population/archive.h"

namespace ballast::orchestrator {

// SHA-256 (64 hexadecimal digits) over the rows of run, candidates, proposals, finished evaluations
// and estimates, in order of arrival. Left out is what two equal searches may differ in: clocks and
// durations (tokens_per_second too), attempts, messages of evaluations, sandbox levels, the
// configuration's text, the build.
std::string digest(const population::Archive& archive);

}  // namespace ballast::orchestrator
