// What may stand in place of an op or a field with the same type.
#pragma once

#include <vector>

#include "candidate/maker.h"
#include "common/rng.h"

namespace ballast::candidate {

// The other ops of the same signature; empty where there is none.
const std::vector<Op>& swaps_of(Op op);

// The node `old` with another op of swaps_of on the same operands.
NodeId with_op(Maker& make, NodeId old, Op op);

// Record fields (or the mean over tokens of one) that another can replace.
bool has_siblings(const Program& program, NodeId id);
// Of this type. By value: the type of a node in `make` moves when nodes are added.
NodeId draw_sibling(Maker& make, Rng& rng, Type type);

}  // namespace ballast::candidate
