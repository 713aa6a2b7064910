// Element by element.
#include <cmath>
#include <limits>

#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

NodeId scaled_by_alpha(Lowering& low, const Arguments& args, NodeId x) {
  return args.has("alpha") ? low.product(args.number("alpha"), x) : x;
}

NodeId power_of_ten(Lowering& low, int64_t digits) {
  return low.number(std::pow(10.0, static_cast<double>(digits)));
}

}  // namespace

Value lower_node(Lowering& low, const Arguments& args) {
  const NameRow& name = args.row();
  if (name.spaces == kMath) {
    const Value& x = args.value("x");
    if (x.is(ValueKind::kNode) && low.is_tensor(x.node))
      args.refuse("x", "math functions take numbers; of a tensor they would drop the gradient",
                  "torch." + std::string(name.name) + "(x)");
    return Value::of(low.unary(name.op, args.number("x")));
  }
  if (row(name.op).operands == 1) return Value::of(low.unary(name.op, args.tensor("input")));
  const bool number_first = name.op == Op::kXlogy;
  const NodeId a = number_first ? args.node("input") : args.tensor("input");
  const NodeId b = args.node("other");
  if (!low.is_tensor(a) && !low.is_tensor(b)) return Value::of(args.tensor("input"));
  return Value::of(low.binary(name.op, number_first ? low.tensor(a) : a, b));
}

Value lower_same(Lowering&, const Arguments& args) { return Value::of(args.tensor("input")); }

Value lower_round_to(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  const int64_t decimals = args.integer("decimals");
  if (decimals != 0 && low.element(x) != Element::kFloat)
    args.refuse("decimals", "PyTorch rounds ints to no decimals", "leave decimals out");
  if (decimals == 0) return Value::of(low.unary(Op::kRound, x));
  if (decimals < -300 || decimals > 300) args.refuse("decimals", "too many decimals");
  const NodeId scale = power_of_ten(low, decimals);
  return Value::of(low.quotient(low.unary(Op::kRound, low.product(x, scale)), scale));
}

Value lower_square(Lowering& low, const Arguments& args) {
  return Value::of(low.square(args.tensor("input")));
}

Value lower_exp2(Lowering& low, const Arguments& args) {
  return Value::of(low.power(low.number(2), args.tensor("input")));
}

Value lower_frac(Lowering& low, const Arguments& args) {
  const NodeId x = floats(low, args);
  return Value::of(low.difference(x, low.unary(Op::kTrunc, x)));
}

// (e^x - e^-x) / 2 through expm1, which keeps small x exact.
Value lower_sinh(Lowering& low, const Arguments& args) {
  const NodeId x = low.cast(args.tensor("input"), Element::kFloat);
  const NodeId up = low.unary(Op::kExpm1, x), down = low.unary(Op::kExpm1, low.unary(Op::kNeg, x));
  return Value::of(low.quotient(low.difference(up, down), low.number(2)));
}

Value lower_cosh(Lowering& low, const Arguments& args) {
  const NodeId x = low.cast(args.tensor("input"), Element::kFloat);
  const NodeId up = low.unary(Op::kExp, x), down = low.unary(Op::kExp, low.unary(Op::kNeg, x));
  return Value::of(low.quotient(low.sum_of(up, down), low.number(2)));
}

Value lower_logit(Lowering& low, const Arguments& args) {
  NodeId x = args.tensor("input");
  if (args.has("eps")) {
    const NodeId eps = args.number("eps");
    x = low.binary(Op::kClampMin, x, eps);
    x = low.binary(Op::kClampMax, x, low.difference(low.number(1), eps));
  }
  return Value::of(low.unary(Op::kLog, low.quotient(x, low.difference(low.number(1), x))));
}

Value lower_isnan(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  return Value::of(low.binary(Op::kNe, x, x));
}

Value lower_isinf(Lowering& low, const Arguments& args) {
  const NodeId size = low.unary(Op::kAbs, args.tensor("input"));
  return Value::of(low.binary(Op::kEq, size, low.number(kInfinity)));
}

Value lower_isfinite(Lowering& low, const Arguments& args) {
  const NodeId size = low.unary(Op::kAbs, args.tensor("input"));
  return Value::of(low.binary(Op::kLt, size, low.number(kInfinity)));
}

Value lower_add(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  return Value::of(low.sum_of(x, scaled_by_alpha(low, args, args.node("other"))));
}

Value lower_sub(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  return Value::of(low.difference(x, scaled_by_alpha(low, args, args.node("other"))));
}

