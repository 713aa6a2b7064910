// The last step to a Program: only what the roots need, in one order, with its identity.
#pragma once

#include <optional>
#include <vector>

#include "candidate/graph.h"

namespace ballast::candidate {

// REQUIRES: nodes as Builder makes them (no two equal, commutative operands in order).
Program canonical(const std::vector<Node>& nodes, std::optional<NodeId> loss,
                  std::optional<NodeId> bias);

// What is hashed: a line for the format version, one for each node, one for the roots. Types are
// left out, since they follow from the rest.
std::string serialise(const Program& program);

}  // namespace ballast::candidate
