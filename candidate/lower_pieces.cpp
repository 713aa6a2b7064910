// Pieces of tensors, put together and taken out.
#include <algorithm>

#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

constexpr int64_t kMostPieces = 64;

const Dim& size_at(Lowering& low, NodeId x, int64_t dim) {
  return low.shape(x)[static_cast<size_t>(dim)];
}

NodeId at_least_1d(Lowering& low, const Arguments& args, std::string_view name) {
  const NodeId x = args.tensor(name);
  if (low.rank(x) == 0) args.refuse(name, "needs at least 1 dimension");
  return x;
}

Value pieces(Lowering& low, const Arguments& args, NodeId x, int64_t dim, const Shape& sizes) {
  Dim start(0);
  Values out;
  for (const Dim& size : sizes) {
    out.push_back(Value::of(low.slice(x, dim, start, start + size)));
    start = start + size;
  }
  if (start != size_at(low, x, dim))
    args.refuse("dim", "the pieces have " + start.to_string() + " of " +
                           size_at(low, x, dim).to_string() + " items");
  return Value::sequence(ValueKind::kTuple, std::move(out));
}

// Sizes of pieces of `each` along a dimension of `total`, the last one smaller; empty when their
// number is unknown.
Shape equal_sizes(const Dim& total, const Dim& each) {
  const auto whole = total.constant(), part = each.constant();
  if (whole && part && *part > 0) {
    Shape sizes;
    for (int64_t at = 0; at < *whole && at < *part * kMostPieces; at += *part)
      sizes.emplace_back(std::min(*part, *whole - at));
    return sizes;
  }
  const auto quotient = divide(total, each);
  const auto count = quotient ? quotient->constant() : std::nullopt;
  if (!count || *count < 1 || *count > kMostPieces) return {};
  return Shape(static_cast<size_t>(*count), each);
}

// Where along `dim` the index points to, as (..., items of index, size): bool. Items come last but
// one.
NodeId pointed_at(Lowering& low, const Arguments& args, NodeId x, NodeId index, int64_t dim) {
  Shape expected = low.shape(x);
  if (low.rank(x) == 0 || low.rank(index) != low.rank(x))
    args.refuse("index", "must have as many dimensions as the tensor, got " + low.describe(index));
  expected[static_cast<size_t>(dim)] = size_at(low, index, dim);
  if (low.shape(index) != expected)
    args.refuse("index", "must have the tensor's shape except along dim, got " +
                             low.describe(index) + " for " + low.describe(x));
  return low.add(Op::kOneHot, {low.transpose(index, dim, low.rank(x) - 1)}, {},
                 {size_at(low, x, dim)});
}

[[noreturn]] void refuse_pieces(const Arguments& args) {
  args.refuse("input", "into how many pieces is unknown before the run",
              "view it with one more dimension: x.view(n, -1)");
}

}  // namespace

Value lower_cat(Lowering& low, const Arguments& args) {
  const std::vector<NodeId> xs = args.tensors("tensors");
  return Value::of(low.cat(xs, args.dim("dim", xs[0])));
}

Value lower_stack(Lowering& low, const Arguments& args) {
  const std::vector<NodeId> xs = args.tensors("tensors");
  const int64_t rank = low.rank(xs[0]);
  return Value::of(low.stack(xs, low.normalise_dim(args.integer("dim"), rank + 1)));
}

Value lower_hstack(Lowering& low, const Arguments& args) {
  std::vector<NodeId> xs = args.tensors("tensors");
  for (NodeId& x : xs)
    if (low.rank(x) == 0) x = low.unsqueeze(x, 0);
  return Value::of(low.cat(xs, low.rank(xs[0]) == 1 ? 0 : 1));
}

Value lower_vstack(Lowering& low, const Arguments& args) {
  std::vector<NodeId> xs = args.tensors("tensors");
  for (NodeId& x : xs)
    while (low.rank(x) < 2) x = low.unsqueeze(x, 0);
  return Value::of(low.cat(xs, 0));
}

Value lower_unbind(Lowering& low, const Arguments& args) {
  const NodeId x = at_least_1d(low, args, "input");
  const int64_t dim = args.dim("dim", x);
  const auto count = size_at(low, x, dim).constant();
  if (!count || *count > kMostPieces) refuse_pieces(args);
  Values out;
  for (int64_t i = 0; i < *count; ++i)
    out.push_back(Value::of(low.add(Op::kIndex, {x, low.size(Dim(i))}, {dim})));
  return Value::sequence(ValueKind::kTuple, std::move(out));
}

