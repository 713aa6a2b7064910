// Forwards of leaves, matrices, shapes, pieces, and of tensors made from numbers.
#include <ATen/ATen.h>

#include <cassert>

#include "trainer/forward.h"
#include "trainer/interpreter.h"

namespace ballast::trainer::forward {

namespace {

using candidate::Element;
using F = candidate::Field;

// Numbers are evaluated in numbers.cpp; the interpreter never asks for them here.
[[noreturn]] void never_a_tensor(const Call& c) {
  throw std::logic_error("a forward for tensors was called for the number op " +
                         std::string(candidate::row(c.node.op).name));
}

std::string sizes_note(const Call& c) { return " (" + to_string(c.context.bindings) + ")"; }

}  // namespace

// --- leaves
at::Tensor Field(const Call& c) {
  const Record& r = c.context.record;
  switch (static_cast<F>(c.attribute(0))) {
    case F::kLogits:
      return r.logits;
    case F::kScores:
      return r.scores;
    case F::kProbs:
      return r.probs;
    case F::kProbsGlobal:
      return r.probs_global;
    case F::kChosen:
      return r.chosen;
    case F::kLoad:
      return r.load;
    case F::kLoadGlobal:
      return r.load_global;
    case F::kLoadEma:
      return r.load_ema;
    case F::kCost:
      return r.cost;
    case F::kIsNull:
      return r.is_null;
    case F::kDevice:
      return r.device;
    case F::kBias:
      assert(c.context.bias && "bias is a field of selection_bias only");
      return *c.context.bias;
    case F::kProgress:
    case F::kDepth:
      break;  // Python floats
  }
  never_a_tensor(c);
}
at::Tensor Number(const Call& c) { never_a_tensor(c); }
at::Tensor Bool(const Call& c) { never_a_tensor(c); }
at::Tensor Size(const Call& c) { never_a_tensor(c); }

// Only the taken branch has a value; the interpreter leaves the other operand null.
at::Tensor Select(const Call& c) {
  const size_t taken = c.number(0) != 0 ? 1 : 2;
  const Value& v = *c.in[taken];
  const at::TensorOptions options = c.context.options(c.node.type.element);
  if (const at::Tensor* t = std::get_if<at::Tensor>(&v)) return t->to(options);
  return at::full({}, c.number(taken), options);
}

// --- matrices
at::Tensor Matmul(const Call& c) { return at::matmul(c.tensor(0), c.tensor(1)); }
at::Tensor Transpose(const Call& c) {
  return at::transpose(c.tensor(0), c.attribute(0), c.attribute(1));
}
at::Tensor DiagEmbed(const Call& c) { return at::diag_embed(c.tensor(0)); }
at::Tensor Diagonal(const Call& c) { return at::diagonal(c.tensor(0)); }
at::Tensor Tril(const Call& c) { return at::tril(c.tensor(0), c.attribute(0)); }
at::Tensor Triu(const Call& c) { return at::triu(c.tensor(0), c.attribute(0)); }

// --- shapes and pieces
at::Tensor Reshape(const Call& c) { return at::reshape(c.tensor(0), c.sizes()); }
at::Tensor Expand(const Call& c) { return c.tensor(0).expand(c.sizes()); }

at::Tensor Slice(const Call& c) {
  const at::Tensor x = c.tensor(0);
  const int64_t dim = c.attribute(0), start = c.size(0), stop = c.size(1), size = x.size(dim);
  if (start < 0 || stop > size || start > stop)
    throw CandidateError("the slice " + c.node.dims[0].to_string() + ":" +
                         c.node.dims[1].to_string() + " is " + std::to_string(start) + ":" +
                         std::to_string(stop) + " of a dimension of size " + std::to_string(size) +
                         sizes_note(c));
  return at::slice(x, dim, start, stop, c.attribute(1));
}

at::Tensor Index(const Call& c) {
  const at::Tensor x = c.tensor(0);
  const int64_t dim = c.attribute(0), i = c.integer(1), size = x.size(dim);
  if (i < -size || i >= size)
    throw CandidateError("index " + std::to_string(i) + " is outside a dimension of size " +
                         std::to_string(size) + sizes_note(c));
  return at::select(x, dim, i);
}

// x[..., index, ...]: negative indices count from the end. ATen checks the range.
at::Tensor IndexSelect(const Call& c) {
  c10::List<std::optional<at::Tensor>> indices;
  for (int64_t d = 0; d < c.attribute(0); ++d) indices.push_back(std::nullopt);
  indices.push_back(c.tensor(1));
  return at::index(c.tensor(0), indices);
}
at::Tensor Gather(const Call& c) { return at::gather(c.tensor(0), c.attribute(0), c.tensor(1)); }

at::Tensor Cat(const Call& c) {
  std::vector<at::Tensor> parts;
  parts.reserve(c.in.size());
  const bool floats = c.node.type.element == Element::kFloat;
  for (size_t i = 0; i < c.in.size(); ++i) parts.push_back(floats ? c.floats(i) : c.tensor(i));
  return at::cat(parts, c.attribute(0));
}
at::Tensor OneHot(const Call& c) { return at::one_hot(c.tensor(0), c.size(0)); }

// --- made from numbers
at::Tensor Full(const Call& c) {
  const at::TensorOptions options = c.context.options(c.node.type.element);
  if (c.node.type.element == Element::kInt) return at::full(c.sizes(), c.integer(0), options);
  return at::full(c.sizes(), c.number(0), options);
}
at::Tensor Arange(const Call& c) {
  return at::arange(c.size(0), c.size(1), c.attribute(0), c.context.options(Element::kInt));
}
at::Tensor Eye(const Call& c) { return at::eye(c.sizes()[0], c.context.options(Element::kFloat)); }

}  // namespace ballast::trainer::forward
