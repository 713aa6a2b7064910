// Constant folding with Python's rules. Only what is exact or correctly rounded is folded (+ - * /
// // % sqrt, comparisons, roundings, casts, powers that come out exactly): exp, log and their like
// depend on the machine's libm and stay nodes, so that an identity is the same everywhere.
#pragma once

#include <optional>
#include <vector>

#include "candidate/graph.h"

namespace ballast::candidate {

// A Python bool, int or float known now.
struct Constant {
  Element element = Element::kFloat;
  int64_t integer = 0;  // of a bool or an int; |integer| <= 2^53
  double real = 0;      // the value, whatever the element
};
std::optional<Constant> constant_of(const Node& node);

// The leaf that `node` is worth, when its operands (leaves or not) tell. Throws BuildError where
// Python raises: division by zero, math domain, integers beyond 2^53.
std::optional<Node> fold(const Node& node, const std::vector<const Node*>& operands);

// Throws BuildError for operand values that PyTorch or Python would refuse, as far as they are
// known: an index beyond a known size, an int to a negative power, x // 0.
void check_values(const Node& node, const std::vector<const Node*>& operands);

// Leaves. number_node throws BuildError for NaN, size_node for sizes beyond the limits.
Node number_node(double value);
Node bool_node(bool value);
Node size_node(const Dim& value);

}  // namespace ballast::candidate
