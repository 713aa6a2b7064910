// One node as a Python expression, given the expressions of its operands. Only print*.cpp use this.
#pragma once

#include <string>
#include <vector>

#include "candidate/graph.h"

namespace ballast::candidate {

// Python's precedences, weakest first.
enum class Precedence : uint8_t {
  kTernary,
  kOr,
  kAnd,
  kNot,
  kCompare,
  kSum,
  kProduct,
  kUnary,
  kPower,
  kPostfix  // calls, attributes, names, literals
};

struct Expression {
  std::string text;
  Precedence precedence = Precedence::kPostfix;
  int depth = 0;  // of operations in it
};

// "r.num_experts - 1"; non-whole sizes are the caller's to avoid.
Expression dim_expression(const Dim& dim);

// REQUIRES: operands and their types in the order of node.in.
Expression node_expression(const Node& node, const std::vector<Expression>& operands,
                           const std::vector<const Node*>& operand_nodes);

// `expression` as an operand where at least `needed` must bind.
std::string bracketed(const Expression& expression, Precedence needed);

// Methods, functions and indexing of tensors (the sections of ops.def after the pointwise one).
std::string tensor_call(const Node& node, const std::vector<Expression>& x,
                        const std::vector<const Node*>& operand_nodes);

// "2.5", "math.inf", "1e-09": a float literal that reads back to the same bits.
Expression number_expression(double value);

}  // namespace ballast::candidate
