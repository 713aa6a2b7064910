// Forwards of reductions, and of ops along one dimension.
#include <ATen/ATen.h>

#include "trainer/forward.h"
#include "trainer/interpreter.h"

namespace ballast::trainer::forward {

namespace {

// ints = {keepdim, dims...}
struct Dims {
  bool keepdim;
  std::vector<int64_t> dims;
};
Dims dims_of(const Call& c, size_t first = 1) {
  const std::vector<int64_t>& ints = c.node.ints;
  return {ints[0] != 0, {ints.begin() + static_cast<std::ptrdiff_t>(first), ints.end()}};
}

bool keepdim(const Call& c) { return c.attribute(0) != 0; }

// In some ops of ATen an empty list of dimensions means all of them, in others none; a 0-dim tensor
// has no others, so its reductions are asked for as dimension 0, which ATen accepts for it.
std::vector<int64_t> named(const Dims& d) {
  return d.dims.empty() ? std::vector<int64_t>{0} : d.dims;
}

}  // namespace

// --- several dimensions
at::Tensor Sum(const Call& c) {
  const Dims d = dims_of(c);
  return at::sum(c.tensor(0), named(d), d.keepdim);
}
at::Tensor Mean(const Call& c) {
  const Dims d = dims_of(c);
  return at::mean(c.floats(0), named(d), d.keepdim);
}
at::Tensor Prod(const Call& c) {
  const at::Tensor x = c.tensor(0);
  const Dims d = dims_of(c);
  if (d.dims.size() <= 1) return at::prod(x, named(d)[0], d.keepdim);
  const at::Tensor all = at::prod(x);
  return d.keepdim ? all.reshape(std::vector<int64_t>(static_cast<size_t>(x.dim()), 1)) : all;
}
at::Tensor Amax(const Call& c) {
  const Dims d = dims_of(c);
  return at::amax(c.tensor(0), named(d), d.keepdim);
}
at::Tensor Amin(const Call& c) {
  const Dims d = dims_of(c);
  return at::amin(c.tensor(0), named(d), d.keepdim);
}
at::Tensor LogSumExp(const Call& c) {
  const Dims d = dims_of(c);
  return at::logsumexp(c.floats(0), named(d), d.keepdim);
}
at::Tensor Any(const Call& c) {
  const Dims d = dims_of(c);
  return at::any(c.tensor(0), at::OptionalIntArrayRef(named(d)), d.keepdim);
}
at::Tensor All(const Call& c) {
  const Dims d = dims_of(c);
  return at::all(c.tensor(0), at::OptionalIntArrayRef(named(d)), d.keepdim);
}
at::Tensor Norm(const Call& c) {
  const Dims d = dims_of(c);
  return at::linalg_vector_norm(c.floats(0), c.node.number, named(d), d.keepdim);
}
at::Tensor Var(const Call& c) {
  const Dims d = dims_of(c, 2);
  return at::var(c.floats(0), named(d), at::Scalar(c.attribute(1)), d.keepdim);
}
at::Tensor Std(const Call& c) {
  const Dims d = dims_of(c, 2);
  return at::std(c.floats(0), named(d), at::Scalar(c.attribute(1)), d.keepdim);
}

// --- one dimension, ints = {keepdim, dim}
at::Tensor MaxValues(const Call& c) {
  return std::get<0>(at::max(c.tensor(0), c.attribute(1), keepdim(c)));
}
at::Tensor MinValues(const Call& c) {
  return std::get<0>(at::min(c.tensor(0), c.attribute(1), keepdim(c)));
}
at::Tensor MedianValues(const Call& c) {
  return std::get<0>(at::median(c.tensor(0), c.attribute(1), keepdim(c)));
}
at::Tensor Argmax(const Call& c) { return at::argmax(c.tensor(0), c.attribute(1), keepdim(c)); }
at::Tensor Argmin(const Call& c) { return at::argmin(c.tensor(0), c.attribute(1), keepdim(c)); }
at::Tensor Kthvalue(const Call& c) {
  const at::Tensor x = c.tensor(0);
  const int64_t k = c.integer(1), size = x.dim() == 0 ? 1 : x.size(c.attribute(1));
  if (k < 1 || k > size)
    throw CandidateError("kthvalue: k is " + std::to_string(k) + ", but the dimension has " +
                         std::to_string(size) + " values; k counts from 1");
  return std::get<0>(at::kthvalue(x, k, c.attribute(1), keepdim(c)));
}
at::Tensor Quantile(const Call& c) {
  const double q = c.number(1);
  if (!(q >= 0 && q <= 1))
    throw CandidateError("quantile: q is " + std::to_string(q) + ", but must lie in [0, 1]");
  return at::quantile(c.floats(0), q, c.attribute(1), keepdim(c));
}

// --- one dimension, shape kept
at::Tensor Softmax(const Call& c) { return at::softmax(c.floats(0), c.attribute(0)); }
at::Tensor LogSoftmax(const Call& c) { return at::log_softmax(c.floats(0), c.attribute(0)); }
at::Tensor Cumsum(const Call& c) { return at::cumsum(c.tensor(0), c.attribute(0)); }
at::Tensor Cumprod(const Call& c) { return at::cumprod(c.tensor(0), c.attribute(0)); }
at::Tensor CummaxValues(const Call& c) {
  return std::get<0>(at::cummax(c.tensor(0), c.attribute(0)));
}
at::Tensor CumminValues(const Call& c) {
  return std::get<0>(at::cummin(c.tensor(0), c.attribute(0)));
}
at::Tensor LogCumsumExp(const Call& c) { return at::logcumsumexp(c.floats(0), c.attribute(0)); }
at::Tensor SortValues(const Call& c) {
  return std::get<0>(at::sort(c.tensor(0), /*stable=*/true, c.attribute(0), c.attribute(1) != 0));
}
at::Tensor SortIndices(const Call& c) {
  return std::get<1>(at::sort(c.tensor(0), /*stable=*/true, c.attribute(0), c.attribute(1) != 0));
}

namespace {
std::tuple<at::Tensor, at::Tensor> topk(const Call& c) {
  const at::Tensor x = c.tensor(0);
  const int64_t dim = c.attribute(0), k = c.size(0), size = x.dim() == 0 ? 1 : x.size(dim);
  if (k < 0 || k > size)
    throw CandidateError("topk: k is " + std::to_string(k) + ", but the dimension has " +
                         std::to_string(size) + " values (" + to_string(c.context.bindings) + ")");
  return at::topk(x, k, dim, c.attribute(1) != 0, /*sorted=*/true);
}
}  // namespace

at::Tensor TopkValues(const Call& c) { return std::get<0>(topk(c)); }
at::Tensor TopkIndices(const Call& c) { return std::get<1>(topk(c)); }
at::Tensor Flip(const Call& c) { return at::flip(c.tensor(0), c.node.ints); }
at::Tensor Roll(const Call& c) { return at::roll(c.tensor(0), c.attribute(0), c.attribute(1)); }

}  // namespace ballast::trainer::forward
