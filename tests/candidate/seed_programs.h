// Programs that the tests of the genetic operators start from: one of each kind.
#pragma once

#include <vector>

#include "candidate/graph.h"

namespace ballast::candidate {

std::vector<Program> seed_programs();

}  // namespace ballast::candidate