Value lower_rsub(Lowering& low, const Arguments& args) {
  const NodeId x = scaled_by_alpha(low, args, args.tensor("input"));
  return Value::of(low.difference(args.node("other"), x));
}

Value lower_div(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input"), y = args.node("other");
  if (!args.has("rounding_mode")) return Value::of(low.quotient(x, y));
  const std::string mode = args.text("rounding_mode");
  // PyTorch gives this one a gradient of 0, and the operator // none at all.
  if (mode == "floor")
    return Value::of(low.binary(Op::kFloorDiv, low.detached(x), low.detached(y)));
  if (mode != "trunc") args.refuse("rounding_mode", "it is 'floor', 'trunc' or None");
  const NodeId result = low.unary(Op::kTrunc, low.quotient(x, y));
  return Value::of(low.cast(result, std::max(low.element(x), low.element(y))));
}

Value lower_floor_divide(Lowering& low, const Arguments& args) {
  return Value::of(low.floor_divide(args.tensor("input"), args.node("other")));
}

Value lower_remainder(Lowering& low, const Arguments& args) {
  const NodeId x = args.node("input"), y = args.node("other");
  if (!low.is_tensor(x) && !low.is_tensor(y)) return Value::of(args.tensor("input"));
  return Value::of(low.remainder(x, y));
}

Value lower_power(Lowering& low, const Arguments& args) {
  const NodeId x = args.node("input"), y = args.node("exponent");
  if (!low.is_tensor(x) && !low.is_tensor(y)) return Value::of(args.tensor("input"));
  return Value::of(low.power(x, y));
}

Value lower_float_power(Lowering& low, const Arguments& args) {
  const NodeId x = low.cast(args.tensor("input"), Element::kFloat);
  return Value::of(low.power(x, args.node("exponent")));
}

Value lower_maximum(Lowering& low, const Arguments& args) {
  return Value::of(low.binary(Op::kMaximum, args.tensor("input"), args.node("other")));
}

Value lower_minimum(Lowering& low, const Arguments& args) {
  return Value::of(low.binary(Op::kMinimum, args.tensor("input"), args.node("other")));
}

Value lower_hypot(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input"), y = args.tensor("other");
  return Value::of(low.unary(Op::kSqrt, low.sum_of(low.square(x), low.square(y))));
}

// log(e^x + e^y) without overflow.
Value lower_logaddexp(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input"), y = args.tensor("other");
  const NodeId gap = low.unary(Op::kNeg, low.unary(Op::kAbs, low.difference(x, y)));
  return Value::of(
      low.sum_of(low.binary(Op::kMaximum, x, y), low.unary(Op::kLog1p, low.unary(Op::kExp, gap))));
}

Value lower_clamp(Lowering& low, const Arguments& args) {
  NodeId x = args.tensor("input");
  if (!args.has("min") && !args.has("max"))
    args.refuse("input", "needs min or max", "x.clamp(min=0)");
  if (args.has("min") && args.has("max") &&
      low.is_tensor(args.node("min")) != low.is_tensor(args.node("max")))
    args.refuse("max", "and `min` must both be numbers or both be tensors, as in PyTorch",
                "x.clamp(min=...).clamp(max=...)");
  if (args.has("min")) x = low.binary(Op::kClampMin, x, args.node("min"));
  if (args.has("max")) x = low.binary(Op::kClampMax, x, args.node("max"));
  return Value::of(x);
}

Value lower_where(Lowering& low, const Arguments& args) {
  const NodeId condition = args.tensor("condition");
  return Value::of(low.where(condition, args.node("input"), args.node("other")));
}

Value lower_masked_fill(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input"), mask = args.tensor("mask"), value = args.node("value");
  return Value::of(low.where(mask, value, x));
}

Value lower_lerp(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input"), end = args.tensor("end"), weight = args.node("weight");
  if (low.element(x) != Element::kFloat || low.element(end) != Element::kFloat)
    args.refuse("end", "both ends must be float tensors", "x.float()");
  return Value::of(low.sum_of(x, low.product(weight, low.difference(end, x))));
}

Value lower_addcmul(Lowering& low, const Arguments& args) {
  NodeId step = low.product(args.tensor("tensor1"), args.tensor("tensor2"));
  if (args.has("value")) step = low.product(args.number("value"), step);
  return Value::of(low.sum_of(args.tensor("input"), step));
}

Value lower_addcdiv(Lowering& low, const Arguments& args) {
  NodeId step = low.quotient(args.tensor("tensor1"), args.tensor("tensor2"));
  if (args.has("value")) step = low.product(args.number("value"), step);
  return Value::of(low.sum_of(args.tensor("input"), step));
}

}  // namespace ballast::candidate
