// Reductions, and the softmax and cumulative families.
#include <cmath>
#include <limits>

#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

Value reduced(Lowering& low, const Arguments& args, Op op) {
  const NodeId x = with_dtype(low, args, args.tensor("input"));
  return Value::of(low.reduce(op, x, args.dims("dim", x), args.flag("keepdim")));
}

// torch.max and torch.min have three meanings: of all, along a dimension, of two tensors.
Value extremum(Lowering& low, const Arguments& args, Op all, Op values, Op indices, Op pair) {
  const NodeId x = args.tensor("input");
  if (args.has("other")) return Value::of(low.binary(pair, x, args.tensor("other")));
  if (!args.has("dim")) return Value::of(low.reduce(all, x, low.all_dims(x)));
  const Value& dim_value = args.value("dim");
  if (dim_value.is(ValueKind::kNode) && low.is_tensor(dim_value.node))
    return Value::of(low.binary(pair, x, dim_value.node));
  const Dims attributes{args.flag("keepdim") && low.rank(x) > 0, args.dim("dim", x)};
  if (low.element(x) == Element::kBool) {
    const Op truth = all == Op::kAmax ? Op::kAny : Op::kAll;
    return values_and_indices(
        Value::of(low.reduce(truth, x, {attributes[1]}, attributes[0] != 0)),
        Value::of(ValueKind::kUnusable, "does not exist for bool tensors: x.float() has it"));
  }
  return values_and_indices(low.add(values, {x}, attributes), low.add(indices, {x}, attributes));
}

struct Spread {
  NodeId x;
  Dims dims;
  bool keepdim;
  int64_t correction;
};

// var(x, False) is unbiased=False; var(x, dim, unbiased, keepdim) and correction= are the others.
Spread spread_arguments(Lowering& low, const Arguments& args) {
  Spread out{args.tensor("input"), {}, args.flag("keepdim"), args.integer("correction")};
  const bool flag_first = args.has("dim") && args.value("dim").is(ValueKind::kNode) &&
                          low.element(args.value("dim").node) == Element::kBool;
  if (flag_first) {
    out.correction = args.flag("dim") ? 1 : 0;
    out.dims = low.all_dims(out.x);
  } else {
    out.dims = args.dims("dim", out.x);
  }
  if (args.has("unbiased")) out.correction = args.flag("unbiased") ? 1 : 0;
  return out;
}

Value spread(Lowering& low, const Arguments& args, Op op, bool with_mean) {
  const Spread s = spread_arguments(low, args);
  const NodeId result = low.spread(op, s.x, s.dims, s.keepdim, s.correction);
  if (!with_mean) return Value::of(result);
  const NodeId mean = low.reduce(Op::kMean, s.x, s.dims, s.keepdim);
  return Value::sequence(ValueKind::kTuple, {Value::of(result), Value::of(mean)});
}

double norm_order(const Arguments& args, std::string_view name) {
  if (!args.has(name) || !args.value(name).is(ValueKind::kText)) return args.real(name);
  if (args.text(name) != "fro")
    args.refuse(name, "of the named norms only 'fro' is here", "p=1, p=2, p=float('inf')");
  return 2;
}

// F.softmax without dim: PyTorch warns and takes this one.
int64_t softmax_dim(Lowering& low, const Arguments& args, NodeId x) {
  if (args.has("dim")) return args.dim("dim", x);
  return low.rank(x) == 0 || low.rank(x) == 1 || low.rank(x) == 3 ? 0 : 1;
}

Value along(Lowering& low, const Arguments& args, Op op) {
  const NodeId x = with_dtype(low, args, args.tensor("input"));
  return Value::of(low.add(op, {x}, {softmax_dim(low, args, x)}));
}

}  // namespace

NodeId with_dtype(Lowering& low, const Arguments& args, NodeId x) {
  if (!args.has("dtype")) return x;
  if (!args.value("dtype").is(ValueKind::kDtype))
    args.refuse("dtype", "must be a dtype such as torch.float32");
  return low.cast(x, args.value("dtype").element);
}

