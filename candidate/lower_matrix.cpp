// Matrices and vectors.
#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

NodeId of_rank(Lowering& low, const Arguments& args, std::string_view name, int64_t rank) {
  const NodeId x = args.tensor(name);
  if (low.rank(x) != rank)
    args.refuse(name, quoted(name) + " must have " + std::to_string(rank) +
                          (rank == 1 ? " dimension" : " dimensions") + ", got " +
                          describe(low, Value::of(x)));
  return x;
}

void no_offset(const Arguments& args, std::string_view name) {
  if (args.integer(name) != 0) args.refuse(name, "only the main diagonal is in the language");
}

NodeId centred(Lowering& low, NodeId x) {
  const Dims last{low.rank(x) - 1};
  return low.difference(x, low.reduce(Op::kMean, x, last, true));
}

// Rows are variables, columns observations.
NodeId covariance(Lowering& low, NodeId x, int64_t correction) {
  const NodeId gap = centred(low, x);
  const NodeId count = low.size(low.shape(x).back() - Dim(correction));
  const NodeId products = low.rank(x) == 1 ? low.binary(Op::kMatmul, gap, gap)
                                           : low.binary(Op::kMatmul, gap, low.transpose(gap, 0, 1));
  return low.quotient(products, count);
}

NodeId needs_rows(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  if (low.rank(x) != 1 && low.rank(x) != 2)
    args.refuse("input", "needs (variables, observations), got " + describe(low, Value::of(x)));
  return x;
}

}  // namespace

Value lower_matmul(Lowering& low, const Arguments& args) {
  return Value::of(low.binary(Op::kMatmul, args.tensor("input"), args.tensor("other")));
}

Value lower_mm(Lowering& low, const Arguments& args) {
  const NodeId a = of_rank(low, args, "input", 2);
  return Value::of(low.binary(Op::kMatmul, a, of_rank(low, args, "mat2", 2)));
}

Value lower_mv(Lowering& low, const Arguments& args) {
  const NodeId a = of_rank(low, args, "input", 2);
  return Value::of(low.binary(Op::kMatmul, a, of_rank(low, args, "vec", 1)));
}

Value lower_bmm(Lowering& low, const Arguments& args) {
  const NodeId a = of_rank(low, args, "input", 3), b = of_rank(low, args, "mat2", 3);
  if (low.shape(a)[0] != low.shape(b)[0])
    args.refuse("mat2", "the first sizes " + low.shape(a)[0].to_string() + " and " +
                            low.shape(b)[0].to_string() + " differ");
  return Value::of(low.binary(Op::kMatmul, a, b));
}

Value lower_dot(Lowering& low, const Arguments& args) {
  const bool vdot = args.row().name == "vdot";
  const NodeId a = of_rank(low, args, "input", 1);
  return Value::of(low.binary(Op::kMatmul, a, of_rank(low, args, vdot ? "other" : "tensor", 1)));
}

Value lower_inner(Lowering& low, const Arguments& args) {
  const NodeId a = args.tensor("input"), b = args.tensor("other");
  if (low.rank(a) == 0 || low.rank(b) == 0) return Value::of(low.product(a, b));
  if (low.rank(b) > 2) args.refuse("other", "at most 2 dimensions");
  return Value::of(low.binary(Op::kMatmul, a, low.rank(b) == 2 ? low.transpose(b, 0, 1) : b));
}

Value lower_outer(Lowering& low, const Arguments& args) {
  const NodeId a = of_rank(low, args, "input", 1), b = of_rank(low, args, "vec2", 1);
  return Value::of(low.product(low.unsqueeze(a, 1), low.unsqueeze(b, 0)));
}

Value lower_linear(Lowering& low, const Arguments& args) {
  const NodeId weight = of_rank(low, args, "weight", 2);
  const NodeId x = low.binary(Op::kMatmul, args.tensor("input"), low.transpose(weight, 0, 1));
  return Value::of(args.has("bias") ? low.sum_of(x, args.tensor("bias")) : x);
}

Value lower_matrix_transpose(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  if (low.rank(x) > 2) args.refuse("input", "t() needs at most 2 dimensions", "x.transpose(0, 1)");
  return Value::of(low.rank(x) < 2 ? x : low.transpose(x, 0, 1));
}

Value lower_transpose(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  return Value::of(low.transpose(x, args.dim("dim0", x), args.dim("dim1", x)));
}

Value lower_swapaxes(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  return Value::of(low.transpose(x, args.dim("axis0", x), args.dim("axis1", x)));
}

Value lower_permute(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  const Dims order = args.dims("dims", x);
  if (static_cast<int64_t>(order.size()) != low.rank(x))
    args.refuse("dims", "must name all " + std::to_string(low.rank(x)) + " dimensions");
  return Value::of(low.permute(x, order));
}

Value lower_movedim(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  const int64_t from = args.dim("source", x), to = args.dim("destination", x);
  Dims order = low.all_dims(x);
  if (order.empty()) return Value::of(x);
  order.erase(order.begin() + from);
  order.insert(order.begin() + to, from);
  return Value::of(low.permute(x, order));
}

Value lower_diag(Lowering& low, const Arguments& args) {
  no_offset(args, "diagonal");
  const NodeId x = args.tensor("input");
  return Value::of(low.unary(low.rank(x) == 1 ? Op::kDiagEmbed : Op::kDiagonal, x));
}

Value lower_diag_embed(Lowering& low, const Arguments& args) {
  return Value::of(low.unary(Op::kDiagEmbed, args.tensor("input")));
}

Value lower_diagonal(Lowering& low, const Arguments& args) {
  no_offset(args, "offset");
  return Value::of(low.unary(Op::kDiagonal, of_rank(low, args, "input", 2)));
}

Value lower_trace(Lowering& low, const Arguments& args) {
  return Value::of(low.sum(low.unary(Op::kDiagonal, of_rank(low, args, "input", 2))));
}

Value lower_tril(Lowering& low, const Arguments& args) {
  return Value::of(low.add(Op::kTril, {args.tensor("input")}, {args.integer("diagonal")}));
}

Value lower_triu(Lowering& low, const Arguments& args) {
  return Value::of(low.add(Op::kTriu, {args.tensor("input")}, {args.integer("diagonal")}));
}

Value lower_cov(Lowering& low, const Arguments& args) {
  return Value::of(covariance(low, needs_rows(low, args), args.integer("correction")));
}

Value lower_corrcoef(Lowering& low, const Arguments& args) {
  const NodeId x = needs_rows(low, args);
  const NodeId c = covariance(low, x, 1);
  if (low.rank(x) == 1) return Value::of(low.quotient(c, c));
  const NodeId deviation = low.unary(Op::kSqrt, low.unary(Op::kDiagonal, c));
  NodeId result = low.quotient(c, low.unsqueeze(deviation, 1));
  result = low.quotient(result, low.unsqueeze(deviation, 0));
  result = low.binary(Op::kClampMin, result, low.number(-1));
  return Value::of(low.binary(Op::kClampMax, result, low.number(1)));
}

}  // namespace ballast::candidate
