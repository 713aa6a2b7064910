// torch.nn.functional's losses.
#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

Value reduction(Lowering& low, const Arguments& args, NodeId each) {
  const std::string kind = args.text("reduction");
  if (kind == "mean") return Value::of(low.mean(each));
  if (kind == "sum") return Value::of(low.sum(each));
  if (kind == "none") return Value::of(each);
  args.refuse("reduction", "it is 'mean', 'sum' or 'none', not '" + kind + "'");
}

struct Pair {
  NodeId input, target;
};

Pair pair(const Arguments& args) {
  check_extras(args);
  args.must_not_have("weight", "multiply before reducing: use reduction='none'");
  return {args.tensor("input"), args.tensor("target")};
}

void same_shapes(const Lowering& low, const Arguments& args, const Pair& p) {
  if (low.shape(p.input) == low.shape(p.target)) return;
  args.refuse("target",
              "shapes " + to_string(low.shape(p.input)) + " and " + to_string(low.shape(p.target)) +
                  " differ",
              "target.expand_as(input)");
}

NodeId one_minus(Lowering& low, NodeId x) { return low.difference(low.number(1), x); }

// Class probabilities as targets: any shape; classes along dim.
NodeId soft_cross_entropy(Lowering& low, NodeId log_probs, NodeId target, int64_t dim,
                          double smoothing) {
  if (smoothing > 0) {
    const NodeId classes = low.size(low.shape(log_probs)[static_cast<size_t>(dim)]);
    target = low.sum_of(low.product(target, low.number(1 - smoothing)),
                        low.quotient(low.number(smoothing), classes));
  }
  return low.unary(Op::kNeg, low.reduce(Op::kSum, low.product(log_probs, target), {dim}));
}

// Class indices as targets: (N) for (N, C), () for (C).
NodeId index_cross_entropy(Lowering& low, const Arguments& args, NodeId log_probs, NodeId target,
                           int64_t dim) {
  Shape expected = low.shape(log_probs);
  expected.erase(expected.begin() + dim);
  if (low.element(target) != Element::kInt || low.shape(target) != expected)
    args.refuse("target",
                "must be class indices, int " + to_string(expected) +
                    ", or for cross_entropy class "
                    "probabilities, float " +
                    to_string(low.shape(log_probs)) + "; got " + low.describe(target),
                "x.argmax(dim) gives indices");
  const NodeId picked = low.add(Op::kGather, {log_probs, low.unsqueeze(target, dim)}, {dim});
  return low.unary(Op::kNeg, low.squeeze(picked, dim));
}

int64_t class_dim(Lowering& low, const Arguments& args, NodeId x) {
  if (low.rank(x) == 0) args.refuse("input", "needs a dimension of classes");
  return low.rank(x) == 1 ? 0 : 1;
}

}  // namespace

Value lower_mse_loss(Lowering& low, const Arguments& args) {
  const Pair p = pair(args);
  return reduction(low, args, low.square(low.difference(p.input, p.target)));
}

Value lower_l1_loss(Lowering& low, const Arguments& args) {
  const Pair p = pair(args);
  return reduction(low, args, low.unary(Op::kAbs, low.difference(p.input, p.target)));
}

Value lower_smooth_l1_loss(Lowering& low, const Arguments& args) {
  const Pair p = pair(args);
  const NodeId gap = low.difference(p.input, p.target), size = low.unary(Op::kAbs, gap);
  const double beta = args.real("beta");
  if (beta < 0) args.refuse("beta", "must not be negative");
  if (beta == 0) return reduction(low, args, size);
  const NodeId near = low.quotient(low.product(low.number(0.5), low.square(gap)), low.number(beta));
  const NodeId far = low.difference(size, low.number(0.5 * beta));
  return reduction(low, args, low.where(low.binary(Op::kLt, size, low.number(beta)), near, far));
}

Value lower_huber_loss(Lowering& low, const Arguments& args) {
  const Pair p = pair(args);
  const NodeId gap = low.difference(p.input, p.target), size = low.unary(Op::kAbs, gap);
  const double delta = args.real("delta");
  if (delta <= 0) args.refuse("delta", "must be positive");
  const NodeId near = low.product(low.number(0.5), low.square(gap));
  const NodeId far = low.product(low.number(delta), low.difference(size, low.number(0.5 * delta)));
  return reduction(low, args, low.where(low.binary(Op::kLe, size, low.number(delta)), near, far));
}

// The input holds log-probabilities; 0 log 0 is 0.
Value lower_kl_div(Lowering& low, const Arguments& args) {
  const Pair p = pair(args);
  const NodeId each =
      args.flag("log_target")
          ? low.product(low.unary(Op::kExp, p.target), low.difference(p.target, p.input))
          : low.difference(low.binary(Op::kXlogy, p.target, p.target),
                           low.product(p.target, p.input));
  if (args.text("reduction") != "batchmean") return reduction(low, args, each);
  if (low.rank(p.input) == 0) return Value::of(low.sum(each));
  return Value::of(low.quotient(low.sum(each), low.size(low.shape(p.input)[0])));
}

