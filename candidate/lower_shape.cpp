// Shapes: views and repetitions.
#include <algorithm>

#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

size_t real_dims(const Shape& shape) {
  return static_cast<size_t>(
      std::count_if(shape.begin(), shape.end(), [](const Dim& d) { return !d.is_one(); }));
}

// x.t().view(-1) raises in PyTorch: the memory is not in that order.
void check_contiguous(Lowering& low, const Arguments& args, NodeId x, const Shape& shape) {
  if (args.row().name != "view" || real_dims(shape) >= real_dims(low.shape(x))) return;
  if (low.scattered(x))
    args.refuse("input", "the tensor is not contiguous in memory", "x.reshape(...)");
}

// Whether a dimension can be 1 without being so always: squeezing it is a gamble.
bool may_be_one(const Dim& size) {
  for (const Symbol s : {Symbol::kS, Symbol::kK, Symbol::kG})
    if (size == Dim::symbol(s)) return true;
  return false;
}

int64_t new_dim(Lowering& low, const Arguments& args, NodeId x) {
  const int64_t dim = args.integer("dim"), rank = low.rank(x);
  if (dim < -rank - 1 || dim > rank)
    args.refuse("dim", "dim " + std::to_string(dim) + " is out of range for " + low.describe(x),
                "it goes from " + std::to_string(-rank - 1) + " to " + std::to_string(rank));
  return dim < 0 ? dim + rank + 1 : dim;
}

NodeId repeated(Lowering& low, const Arguments& args, NodeId x, Shape repeats) {
  while (static_cast<int64_t>(repeats.size()) > low.rank(x)) x = low.unsqueeze(x, 0);
  const Shape shape = low.shape(x);
  if (repeats.size() < shape.size())
    args.refuse("repeats",
                "needs one number for each of the " + std::to_string(shape.size()) + " dimensions");
  Shape split, wide, joined;
  for (size_t i = 0; i < shape.size(); ++i) {
    split.insert(split.end(), {Dim(1), shape[i]});
    wide.insert(wide.end(), {repeats[i], shape[i]});
    joined.push_back(repeats[i] * shape[i]);
  }
  if (joined == shape) return x;
  // Only the repeated dimensions need a second one.
  for (size_t i = shape.size(); i-- > 0;) {
    if (!repeats[i].is_one()) continue;
    split.erase(split.begin() + static_cast<std::ptrdiff_t>(2 * i));
    wide.erase(wide.begin() + static_cast<std::ptrdiff_t>(2 * i));
  }
  return low.reshape(low.expand(low.reshape(x, split), wide), joined);
}

}  // namespace

Shape resolve_shape(Lowering& low, NodeId x, Shape shape) {
  const Dim total = elements(low.shape(x));
  Dim known(1);
  Dim* open = nullptr;
  for (Dim& size : shape) {
    if (size != Dim(-1)) {
      known = known * size;
    } else if (open == nullptr) {
      open = &size;
    } else {
      low.refuse("only one size can be -1");
    }
  }
  if (open == nullptr) return shape;
  const auto rest = divide(total, known);
  if (!rest || !rest->may_be_whole())
    low.refuse(to_string(low.shape(x)) + " cannot be viewed as " + to_string(shape) + ": " +
                   total.to_string() + " elements are not a multiple of " + known.to_string(),
               "(T,E) per sequence is x.view(r.num_sequences, -1, r.num_experts)");
  *open = *rest;
  return shape;
}

Value lower_view(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  if (!args.has("shape")) args.refuse("shape", "needs a shape", "x.view(-1)");
  if (args.value("shape").is(ValueKind::kDtype))
    args.refuse("shape", "a view as another dtype is not in the language");
  const Shape shape = resolve_shape(low, x, args.sizes("shape"));
  check_contiguous(low, args, x, shape);
  return Value::of(low.reshape(x, shape));
}

Value lower_view_as(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  return Value::of(low.reshape(x, low.shape(args.tensor("other"))));
}

Value lower_flatten(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  const int64_t first = args.dim("start_dim", x), last = args.dim("end_dim", x);
  if (low.rank(x) == 0) return Value::of(low.reshape(x, {Dim(1)}));
  if (first > last) args.refuse("start_dim", "lies behind end_dim");
  Shape shape;
  for (int64_t i = 0; i < low.rank(x); ++i) {
    const Dim& size = low.shape(x)[static_cast<size_t>(i)];
    if (i > first && i <= last) {
      shape.back() = shape.back() * size;
    } else {
      shape.push_back(size);
    }
  }
  return Value::of(low.reshape(x, shape));
}

