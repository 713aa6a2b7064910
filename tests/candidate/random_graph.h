// Random well-typed programs over the whole op table, for property tests.
#pragma once

#include "candidate/graph.h"
#include "common/rng.h"

namespace ballast::candidate {

// A loss of about `nodes` nodes; every op occurs sooner or later. Values mean nothing, and some
// programs do not evaluate (an index beyond E, a Python division by zero).
Program random_program(Rng& rng, int nodes);

}  // namespace ballast::candidate
