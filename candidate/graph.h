// The typed, hash-consed graph that a candidate's text becomes. The trainer executes this graph and
// never the text, so two texts of one graph have equal bits everywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "candidate/type.h"

namespace ballast::candidate {

enum class Op : uint8_t {
#define OP(name, operands, commutative) k##name,
#include "candidate/ops.def"
};

struct OpRow {
  std::string_view name;
  int operands;  // -1: any number
  bool commutative;
};
const OpRow& row(Op op);
const std::vector<Op>& all_ops();  // in table order

// The record `r` that a router hands to a candidate (docs/design.md, section 3), and the bias that
// the second hook receives. num_experts, num_sequences and top_k are Size nodes (E, S, k).
enum class Field : uint8_t {
  kLogits,       // (T,E) float, gradient
  kScores,       // (T,E) float, gradient
  kProbs,        // (T,E) float, gradient
  kProbsGlobal,  // (E)   float, gradient
  kChosen,       // (T,E) float, 0 or 1
  kLoad,         // (E)   float
  kLoadGlobal,   // (E)   float
  kLoadEma,      // (E)   float
  kCost,         // (E)   float
  kIsNull,       // (E)   float, 0 or 1
  kDevice,       // (E,G) float, one-hot
  kProgress,     // Python float in [0, 1]
  kDepth,        // Python float in [0, 1]
  kBias,         // (E)   float; only in selection_bias
};
constexpr int kFieldCount = static_cast<int>(Field::kBias) + 1;
std::string_view field_name(Field field);  // "probs"
Type field_type(Field field);

using NodeId = uint32_t;

struct Node {
  Op op = Op::kNumber;
  std::vector<NodeId> in;     // operands; always smaller than this node's own id
  std::vector<int64_t> ints;  // static attributes, see ops.def
  std::vector<Dim> dims;      // symbolic attributes, see ops.def
  double number = 0;          // Number's value, Norm's p
  Type type;

  bool operator==(const Node&) const = default;
};

// In canonical form: every node is reachable from a root, no two nodes are equal, operands of
// commutative ops are in canonical order, and ids follow a depth-first walk from the roots; so two
// programs are the same function text up to names, order, dead code, folding and formatting if and
// only if their nodes are equal.
struct Program {
  std::vector<Node> nodes;
  std::optional<NodeId> loss;  // balance_loss: a 0-dim float tensor (a number is lifted to one)
  std::optional<NodeId> bias;  // selection_bias: an (E) float tensor
  std::string identity;        // SHA-256 over format version and nodes, 64 hexadecimal digits

  bool operator==(const Program&) const = default;
};

// FLOPs and bytes touched by one evaluation with these sizes: a static upper bound.
struct Cost {
  double flops = 0;
  double bytes = 0;
};
Cost cost(const Program& program, const Bindings& bindings);

}  // namespace ballast::candidate
