// The type rules behind infer(), one function per section of ops.def. Only infer*.cpp include this.
#pragma once

#include <string>
#include <vector>

#include "candidate/builder.h"

namespace ballast::candidate::rules {

using Operands = std::vector<Type>;

// Each gives the type of a node of its section or throws BuildError. REQUIRES: as many operands as
// row(node.op) says.
Type leaf(const Node& node);
Type pointwise(const Node& node, const Operands& x);
Type reduction(const Node& node, const Operands& x);
Type along_dimension(const Node& node, const Operands& x);
Type matrix(const Node& node, const Operands& x);
Type piece(const Node& node, const Operands& x);
Type creation(const Node& node, const Operands& x);

// "sum of a float (T,E) tensor: " and the like: how every message begins.
std::string call_text(Op op, const Operands& x);
[[noreturn]] void refuse(Op op, const Operands& x, const std::string& why,
                         const std::string& hint = "");

// Attributes come from our own code, so a wrong count is a mistake there; it must not become a read
// outside of the vector.
void need_attributes(const Node& node, size_t ints, size_t dims);
void need_at_least_ints(const Node& node, size_t ints);

void need_tensor(Op op, const Operands& x, size_t which);
void need_float(Op op, const Operands& x, size_t which);
// A dimension counted from the left; 0 is also good for a 0-dim tensor, as in PyTorch.
size_t need_dimension(Op op, const Operands& x, int64_t dim);
// What torch.full and friends can be given: a size that is a whole number for all bindings.
void need_whole(Op op, const Operands& x, const Dim& size);

}  // namespace ballast::candidate::rules
