// Random expressions of a wanted type, over record fields and ops that treat all experts alike.
#pragma once

#include <optional>

#include "candidate/maker.h"
#include "common/rng.h"

namespace ballast::candidate {

// nullopt for types that the grammar does not write (only (), (E), (T), (T,E), (S,E) and numbers,
// float or bool, are). `in_hook`: the selection bias may occur.
std::optional<NodeId> draw_expression(Maker& make, Rng& rng, const Type& type, int depth,
                                      bool in_hook);

// `x` through a function that keeps a float tensor's type. REQUIRES: x is a float tensor
NodeId draw_wrapped(Maker& make, Rng& rng, NodeId x);

}  // namespace ballast::candidate
