// torch.nn.functional's activations.
#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

NodeId clamped(Lowering& low, NodeId x, double least, double most) {
  return low.binary(Op::kClampMax, low.binary(Op::kClampMin, x, low.number(least)),
                    low.number(most));
}

// Where x > 0: x, elsewhere alpha * (e^x - 1). The exponent is cut at 0, so that the side that is
// not taken stays finite and its gradient with it.
NodeId elu_of(Lowering& low, NodeId x, double alpha) {
  const NodeId below = low.unary(Op::kExpm1, low.binary(Op::kClampMax, x, low.number(0)));
  return low.where(low.binary(Op::kGt, x, low.number(0)), x, low.product(low.number(alpha), below));
}

}  // namespace

NodeId floats(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  if (low.element(x) != Element::kFloat)
    args.refuse("input", "PyTorch has it for float tensors only, got " + low.describe(x),
                "x.float()");
  return x;
}

void check_extras(const Arguments& args) {
  if (args.has("inplace") && args.flag("inplace"))
    args.refuse("inplace", "would change its input in place", "leave inplace out");
  args.must_not_have("size_average", "use reduction='mean'");
  args.must_not_have("reduce", "use reduction='none'");
}

Value lower_activation_relu(Lowering& low, const Arguments& args) {
  check_extras(args);
  return Value::of(low.unary(Op::kRelu, args.tensor("input")));
}

Value lower_relu6(Lowering& low, const Arguments& args) {
  check_extras(args);
  return Value::of(clamped(low, floats(low, args), 0, 6));
}

Value lower_hardtanh(Lowering& low, const Arguments& args) {
  check_extras(args);
  return Value::of(clamped(low, floats(low, args), args.real("min_val"), args.real("max_val")));
}

Value lower_leaky_relu(Lowering& low, const Arguments& args) {
  check_extras(args);
  const NodeId x = floats(low, args), slope = args.number("negative_slope");
  return Value::of(low.where(low.binary(Op::kGt, x, low.number(0)), x, low.product(x, slope)));
}

Value lower_elu(Lowering& low, const Arguments& args) {
  check_extras(args);
  const NodeId x = floats(low, args);
  const double alpha = args.real("alpha");
  return Value::of(alpha == 1 ? low.unary(Op::kElu, x) : elu_of(low, x, alpha));
}

// Klambauer et al. 2017, with PyTorch's constants.
Value lower_selu(Lowering& low, const Arguments& args) {
  check_extras(args);
  const NodeId x = elu_of(low, floats(low, args), 1.6732632423543772848170429916717);
  return Value::of(low.product(low.number(1.0507009873554804934193349852946), x));
}

Value lower_gelu(Lowering& low, const Arguments& args) {
  const std::string kind = args.text("approximate");
  if (kind != "none" && kind != "tanh") args.refuse("approximate", "it is 'none' or 'tanh'");
  return Value::of(low.add(Op::kGelu, {args.tensor("input")}, {kind == "tanh"}));
}

Value lower_silu(Lowering& low, const Arguments& args) {
  check_extras(args);
  return Value::of(low.unary(Op::kSilu, args.tensor("input")));
}

Value lower_mish(Lowering& low, const Arguments& args) {
  check_extras(args);
  const NodeId x = args.tensor("input");
  return Value::of(low.product(x, low.unary(Op::kTanh, low.unary(Op::kSoftplus, x))));
}

// softplus(beta x) / beta; PyTorch's threshold applies to beta x, as the node's does.
Value lower_softplus(Lowering& low, const Arguments& args) {
  if (args.real("threshold") != 20)
    args.refuse("threshold", "only PyTorch's default of 20 is here");
  const NodeId x = args.tensor("input"), beta = args.number("beta");
  if (low.constant(beta) == 1.0) return Value::of(low.unary(Op::kSoftplus, x));
  return Value::of(low.quotient(low.unary(Op::kSoftplus, low.product(x, beta)), beta));
}

Value lower_softsign(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  return Value::of(low.quotient(x, low.sum_of(low.unary(Op::kAbs, x), low.number(1))));
}

Value lower_tanhshrink(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  return Value::of(low.difference(x, low.unary(Op::kTanh, x)));
}

Value lower_threshold(Lowering& low, const Arguments& args) {
  check_extras(args);
  const NodeId x = floats(low, args);
  const NodeId over = low.binary(Op::kGt, x, args.number("threshold"));
  return Value::of(low.where(over, x, args.number("value")));
}

}  // namespace ballast::candidate
