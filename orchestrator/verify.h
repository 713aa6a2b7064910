// Whether an archive says what it claims: beyond the file's soundness, rows against one another.
#pragma once

#include <string>
#include <vector>

#include "population/reader.h"

namespace ballast::orchestrator {

// What is wrong with the rows, for people; empty when nothing is. Looked at: every candidate's text
// still is the program of its identity, and so is every accepted proposal's; built-ins are named as
// they are identified; what was accepted is there; a successful evaluation has finite metrics of
// its objective; the estimates are the means of their evaluations' paired differences.
std::vector<std::string> problems_of(const population::Record& record);

}  // namespace ballast::orchestrator
