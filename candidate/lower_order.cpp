// Sorting and choosing along one dimension.
#include <algorithm>

#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

Dim size_of(Lowering& low, NodeId x, int64_t dim) {
  return low.rank(x) == 0 ? Dim(1) : low.shape(x)[static_cast<size_t>(dim)];
}

// Indices of the k-th smallest (k a number from 1).
NodeId kth_index(Lowering& low, NodeId x, int64_t dim, NodeId k, bool keepdim) {
  if (low.rank(x) == 0) return low.add(Op::kArgmin, {x}, {0, 0});
  const NodeId place = low.difference(k, low.size(Dim(1)));
  const NodeId index = low.add(Op::kIndex, {sort_indices(low, x, dim, false), place}, {dim});
  return keepdim ? low.unsqueeze(index, dim) : index;
}

Value chosen(Lowering& low, const Arguments& args, Op op) {
  NodeId x = args.tensor("input");
  if (!args.has("dim")) return Value::of(low.add(op, {low.flatten(x)}, {0, 0}));
  return Value::of(low.add(op, {x}, {args.flag("keepdim") && low.rank(x) > 0, args.dim("dim", x)}));
}

Value cumulative(Lowering& low, const Arguments& args, Op op) {
  const NodeId x = args.tensor("input");
  const Value indices = Value::of(ValueKind::kUnusable, "has no operation: only .values of " +
                                                            args.callee() + " is in the language");
  return values_and_indices(Value::of(low.add(op, {x}, {args.dim("dim", x)})), indices);
}

Value flipped(Lowering& low, NodeId x, Dims dims) {
  std::sort(dims.begin(), dims.end());
  return Value::of(dims.empty() ? x : low.add(Op::kFlip, {x}, dims));
}

}  // namespace

Value named_tuple(Values items, const std::vector<std::string_view>& fields) {
  Value value = Value::sequence(ValueKind::kTuple, std::move(items));
  value.fields = &fields;
  return value;
}

Value values_and_indices(Value values, Value indices) {
  static const std::vector<std::string_view> kFields{"values", "indices"};
  return named_tuple({std::move(values), std::move(indices)}, kFields);
}

Value values_and_indices(NodeId values, NodeId indices) {
  return values_and_indices(Value::of(values), Value::of(indices));
}

NodeId sort_indices(Lowering& low, NodeId x, int64_t dim, bool descending) {
  return low.add(Op::kSortIndices, {x}, {dim, descending});
}

Value lower_median(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  if (!args.has("dim")) return Value::of(low.add(Op::kMedianValues, {low.flatten(x)}, {0, 0}));
  const int64_t dim = args.dim("dim", x);
  const bool keepdim = args.flag("keepdim") && low.rank(x) > 0;
  // PyTorch's median is the lower one: the ((n - 1) // 2)-th from 0.
  const NodeId half =
      low.binary(Op::kFloorDiv, low.size(size_of(low, x, dim) + Dim(1)), low.size(Dim(2)));
  return values_and_indices(low.add(Op::kMedianValues, {x}, {keepdim, dim}),
                            kth_index(low, x, dim, half, keepdim));
}

Value lower_argmax(Lowering& low, const Arguments& args) { return chosen(low, args, Op::kArgmax); }
Value lower_argmin(Lowering& low, const Arguments& args) { return chosen(low, args, Op::kArgmin); }

Value lower_kthvalue(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input"), k = args.number("k");
  const int64_t dim = args.dim("dim", x);
  const bool keepdim = args.flag("keepdim") && low.rank(x) > 0;
  return values_and_indices(low.add(Op::kKthvalue, {x, k}, {keepdim, dim}),
                            kth_index(low, x, dim, k, keepdim));
}

Value lower_quantile(Lowering& low, const Arguments& args) {
  if (args.text("interpolation") != "linear")
    args.refuse("interpolation", "only 'linear' is in the language");
  NodeId x = args.tensor("input");
  Value q = args.value("q");
  // torch.tensor(0.9) is the number 0.9
  if (q.is(ValueKind::kNode)) q.node = low.number_of(q.node);
  if (!q.is(ValueKind::kNode) || low.is_tensor(q.node))
    args.refuse("q", "must be one number, got " + describe(low, q),
                "call it once for each quantile");
  const bool keepdim = args.flag("keepdim");
  if (!args.has("dim")) return Value::of(low.add(Op::kQuantile, {low.flatten(x), q.node}, {0, 0}));
  return Value::of(
      low.add(Op::kQuantile, {x, q.node}, {keepdim && low.rank(x) > 0, args.dim("dim", x)}));
}

Value lower_topk(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  const Dim k = args.size("k");
  const Dims attributes{args.dim("dim", x), args.flag("largest")};
  return values_and_indices(low.add(Op::kTopkValues, {x}, attributes, {k}),
                            low.add(Op::kTopkIndices, {x}, attributes, {k}));
}

Value lower_sort(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  const Dims attributes{args.dim("dim", x), args.flag("descending")};
  return values_and_indices(low.add(Op::kSortValues, {x}, attributes),
                            low.add(Op::kSortIndices, {x}, attributes));
}

Value lower_msort(Lowering& low, const Arguments& args) {
  return Value::of(low.add(Op::kSortValues, {args.tensor("input")}, {0, 0}));
}

Value lower_argsort(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  return Value::of(sort_indices(low, x, args.dim("dim", x), args.flag("descending")));
}

Value lower_cummax(Lowering& low, const Arguments& args) {
  return cumulative(low, args, Op::kCummaxValues);
}
Value lower_cummin(Lowering& low, const Arguments& args) {
  return cumulative(low, args, Op::kCumminValues);
}

Value lower_flip(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  return flipped(low, x, args.dims("dims", x));
}

Value lower_fliplr(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  if (low.rank(x) < 2) args.refuse("input", "needs at least 2 dimensions");
  return flipped(low, x, {1});
}

Value lower_flipud(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  if (low.rank(x) < 1) args.refuse("input", "needs at least 1 dimension");
  return flipped(low, x, {0});
}

Value lower_roll(Lowering& low, const Arguments& args) {
  NodeId x = args.tensor("input");
  const Shape shifts = args.sizes("shifts");
  const Shape shape = low.shape(x);
  if (!args.has("dims")) x = low.flatten(x);
  const Dims dims = args.has("dims") ? args.dims("dims", x) : Dims{0};
  if (shifts.size() != dims.size())
    args.refuse("shifts", "there must be one shift for each dimension");
  for (size_t i = 0; i < dims.size(); ++i) {
    const auto shift = shifts[i].constant();
    if (!shift) args.refuse("shifts", "must be a whole-number constant");
    x = low.add(Op::kRoll, {x}, {*shift, dims[i]});
  }
  return Value::of(low.reshape(x, shape));
}

Value lower_diff(Lowering& low, const Arguments& args) {
  NodeId x = args.tensor("input");
  if (low.rank(x) == 0) args.refuse("input", "needs at least 1 dimension");
  const int64_t dim = args.dim("dim", x), n = args.integer("n");
  if (n < 0 || n > 16) args.refuse("n", "must lie between 0 and 16");
  for (int64_t i = 0; i < n; ++i) {
    const Dim size = size_of(low, x, dim);
    x = low.difference(low.slice(x, dim, Dim(1), size), low.slice(x, dim, Dim(0), size - Dim(1)));
  }
  return Value::of(x);
}

}  // namespace ballast::candidate