// torch.split and the method call their parameters otherwise.
Value lower_split(Lowering& low, const Arguments& args) {
  const std::string_view input = args.row().parameters[0].name,
                         size = args.row().parameters[1].name;
  const NodeId x = at_least_1d(low, args, input);
  const int64_t dim = args.dim("dim", x);
  const Shape given = args.sizes(size);
  if (args.value(size).is_sequence()) return pieces(low, args, x, dim, given);
  const Shape sizes = equal_sizes(size_at(low, x, dim), given[0]);
  if (sizes.empty()) refuse_pieces(args);
  return pieces(low, args, x, dim, sizes);
}

Value lower_chunk(Lowering& low, const Arguments& args) {
  const NodeId x = at_least_1d(low, args, "input");
  const int64_t dim = args.dim("dim", x), chunks = args.integer("chunks");
  if (chunks < 1 || chunks > kMostPieces) args.refuse("chunks", "must lie between 1 and 64");
  const Dim total = size_at(low, x, dim);
  const auto whole = total.constant();
  const auto each =
      whole ? std::optional<Dim>(Dim((*whole + chunks - 1) / chunks)) : divide(total, Dim(chunks));
  const Shape sizes = each ? equal_sizes(total, *each) : Shape{};
  if (sizes.empty()) refuse_pieces(args);
  return pieces(low, args, x, dim, sizes);
}

Value lower_narrow(Lowering& low, const Arguments& args) {
  const NodeId x = at_least_1d(low, args, "input");
  const Dim start = args.size("start");
  return Value::of(low.slice(x, args.dim("dim", x), start, start + args.size("length")));
}

Value lower_select(Lowering& low, const Arguments& args) {
  const NodeId x = at_least_1d(low, args, "input");
  return Value::of(low.add(Op::kIndex, {x, args.number("index")}, {args.dim("dim", x)}));
}

Value lower_index_select(Lowering& low, const Arguments& args) {
  const NodeId x = at_least_1d(low, args, "input");
  NodeId index = args.tensor("index");
  if (low.rank(index) == 0) index = low.unsqueeze(index, 0);
  return Value::of(low.add(Op::kIndexSelect, {x, index}, {args.dim("dim", x)}));
}

Value lower_gather(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  return Value::of(low.add(Op::kGather, {x, args.tensor("index")}, {args.dim("dim", x)}));
}

Value lower_take_along_dim(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input"), indices = args.tensor("indices");
  const int64_t dim = args.dim("dim", x);
  Shape wide = low.shape(x);
  if (low.rank(indices) != low.rank(x))
    args.refuse("indices", "must have as many dimensions as the tensor");
  if (!wide.empty()) wide[static_cast<size_t>(dim)] = size_at(low, indices, dim);
  return Value::of(low.add(Op::kGather, {x, low.expand(indices, wide)}, {dim}));
}

Value lower_take(Lowering& low, const Arguments& args) {
  const NodeId x = low.flatten(args.tensor("input")), index = args.tensor("index");
  const NodeId taken = low.add(Op::kIndexSelect, {x, low.flatten(index)}, {0});
  return Value::of(low.reshape(taken, low.shape(index)));
}

Value lower_masked_select(Lowering& low, const Arguments& args) {
  Value value = Value::of(ValueKind::kMasked);
  value.node = args.tensor("input");
  value.mask = args.tensor("mask");
  const auto shape = broadcast(low.shape(value.node), low.shape(value.mask));
  if (low.element(value.mask) != Element::kBool || !shape || shape->empty())
    args.refuse("mask", "must be bool and broadcast with " + to_string(low.shape(value.node)) +
                            ", got " + low.describe(value.mask));
  value.node = low.expand(value.node, *shape);
  value.mask = low.expand(value.mask, *shape);
  return value;
}

// Sets items to one number. (With a tensor of values PyTorch's result depends on the order of equal
// indices.)
Value lower_scatter(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input"), index = args.tensor("index");
  const int64_t dim = args.dim("dim", x), last = low.rank(x) - 1;
  const Value& value = args.value("value");
  if (!value.is(ValueKind::kNode) || low.is_tensor(value.node))
    args.refuse("value", "must be one number, got " + describe(low, value),
                "build it with F.one_hot, or scatter_add");
  const NodeId hits = low.reduce(Op::kAny, pointed_at(low, args, x, index, dim), {last});
  return Value::of(
      low.where(low.transpose(hits, dim, last), low.cast(value.node, low.element(x)), x));
}