Value lower_ravel(Lowering& low, const Arguments& args) {
  return Value::of(low.flatten(args.tensor("input")));
}

Value lower_unflatten(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  if (low.rank(x) == 0) args.refuse("input", "needs at least 1 dimension");
  const int64_t dim = args.dim("dim", x);
  Shape shape = low.shape(x);
  const Shape sizes = args.sizes("sizes");
  shape.erase(shape.begin() + dim);
  shape.insert(shape.begin() + dim, sizes.begin(), sizes.end());
  return Value::of(low.reshape(x, resolve_shape(low, x, shape)));
}

Value lower_unsqueeze(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  return Value::of(low.unsqueeze(x, new_dim(low, args, x)));
}

Value lower_squeeze(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  const Dims dims = args.dims("dim", x);
  Shape shape;
  for (int64_t i = 0; i < low.rank(x); ++i) {
    const Dim& size = low.shape(x)[static_cast<size_t>(i)];
    const bool meant = std::find(dims.begin(), dims.end(), i) != dims.end();
    if (meant && may_be_one(size))
      args.refuse("dim",
                  "whether dimension " + std::to_string(i) + " of size " + size.to_string() +
                      " goes away depends on the sizes",
                  "x.reshape(...) or x[0]");
    if (!meant || !size.is_one()) shape.push_back(size);
  }
  return Value::of(low.reshape(x, shape));
}

Value lower_expand(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  Shape shape = args.sizes("size");
  const size_t added = shape.size() - std::min(shape.size(), low.shape(x).size());
  for (size_t i = added; i < shape.size(); ++i)
    if (shape[i] == Dim(-1) && i - added < low.shape(x).size()) shape[i] = low.shape(x)[i - added];
  return Value::of(low.expand(x, shape));
}

Value lower_expand_as(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  return Value::of(low.expand(x, low.shape(args.tensor("other"))));
}

Value lower_repeat(Lowering& low, const Arguments& args) {
  return Value::of(repeated(low, args, args.tensor("input"), args.sizes("repeats")));
}

Value lower_tile(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  Shape repeats = args.sizes("dims");
  while (static_cast<int64_t>(repeats.size()) < low.rank(x))
    repeats.insert(repeats.begin(), Dim(1));
  return Value::of(repeated(low, args, x, repeats));
}

Value lower_repeat_interleave(Lowering& low, const Arguments& args) {
  NodeId x = args.tensor("input");
  const Dim repeats = args.size("repeats");
  if (!args.has("dim")) x = low.flatten(x);
  const int64_t dim = args.has("dim") ? args.dim("dim", x) : 0;
  if (low.rank(x) == 0) x = low.unsqueeze(x, 0);
  Shape wide = low.shape(x), joined = wide;
  wide.insert(wide.begin() + dim + 1, repeats);
  joined[static_cast<size_t>(dim)] = joined[static_cast<size_t>(dim)] * repeats;
  return Value::of(low.reshape(low.expand(low.unsqueeze(x, dim + 1), wide), joined));
}

Value lower_size(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  if (args.has("dim")) {
    if (low.rank(x) == 0) args.refuse("dim", "a 0-dim tensor has no sizes");
    return Value::of(low.size(low.shape(x)[static_cast<size_t>(args.dim("dim", x))]));
  }
  Values sizes;
  for (const Dim& size : Shape(low.shape(x))) sizes.push_back(Value::of(low.size(size)));
  return Value::sequence(ValueKind::kTuple, std::move(sizes));
}

Value lower_numel(Lowering& low, const Arguments& args) {
  return Value::of(low.size(elements(low.shape(args.tensor("input")))));
}

Value lower_ndim(Lowering& low, const Arguments& args) {
  return Value::of(low.size(Dim(low.rank(args.tensor("input")))));
}

Value lower_is_floating_point(Lowering& low, const Arguments& args) {
  return Value::of(low.boolean(low.element(args.tensor("input")) == Element::kFloat));
}

}  // namespace ballast::candidate