Value lower_cross_entropy(Lowering& low, const Arguments& args) {
  const Pair p = pair(args);
  args.must_not_have("ignore_index");
  const int64_t dim = class_dim(low, args, p.input);
  const NodeId log_probs = low.add(Op::kLogSoftmax, {p.input}, {dim});
  const double smoothing = args.real("label_smoothing");
  if (smoothing < 0 || smoothing > 1) args.refuse("label_smoothing", "must lie between 0 and 1");
  const bool soft =
      low.element(p.target) == Element::kFloat && low.shape(p.target) == low.shape(p.input);
  if (soft)
    return reduction(low, args, soft_cross_entropy(low, log_probs, p.target, dim, smoothing));
  NodeId each = index_cross_entropy(low, args, log_probs, p.target, dim);
  if (smoothing > 0) {
    const NodeId uniform = low.unary(Op::kNeg, low.reduce(Op::kMean, log_probs, {dim}));
    each = low.sum_of(low.product(low.number(1 - smoothing), each),
                      low.product(low.number(smoothing), uniform));
  }
  return reduction(low, args, each);
}

Value lower_nll_loss(Lowering& low, const Arguments& args) {
  const Pair p = pair(args);
  args.must_not_have("ignore_index");
  return reduction(
      low, args, index_cross_entropy(low, args, p.input, p.target, class_dim(low, args, p.input)));
}

// PyTorch cuts the logarithms at -100, and the denominator of its own gradient at 1e-12: the value
// comes from the first, the gradient with respect to the input from the second.
Value lower_binary_cross_entropy(Lowering& low, const Arguments& args) {
  const Pair p = pair(args);
  same_shapes(low, args, p);
  const auto cut_log = [&](NodeId x) {
    return low.binary(Op::kClampMin, low.unary(Op::kLog, x), low.number(-100));
  };
  const NodeId x = p.input, fixed = low.unary(Op::kDetach, x);
  const NodeId yes = cut_log(fixed), no = cut_log(one_minus(low, fixed));
  NodeId each = low.unary(
      Op::kNeg, low.sum_of(low.product(p.target, yes), low.product(one_minus(low, p.target), no)));
  if (low.carries_gradient(x)) {
    const NodeId target = low.unary(Op::kDetach, p.target);
    const NodeId slope =
        low.binary(Op::kClampMin, low.product(one_minus(low, fixed), fixed), low.number(1e-12));
    each = low.sum_of(each, low.product(low.quotient(low.difference(fixed, target), slope),
                                        low.difference(x, fixed)));
  }
  return reduction(low, args, each);
}

Value lower_binary_cross_entropy_with_logits(Lowering& low, const Arguments& args) {
  const Pair p = pair(args);
  args.must_not_have("pos_weight");
  same_shapes(low, args, p);
  const NodeId linear = low.product(one_minus(low, p.target), p.input);
  return reduction(low, args, low.difference(linear, low.unary(Op::kLogSigmoid, p.input)));
}

Value lower_margin_ranking_loss(Lowering& low, const Arguments& args) {
  check_extras(args);
  const int64_t rank = low.rank(args.tensor("input1"));
  if (rank != low.rank(args.tensor("input2")) || rank != low.rank(args.tensor("target")))
    args.refuse("target", "the three tensors must have equally many dimensions");
  const NodeId gap = low.difference(args.tensor("input1"), args.tensor("input2"));
  const NodeId lack = low.product(low.unary(Op::kNeg, args.tensor("target")), gap);
  const NodeId margin = low.sum_of(lack, args.number("margin"));
  return reduction(low, args, low.binary(Op::kClampMin, margin, low.number(0)));
}

Value lower_soft_margin_loss(Lowering& low, const Arguments& args) {
  const Pair p = pair(args);
  same_shapes(low, args, p);
  if (low.carries_gradient(p.target))
    args.refuse("target", "PyTorch has no gradient for it", "target.detach()");
  const NodeId z = low.product(low.unary(Op::kNeg, p.target), p.input);
  return reduction(low, args, low.unary(Op::kLog1p, low.unary(Op::kExp, z)));
}

Value lower_normalize(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  const NodeId norm = low.reduce(Op::kNorm, x, {args.dim("dim", x)}, true, args.real("p"));
  return Value::of(low.quotient(x, low.binary(Op::kClampMin, norm, args.number("eps"))));
}

Value lower_cosine_similarity(Lowering& low, const Arguments& args) {
  NodeId a = args.tensor("x1"), b = args.tensor("x2");
  const auto shape = broadcast(low.shape(a), low.shape(b));
  if (!shape)
    args.refuse("x2", "shapes " + to_string(low.shape(a)) + " and " + to_string(low.shape(b)) +
                          " do not fit");
  a = low.expand(a, *shape), b = low.expand(b, *shape);
  const int64_t dim = args.dim("dim", a);
  // PyTorch clamps the norm without telling autograd: the gradient is that of the norm everywhere.
  const auto unit = [&](NodeId x) {
    const NodeId norm = low.reduce(Op::kNorm, x, {dim}, true, 2);
    const NodeId clamped = low.binary(Op::kClampMin, norm, args.number("eps"));
    return low.quotient(x, low.sum_of(norm, low.detached(low.difference(clamped, norm))));
  };
  return Value::of(low.reduce(Op::kSum, low.product(unit(a), unit(b)), {dim}));
}

Value lower_pairwise_distance(Lowering& low, const Arguments& args) {
  const NodeId gap =
      low.sum_of(low.difference(args.tensor("x1"), args.tensor("x2")), args.number("eps"));
  return Value::of(
      low.reduce(Op::kNorm, gap, {low.rank(gap) - 1}, args.flag("keepdim"), args.real("p")));
}

}  // namespace ballast::candidate
