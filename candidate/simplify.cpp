// The rewrites that keep every bit of values and gradients (and no others: x + 0 is not one of
// them, since -0.0 + 0.0 is 0.0; nor is expand of expand, whose gradient sums in another order).
#include <cmath>

#include "candidate/builder.h"
#include "candidate/fold.h"

namespace ballast::candidate {
namespace {

bool is_float_of_number(const Node& node) {
  return node.op == Op::kCast && !node.type.tensor && node.type.element == Element::kFloat;
}

// math.log(float(n)) is math.log(n), float(n) * x is n * x for a float x, float(n) / 2 is n / 2.
void drop_float_casts(Node& node, const std::vector<Node>& nodes) {
  const bool math = node.op >= Op::kExp && node.op <= Op::kErf;
  const bool arithmetic = node.op >= Op::kAdd && node.op <= Op::kGe;
  if (!math && !arithmetic) return;
  for (size_t i = 0; i < node.in.size(); ++i) {
    const Node& x = nodes[node.in[i]];
    if (!is_float_of_number(x)) continue;
    const bool beside_float = arithmetic && nodes[node.in[1 - i]].type.element == Element::kFloat;
    if (math || node.op == Op::kDiv || beside_float) node.in[i] = x.in[0];
  }
}

bool is_constant(const Node& node, double value) {
  const std::optional<Constant> constant = constant_of(node);
  return constant && constant->real == value && !std::signbit(constant->real);
}

// Beside a float, and in math.log and its like, 2.0 is spelled 2 and True 1: the same bits.
constexpr double kSpelledAsInt = 1e6;
std::optional<int64_t> whole_number(const Node& node) {
  if (node.op == Op::kBool) return node.ints[0];
  if (node.op != Op::kNumber || std::fabs(node.number) > kSpelledAsInt) return std::nullopt;
  if (node.number != std::floor(node.number)) return std::nullopt;
  if (node.number == 0 && std::signbit(node.number)) return std::nullopt;
  return static_cast<int64_t>(node.number);
}

// Reductions of a 0-dim tensor have no dimension to name and none to keep; some change no bit.
std::optional<NodeId> reduce_nothing(Node& node, const Type& x) {
  const bool varies = node.op == Op::kVar || node.op == Op::kStd;
  if (node.op <= Op::kStd) {
    node.ints.resize(varies ? 2 : 1);
  }
  node.ints[0] = 0;
  const bool same =
      node.op == Op::kSum || node.op == Op::kMean || node.op == Op::kAmax || node.op == Op::kAmin;
  if (same && x == node.type) return node.in[0];
  return std::nullopt;
}

// x > y is y < x, but a number stays on the right of a tensor.
void turn_comparison(Node& node, const std::vector<Node>& nodes) {
  const bool first = nodes[node.in[0]].type.tensor, second = nodes[node.in[1]].type.tensor;
  const bool greater = node.op == Op::kGt || node.op == Op::kGe;
  const bool turn = first == second ? greater : second;
  if (!turn) return;
  std::swap(node.in[0], node.in[1]);
  switch (node.op) {
    case Op::kGt:
      node.op = Op::kLt;
      break;
    case Op::kGe:
      node.op = Op::kLe;
      break;
    case Op::kLt:
      node.op = Op::kGt;
      break;
    default:
      node.op = Op::kGe;
  }
}

// Which operand a pointwise node with a neutral second operand is worth.
std::optional<NodeId> neutral(const Node& node, const std::vector<Node>& nodes) {
  const auto is = [&](size_t which, double value) {
    return is_constant(nodes[node.in[which]], value) && nodes[node.in[1 - which]].type == node.type;
  };
  switch (node.op) {
    case Op::kMul:
      if (is(0, 1)) return node.in[1];
      [[fallthrough]];
    case Op::kDiv:
    case Op::kPow:
      if (is(1, 1)) return node.in[0];
      return std::nullopt;
    case Op::kSub:
      if (is(1, 0)) return node.in[0];
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<NodeId> with_known_condition(const Node& node, const std::vector<Node>& nodes) {
  for (size_t i = 0; i < 2; ++i) {
    const Node& known = nodes[node.in[i]];
    if (known.op != Op::kBool) continue;
    const bool value = known.ints[0] != 0;
    if (node.op == Op::kAnd) return value ? node.in[1 - i] : node.in[i];
    if (node.op == Op::kOr) return value ? node.in[i] : node.in[1 - i];
    if (node.op == Op::kSelect && i == 0) return value ? node.in[1] : node.in[2];
  }
  if (node.op == Op::kSelect && node.in[1] == node.in[2]) return node.in[1];
  const bool doubled = node.op != Op::kSelect && node.in[0] == node.in[1];
  if (doubled && nodes[node.in[0]].type == node.type) return node.in[0];
  return std::nullopt;
}

std::optional<NodeId> simplify_view(Node& node, const std::vector<Node>& nodes) {
  const Node& x = nodes[node.in[0]];
  switch (node.op) {
    case Op::kReshape:
      if (x.op == Op::kReshape) node.in[0] = x.in[0];
      if (nodes[node.in[0]].type.shape == node.dims) return node.in[0];
      return std::nullopt;
    case Op::kExpand:
      if (x.type.shape == node.dims) return node.in[0];
      return std::nullopt;
    case Op::kTranspose:
      if (node.ints[0] > node.ints[1]) std::swap(node.ints[0], node.ints[1]);
      if (node.ints[0] == node.ints[1]) return node.in[0];
      if (x.op == Op::kTranspose && x.ints == node.ints) return x.in[0];
      return std::nullopt;
    case Op::kFlip:
      if (x.op == Op::kFlip && x.ints == node.ints) return x.in[0];
      return std::nullopt;
    case Op::kSlice:
      if (x.type == node.type && node.dims[0] == Dim(0)) return node.in[0];
      return std::nullopt;
    case Op::kCat:
      if (node.in.size() == 1) return node.in[0];
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<NodeId> Builder::simplify(Node& node) const {
  drop_float_casts(node, nodes_);
  // torch.xlogy takes a number first; a 0-dim tensor of one is the same.
  if (node.op == Op::kXlogy) {
    const Node& x = nodes_[node.in[0]];
    const bool number = x.op == Op::kFull && x.dims.empty() && nodes_[node.in[1]].type.tensor;
    if (number) node.in[0] = x.in[0];
  }
  if (node.op >= Op::kLt && node.op <= Op::kGe) turn_comparison(node, nodes_);
  if (node.op >= Op::kSum && node.op <= Op::kQuantile) {
    const Type& x = nodes_[node.in[0]].type;
    return x.shape.empty() ? reduce_nothing(node, x) : std::nullopt;
  }
  if (node.op == Op::kXor && !node.type.tensor) node.op = Op::kNe;
  switch (node.op) {
    case Op::kDetach:
      if (!facts_[node.in[0]].gradient) return node.in[0];
      return std::nullopt;
    case Op::kCast:
      if (nodes_[node.in[0]].type == node.type) return node.in[0];
      return std::nullopt;
    case Op::kNeg:
    case Op::kNot: {
      const Node& x = nodes_[node.in[0]];
      if (x.op == node.op && nodes_[x.in[0]].type == node.type) return x.in[0];
      if (node.op == Op::kNot && (x.op == Op::kEq || x.op == Op::kNe)) {
        node.op = x.op == Op::kEq ? Op::kNe : Op::kEq;
        node.in = std::vector<NodeId>(x.in);
      }
      return std::nullopt;
    }
    case Op::kAnd:
    case Op::kOr:
    case Op::kSelect:
      return with_known_condition(node, nodes_);
    default:
      if (std::optional<NodeId> operand = neutral(node, nodes_)) return operand;
      if (node.in.empty()) return std::nullopt;
      return simplify_view(node, nodes_);
  }
}

std::optional<std::pair<size_t, int64_t>> Builder::int_beside_float(const Node& node) const {
  if (node.op >= Op::kExp && node.op <= Op::kErf) {
    const std::optional<int64_t> value = whole_number(nodes_[node.in[0]]);
    return value ? std::optional(std::pair{size_t{0}, *value}) : std::nullopt;
  }
  if (node.op < Op::kAdd || node.op > Op::kWhere) return std::nullopt;
  const size_t first = node.op == Op::kWhere ? 1 : 0;
  for (size_t i = first; i < first + 2; ++i) {
    const Node& other = nodes_[node.in[2 * first + 1 - i]];
    const std::optional<int64_t> value = whole_number(nodes_[node.in[i]]);
    if (value && other.type.element == Element::kFloat) return std::pair{i, *value};
  }
  return std::nullopt;
}

}  // namespace ballast::candidate
