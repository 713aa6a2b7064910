// Forwards of the ops that work element by element.
//
// PyTorch's promotion rules hold, with the record's dtype in the role of PyTorch's default dtype:
// in float64 a candidate computes what the same text computes under
// torch.set_default_dtype(float64).
#include <ATen/ATen.h>

#include <utility>

#include "trainer/forward.h"

namespace ballast::trainer::forward {

namespace {

bool is_float(const Value& v) {
  const at::Tensor* t = std::get_if<at::Tensor>(&v);
  return t ? t->is_floating_point() : std::holds_alternative<double>(v);
}

// Operand i as a tensor that takes part in promotion like a true one, for ops whose operands may
// all be numbers.
at::Tensor materialized(const Call& c, size_t i) {
  const Value& v = *c.in[i];
  if (is_tensor(v)) return c.tensor(i);
  using candidate::Element;
  if (std::holds_alternative<bool>(v))
    return at::scalar_tensor(std::get<bool>(v), c.context.options(Element::kBool));
  if (std::holds_alternative<int64_t>(v))
    return at::scalar_tensor(std::get<int64_t>(v), c.context.options(Element::kInt));
  return at::scalar_tensor(std::get<double>(v), c.context.options(Element::kFloat));
}

// Operands i and j, integers made floats beside a float.
std::pair<at::Tensor, at::Tensor> promoted(const Call& c, size_t i = 0, size_t j = 1) {
  const bool numbers = !is_tensor(*c.in[i]) && !is_tensor(*c.in[j]);
  if (is_float(*c.in[i]) || is_float(*c.in[j]))
    return {numbers ? materialized(c, i).to(c.context.dtype()) : c.floats(i), c.floats(j)};
  return {numbers ? materialized(c, i) : c.tensor(i), c.tensor(j)};
}

at::Scalar scalar(const Value& v) {
  if (const bool* b = std::get_if<bool>(&v)) return *b;
  if (const int64_t* n = std::get_if<int64_t>(&v)) return *n;
  return std::get<double>(v);
}

}  // namespace

// --- one operand
at::Tensor Neg(const Call& c) { return at::neg(c.tensor(0)); }
at::Tensor Abs(const Call& c) { return at::abs(c.tensor(0)); }
at::Tensor Exp(const Call& c) { return at::exp(c.floats(0)); }
at::Tensor Expm1(const Call& c) { return at::expm1(c.floats(0)); }
at::Tensor Log(const Call& c) { return at::log(c.floats(0)); }
at::Tensor Log1p(const Call& c) { return at::log1p(c.floats(0)); }
at::Tensor Log2(const Call& c) { return at::log2(c.floats(0)); }
at::Tensor Log10(const Call& c) { return at::log10(c.floats(0)); }
at::Tensor Sqrt(const Call& c) { return at::sqrt(c.floats(0)); }
at::Tensor Rsqrt(const Call& c) { return at::rsqrt(c.floats(0)); }
at::Tensor Sin(const Call& c) { return at::sin(c.floats(0)); }
at::Tensor Cos(const Call& c) { return at::cos(c.floats(0)); }
at::Tensor Tan(const Call& c) { return at::tan(c.floats(0)); }
at::Tensor Tanh(const Call& c) { return at::tanh(c.floats(0)); }
at::Tensor Atan(const Call& c) { return at::atan(c.floats(0)); }
at::Tensor Sigmoid(const Call& c) { return at::sigmoid(c.floats(0)); }
at::Tensor LogSigmoid(const Call& c) { return at::log_sigmoid(c.floats(0)); }
at::Tensor Relu(const Call& c) { return at::relu(c.tensor(0)); }
at::Tensor Softplus(const Call& c) { return at::softplus(c.floats(0)); }
at::Tensor Gelu(const Call& c) {
  return at::gelu(c.floats(0), c.attribute(0) != 0 ? "tanh" : "none");
}
at::Tensor Silu(const Call& c) { return at::silu(c.floats(0)); }
at::Tensor Elu(const Call& c) { return at::elu(c.floats(0)); }
at::Tensor Erf(const Call& c) { return at::erf(c.floats(0)); }
at::Tensor Sign(const Call& c) { return at::sign(c.tensor(0)); }
at::Tensor Floor(const Call& c) { return at::floor(c.tensor(0)); }
at::Tensor Ceil(const Call& c) { return at::ceil(c.tensor(0)); }
at::Tensor Round(const Call& c) { return at::round(c.tensor(0)); }
at::Tensor Trunc(const Call& c) { return at::trunc(c.tensor(0)); }
at::Tensor Reciprocal(const Call& c) { return at::reciprocal(c.floats(0)); }
at::Tensor Not(const Call& c) { return at::logical_not(c.tensor(0)); }
at::Tensor Detach(const Call& c) { return materialized(c, 0).detach(); }
at::Tensor Cast(const Call& c) {
  const auto element = static_cast<candidate::Element>(c.attribute(0));
  return materialized(c, 0).to(c.context.options(element));
}

// --- two operands
at::Tensor Add(const Call& c) {
  const auto [a, b] = promoted(c);
  return at::add(a, b);
}
at::Tensor Sub(const Call& c) {
  const auto [a, b] = promoted(c);
  return at::sub(a, b);
}
at::Tensor Mul(const Call& c) {
  const auto [a, b] = promoted(c);
  return at::mul(a, b);
}
at::Tensor Div(const Call& c) {
  // Tensor.__rtruediv__ of PyTorch is this product, and rounds as such.
  if (!is_tensor(*c.in[0])) return at::mul(at::reciprocal(c.floats(1)), c.floats(0));
  return at::div(c.floats(0), c.floats(1));
}
// The value of floor_divide; its derivative, which floor_divide lacks, is 0.
at::Tensor FloorDiv(const Call& c) {
  const auto [a, b] = promoted(c);
  return at::div(a, b, "floor");
}
at::Tensor Mod(const Call& c) {
  const auto [a, b] = promoted(c);
  return at::remainder(a, b);
}
at::Tensor Pow(const Call& c) {
  const auto [a, b] = promoted(c);
  if (!is_tensor(*c.in[1])) return at::pow(a, scalar(*c.in[1]));
  if (!is_tensor(*c.in[0])) return at::pow(scalar(*c.in[0]), b);
  return at::pow(a, b);
}
at::Tensor Maximum(const Call& c) {
  const auto [a, b] = promoted(c);
  return at::maximum(a, b);
}
at::Tensor Minimum(const Call& c) {
  const auto [a, b] = promoted(c);
  return at::minimum(a, b);
}
at::Tensor Xlogy(const Call& c) { return at::xlogy(c.floats(0), c.floats(1)); }
at::Tensor Eq(const Call& c) {
  const auto [a, b] = promoted(c);
  return at::eq(a, b);
}
at::Tensor Ne(const Call& c) {
  const auto [a, b] = promoted(c);
  return at::ne(a, b);
}
at::Tensor Lt(const Call& c) {
  const auto [a, b] = promoted(c);
  return at::lt(a, b);
}
at::Tensor Le(const Call& c) {
  const auto [a, b] = promoted(c);
  return at::le(a, b);
}
at::Tensor Gt(const Call& c) {
  const auto [a, b] = promoted(c);
  return at::gt(a, b);
}
at::Tensor Ge(const Call& c) {
  const auto [a, b] = promoted(c);
  return at::ge(a, b);
}
at::Tensor And(const Call& c) { return at::logical_and(materialized(c, 0), c.tensor(1)); }
at::Tensor Or(const Call& c) { return at::logical_or(materialized(c, 0), c.tensor(1)); }
at::Tensor Xor(const Call& c) { return at::logical_xor(materialized(c, 0), c.tensor(1)); }

// A bound that is a number keeps the gradient where x equals it; a tensor bound takes the rest.
at::Tensor ClampMin(const Call& c) {
  const auto [x, bound] = promoted(c);
  return is_tensor(*c.in[1]) ? at::clamp_min(x, bound) : at::clamp_min(x, scalar(*c.in[1]));
}
at::Tensor ClampMax(const Call& c) {
  const auto [x, bound] = promoted(c);
  return is_tensor(*c.in[1]) ? at::clamp_max(x, bound) : at::clamp_max(x, scalar(*c.in[1]));
}

at::Tensor Where(const Call& c) {
  const auto [a, b] = promoted(c, 1, 2);
  return at::where(c.tensor(0), a, b);
}

}  // namespace ballast::trainer::forward
