// One number for all that a search decided and measured, and where two archives part.
//
// Over the rows of run, candidates, proposals, memberships, drafts, the answers of models that were
// used, finished evaluations and estimates, in order of arrival. Left out is what two equal
// searches may differ in: clocks and durations (tokens_per_second too), attempts, messages of
// evaluations, sandbox levels, the configuration's text, the build.
#pragma once

#include <string>

#include "population/archive.h"
#include "population/reader.h"

namespace ballast::orchestrator {

// SHA-256, 64 hexadecimal digits. Of a record without the times of its rows.
std::string digest(const population::Archive& archive);
std::string digest(const population::Record& record);

// The rows that a digest is taken over; times, sessions and events are left empty.
population::Record rows_of(const population::Archive& archive);

// "" where the digests are equal, else the first row that differs and how, for people:
// "evaluation 12 of mutate-000007 (rung 1, seed 5): tokens is 1024 in NAME_A and 2048 in NAME_B".
std::string first_difference(const population::Record& a, const std::string& name_a,
                             const population::Record& b, const std::string& name_b);

}  // namespace ballast::orchestrator