Value lower_scatter_add(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input"), index = args.tensor("index"), src = args.tensor("src");
  const int64_t dim = args.dim("dim", x), last = low.rank(x) - 1;
  if (low.shape(src) != low.shape(index))
    args.refuse("src", "must have the index's shape " + to_string(low.shape(index)) + ", got " +
                           low.describe(src));
  const NodeId hits = low.cast(pointed_at(low, args, x, index, dim), low.element(x));
  const NodeId values = low.unsqueeze(low.transpose(src, dim, last), last + 1);
  const NodeId added = low.reduce(Op::kSum, low.product(hits, values), {last});
  return Value::of(low.sum_of(x, low.transpose(added, dim, last)));
}

// Adds the rows of `source` (along dim) to the rows that the index names: one matrix product.
Value lower_index_add(Lowering& low, const Arguments& args) {
  const NodeId x = at_least_1d(low, args, "input"), index = args.tensor("index");
  NodeId source = args.tensor("source");
  const int64_t dim = args.dim("dim", x);
  if (low.rank(index) != 1 || low.rank(source) != low.rank(x) || low.rank(x) > 2)
    args.refuse(
        "index",
        "needs an index of one dimension, and a source of the tensor's one or two dimensions");
  if (args.has("alpha")) source = low.product(args.number("alpha"), source);
  const NodeId hits =
      low.cast(low.add(Op::kOneHot, {index}, {}, {size_at(low, x, dim)}), low.element(x));
  const NodeId rows = dim == 0 ? low.binary(Op::kMatmul, low.transpose(hits, 0, 1), source)
                               : low.binary(Op::kMatmul, source, hits);
  return Value::of(low.sum_of(x, rows));
}

Value lower_bincount(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  const Dim size = args.size("minlength");
  if (size == Dim(0))
    args.refuse("minlength", "without minlength the shape depends on the data",
                "minlength=r.num_experts");
  if (low.rank(x) != 1 || low.element(x) != Element::kInt)
    args.refuse("input", "needs an int tensor of one dimension, got " + low.describe(x));
  const NodeId hits = low.add(Op::kOneHot, {x}, {}, {size});
  if (!args.has("weights")) return Value::of(low.reduce(Op::kSum, hits, {0}));
  const NodeId weights = args.tensor("weights");
  return Value::of(low.reduce(Op::kSum, low.product(hits, low.unsqueeze(weights, 1)), {0}));
}

Value lower_one_hot(Lowering& low, const Arguments& args) {
  const Dim classes = args.size("num_classes");
  if (classes == Dim(-1))
    args.refuse("num_classes", "without num_classes the shape depends on the data",
                "F.one_hot(x, num_classes=r.num_experts)");
  return Value::of(low.add(Op::kOneHot, {args.tensor("tensor")}, {}, {classes}));
}

// Constant padding, from the last dimension on: (left, right, top, bottom, ...).
Value lower_pad(Lowering& low, const Arguments& args) {
  if (args.text("mode") != "constant") args.refuse("mode", "only 'constant' is in the language");
  NodeId x = args.tensor("input");
  const Shape widths = args.sizes("pad");
  if (widths.size() % 2 != 0 || static_cast<int64_t>(widths.size() / 2) > low.rank(x))
    args.refuse("pad", "needs a pair of widths for each of the last dimensions");
  const NodeId fill = args.has("value") ? low.cast(args.number("value"), low.element(x))
                                        : scalar_of(low, 0, low.element(x));
  for (size_t pair = 0; pair < widths.size() / 2; ++pair) {
    const int64_t dim = low.rank(x) - 1 - static_cast<int64_t>(pair);
    std::vector<NodeId> parts{x};
    for (const size_t side : {size_t{0}, size_t{1}}) {
      const Dim& width = widths[2 * pair + side];
      if (width.constant().value_or(1) < 0)
        args.refuse("pad", "negative widths are not in the language", "x[:, 1:]");
      if (width == Dim(0)) continue;
      Shape shape = low.shape(x);
      shape[static_cast<size_t>(dim)] = width;
      parts.insert(side == 0 ? parts.begin() : parts.end(), low.full(fill, shape));
    }
    x = low.cat(parts, dim);
  }
  return Value::of(x);
}

}  // namespace ballast::candidate