Value lower_sum(Lowering& low, const Arguments& args) { return reduced(low, args, Op::kSum); }
Value lower_mean(Lowering& low, const Arguments& args) { return reduced(low, args, Op::kMean); }
Value lower_prod(Lowering& low, const Arguments& args) { return reduced(low, args, Op::kProd); }
Value lower_amax(Lowering& low, const Arguments& args) { return reduced(low, args, Op::kAmax); }
Value lower_amin(Lowering& low, const Arguments& args) { return reduced(low, args, Op::kAmin); }
Value lower_any(Lowering& low, const Arguments& args) { return reduced(low, args, Op::kAny); }
Value lower_all(Lowering& low, const Arguments& args) { return reduced(low, args, Op::kAll); }
Value lower_logsumexp(Lowering& low, const Arguments& args) {
  return reduced(low, args, Op::kLogSumExp);
}

Value lower_nansum(Lowering& low, const Arguments& args) {
  const NodeId x = with_dtype(low, args, args.tensor("input"));
  const NodeId clean = low.where(low.binary(Op::kNe, x, x), scalar_of(low, 0, low.element(x)), x);
  return Value::of(low.reduce(Op::kSum, clean, args.dims("dim", x), args.flag("keepdim")));
}

Value lower_max(Lowering& low, const Arguments& args) {
  return extremum(low, args, Op::kAmax, Op::kMaxValues, Op::kArgmax, Op::kMaximum);
}

Value lower_min(Lowering& low, const Arguments& args) {
  return extremum(low, args, Op::kAmin, Op::kMinValues, Op::kArgmin, Op::kMinimum);
}

Value lower_var(Lowering& low, const Arguments& args) { return spread(low, args, Op::kVar, false); }
Value lower_std(Lowering& low, const Arguments& args) { return spread(low, args, Op::kStd, false); }
Value lower_var_mean(Lowering& low, const Arguments& args) {
  return spread(low, args, Op::kVar, true);
}
Value lower_std_mean(Lowering& low, const Arguments& args) {
  return spread(low, args, Op::kStd, true);
}

Value lower_count_nonzero(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  const NodeId nonzero = low.binary(Op::kNe, x, low.size(Dim(0)));
  return Value::of(low.reduce(Op::kSum, nonzero, args.dims("dim", x)));
}

Value lower_norm(Lowering& low, const Arguments& args) {
  const NodeId x = with_dtype(low, args, args.tensor("input"));
  return Value::of(
      low.reduce(Op::kNorm, x, args.dims("dim", x), args.flag("keepdim"), norm_order(args, "p")));
}

Value lower_vector_norm(Lowering& low, const Arguments& args) {
  const NodeId x = with_dtype(low, args, args.tensor("input"));
  const bool vector_only = args.row().name == "linalg.vector_norm";
  const Dims dims = args.dims("dim", x);
  const bool fro = args.has("ord") && args.value("ord").is(ValueKind::kText);
  if (!vector_only && args.has("ord") && !fro && dims.size() != 1)
    args.refuse("ord", "matrix norms are not in the language", "torch.linalg.vector_norm(x, p)");
  const double p = args.has("ord") ? norm_order(args, "ord") : 2;
  return Value::of(low.reduce(Op::kNorm, x, dims, args.flag("keepdim"), p));
}

Value lower_dist(Lowering& low, const Arguments& args) {
  const NodeId gap = low.difference(args.tensor("input"), args.tensor("other"));
  return Value::of(low.reduce(Op::kNorm, gap, low.all_dims(gap), false, args.real("p")));
}

Value lower_softmax(Lowering& low, const Arguments& args) { return along(low, args, Op::kSoftmax); }
Value lower_log_softmax(Lowering& low, const Arguments& args) {
  return along(low, args, Op::kLogSoftmax);
}
Value lower_cumsum(Lowering& low, const Arguments& args) { return along(low, args, Op::kCumsum); }
Value lower_cumprod(Lowering& low, const Arguments& args) { return along(low, args, Op::kCumprod); }
Value lower_logcumsumexp(Lowering& low, const Arguments& args) {
  return along(low, args, Op::kLogCumsumExp);
}

Value lower_softmin(Lowering& low, const Arguments& args) {
  const NodeId x = with_dtype(low, args, args.tensor("input"));
  return Value::of(low.add(Op::kSoftmax, {low.unary(Op::kNeg, x)}, {softmax_dim(low, args, x)}));
}

}  // namespace ballast::candidate
