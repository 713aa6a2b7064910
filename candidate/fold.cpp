#include "candidate/fold.h"

#include <cmath>

#include "candidate/builder.h"
#include "candidate/python_number.h"
#include "candidate/spelling.h"

namespace ballast::candidate {
namespace {

bool is_number(const Node& node) { return !node.type.tensor; }

// The polynomial that a static int (or bool) is.
std::optional<Dim> size_of(const Node& node) {
  if (node.op == Op::kSize) return node.dims[0];
  if (node.op == Op::kBool) return Dim(node.ints[0]);
  return std::nullopt;
}

std::optional<Node> compare_sizes(Op op, const Dim& a, const Dim& b) {
  const std::optional<int64_t> difference = (a - b).constant();
  if (!difference) return std::nullopt;
  const int64_t d = *difference;
  switch (op) {
    case Op::kEq:
      return bool_node(d == 0);
    case Op::kNe:
      return bool_node(d != 0);
    case Op::kLt:
      return bool_node(d < 0);
    case Op::kLe:
      return bool_node(d <= 0);
    case Op::kGt:
      return bool_node(d > 0);
    case Op::kGe:
      return bool_node(d >= 0);
    case Op::kMaximum:
      return size_node(d >= 0 ? a : b);
    case Op::kMinimum:
      return size_node(d <= 0 ? a : b);
    default:
      return std::nullopt;
  }
}

std::optional<Node> divide_sizes(Op op, const Dim& a, const Dim& b) {
  const std::optional<int64_t> x = a.constant(), y = b.constant();
  if (x && y) {
    if (op == Op::kFloorDiv) return size_node(Dim(python::floor_div(*x, *y)));
    if (op == Op::kMod) return size_node(Dim(python::mod(*x, *y)));
    return number_node(static_cast<double>(*x) / static_cast<double>(*y));
  }
  const std::optional<Dim> exact = divide(a, b);
  if (!exact || !exact->whole()) return std::nullopt;
  if (op == Op::kFloorDiv) return size_node(*exact);
  if (op == Op::kMod) return size_node(Dim(0));
  if (const std::optional<int64_t> value = exact->constant()) {
    return number_node(static_cast<double>(*value));
  }
  return std::nullopt;
}

std::optional<Node> power_of_size(const Dim& base, const Dim& exponent) {
  const std::optional<int64_t> n = exponent.constant();
  if (!n || *n < 0) return std::nullopt;  // negative: see check_values and Builder::add
  Dim power(1);
  // Beyond 64 factors only 0, 1 and -1 stay within the limits; for those parity is all that counts.
  const int64_t count = *n > 64 ? 64 + *n % 2 : *n;
  for (int64_t i = 0; i < count && power.valid(); ++i) power = power * base;
  return size_node(power);
}

std::optional<Node> fold_sizes(Op op, const Dim& a, const Dim& b) {
  switch (op) {
    case Op::kAdd:
      return size_node(a + b);
    case Op::kSub:
      return size_node(a - b);
    case Op::kMul:
      return size_node(a * b);
    case Op::kDiv:
    case Op::kFloorDiv:
    case Op::kMod:
      return divide_sizes(op, a, b);
    case Op::kPow:
      return power_of_size(a, b);
    default:
      return compare_sizes(op, a, b);
  }
}

std::optional<Node> fold_floats(Op op, double a, double b) {
  switch (op) {
    case Op::kAdd:
      return number_node(a + b);
    case Op::kSub:
      return number_node(a - b);
    case Op::kMul:
      return number_node(a * b);
    case Op::kDiv:
      return number_node(a / b);
    case Op::kFloorDiv:
      return number_node(python::floor_div(a, b));
    case Op::kMod:
      return number_node(python::mod(a, b));
    case Op::kPow:
      if (const std::optional<double> power = python::exact_power(a, b)) return number_node(*power);
      return std::nullopt;
    case Op::kEq:
      return bool_node(a == b);
    case Op::kNe:
      return bool_node(a != b);
    case Op::kLt:
      return bool_node(a < b);
    case Op::kLe:
      return bool_node(a <= b);
    case Op::kGt:
      return bool_node(a > b);
    case Op::kGe:
      return bool_node(a >= b);
    default:
      return std::nullopt;
  }
}

std::optional<Node> fold_bools(Op op, bool a, bool b) {
  switch (op) {
    case Op::kAnd:
      return bool_node(a && b);
    case Op::kOr:
      return bool_node(a || b);
    case Op::kXor:
      return bool_node(a != b);
    case Op::kMaximum:
      return bool_node(a || b);
    case Op::kMinimum:
      return bool_node(a && b);
    default:
      return std::nullopt;
  }
}

std::optional<Node> fold_binary(Op op, const Node& x, const Node& y) {
  const std::optional<Constant> a = constant_of(x), b = constant_of(y);
  if (a && b && a->element == Element::kBool && b->element == Element::kBool) {
    if (std::optional<Node> folded = fold_bools(op, a->integer != 0, b->integer != 0)) {
      return folded;
    }
  }
  if (const std::optional<Dim> s = size_of(x), t = size_of(y); s && t) {
    return fold_sizes(op, *s, *t);
  }
  if (!a || !b) return std::nullopt;
  // Python's max and min give back one of the two, with its own type.
  if (op == Op::kMaximum) return b->real > a->real ? y : x;
  if (op == Op::kMinimum) return b->real < a->real ? y : x;
  return fold_floats(op, a->real, b->real);
}

Node cast(const Constant& a, Element element) {
  if (element == Element::kBool) return bool_node(a.real != 0);
  if (element == Element::kFloat) return number_node(a.real);
  return size_node(Dim(python::to_int(std::trunc(a.real))));
}

// A non-constant size: E + 1 and the like.
std::optional<Node> fold_size_unary(const Node& node, const Dim& size) {
  switch (node.op) {
    case Op::kNeg:
      return size_node(Dim(-1) * size);
    case Op::kFloor:
    case Op::kCeil:
    case Op::kRound:
    case Op::kTrunc:
      return size_node(size);
    case Op::kAbs:
      if (size.never_negative()) return size_node(size);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<Node> fold_unary(const Node& node, const Node& x) {
  const std::optional<Constant> a = constant_of(x);
  if (!a) {
    return x.op == Op::kSize ? fold_size_unary(node, x.dims[0]) : std::nullopt;
  }
  const bool real = a->element == Element::kFloat;
  switch (node.op) {
    case Op::kNeg:
      return real ? number_node(-a->real) : size_node(Dim(-a->integer));
    case Op::kAbs:
      return real ? number_node(std::fabs(a->real)) : size_node(Dim(std::abs(a->integer)));
    case Op::kSqrt:
      return number_node(std::sqrt(a->real));
    case Op::kFloor:
      return size_node(Dim(python::to_int(std::floor(a->real))));
    case Op::kCeil:
      return size_node(Dim(python::to_int(std::ceil(a->real))));
    case Op::kTrunc:
      return size_node(Dim(python::to_int(std::trunc(a->real))));
    case Op::kRound:
      return size_node(Dim(python::to_int(python::round_half_even(a->real))));
    case Op::kNot:
      return bool_node(a->real == 0);
    case Op::kCast:
      return cast(*a, static_cast<Element>(node.ints[0]));
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<Constant> constant_of(const Node& node) {
  switch (node.op) {
    case Op::kNumber:
      return Constant{Element::kFloat, 0, node.number};
    case Op::kBool:
      return Constant{Element::kBool, node.ints[0], static_cast<double>(node.ints[0])};
    case Op::kSize:
      if (const std::optional<int64_t> value = node.dims[0].constant()) {
        return Constant{Element::kInt, *value, static_cast<double>(*value)};
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<Node> fold(const Node& node, const std::vector<const Node*>& operands) {
  if (operands.empty() || node.op < Op::kNeg || node.op > Op::kXor) return std::nullopt;
  for (const Node* operand : operands) {
    if (!is_number(*operand)) return std::nullopt;
  }
  return operands.size() == 1 ? fold_unary(node, *operands[0])
                              : fold_binary(node.op, *operands[0], *operands[1]);
}

Node number_node(double value) {
  if (std::isnan(value)) {
    throw BuildError("a constant that is not a number (NaN)", "NaN makes every result NaN");
  }
  Node node;
  node.op = Op::kNumber;
  node.number = value;
  node.type = {false, Element::kFloat, {}};
  return node;
}

Node bool_node(bool value) {
  Node node;
  node.op = Op::kBool;
  node.ints = {value ? 1 : 0};
  node.type = {false, Element::kBool, {}};
  return node;
}

Node size_node(const Dim& value) {
  if (!value.valid()) {
    throw BuildError("an integer beyond 2^53, or a size with too many factors",
                     "write it as a float: 1e18, 10.0 ** 18, float(n)");
  }
  if (!value.whole()) {
    throw BuildError("size " + value.to_string() + " is not known to be a whole number",
                     "of quotients only T/S is known to be whole");
  }
  Node node;
  node.op = Op::kSize;
  node.dims = {value};
  node.type = {false, Element::kInt, {}};
  return node;
}

}  // namespace ballast::candidate
