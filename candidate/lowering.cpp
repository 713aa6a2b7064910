#include "candidate/lowering.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace ballast::candidate {
namespace {

// Enough for 4,096 nodes made one by one from long expressions; about 10 ms.
constexpr size_t kSteps = 60000;

}  // namespace

void Lowering::refuse(std::string message, std::string hint) const {
  fail(at_, std::move(message), std::move(hint));
}

void Lowering::spend(size_t steps) {
  steps_ += steps;
  if (steps_ > kSteps)
    refuse("this text takes too much work to expand (loops and helpers within each other)",
           "use tensor operations instead of loops");
}

template <typename Make>
auto Lowering::guarded(const Make& make) const {
  try {
    return make();
  } catch (const BuildError& error) {
    refuse(error.what(), error.hint());
  }
}

NodeId Lowering::number(double value) {
  return guarded([&] { return builder_.number(value); });
}
NodeId Lowering::boolean(bool value) {
  return guarded([&] { return builder_.boolean(value); });
}
NodeId Lowering::size(const Dim& value) {
  return guarded([&] { return builder_.size(value); });
}
NodeId Lowering::field(Field field) {
  return guarded([&] { return builder_.field(field); });
}

NodeId Lowering::add(Op op, std::vector<NodeId> in, std::vector<int64_t> ints, Shape dims,
                     double number) {
  spend(1 + in.size() + dims.size());
  const std::vector<NodeId> operands = in;
  const NodeId id = guarded(
      [&] { return builder_.add(op, std::move(in), std::move(ints), std::move(dims), number); });
  note_gradient(id, op, operands);
  return id;
}

Program Lowering::finish(std::optional<NodeId> loss, std::optional<NodeId> bias) {
  return guarded([&] { return builder_.finish(loss, bias); });
}

bool Lowering::carries_gradient(NodeId id) const {
  const Node& node = builder_.node(id);
  if (node.op == Op::kField) return node.ints[0] <= static_cast<int64_t>(Field::kProbsGlobal);
  return id < gradient_.size() && gradient_[id];
}

void Lowering::note_gradient(NodeId id, Op op, const std::vector<NodeId>& in) {
  if (id >= gradient_.size()) gradient_.resize(id + 1, false);
  if (op == Op::kDetach || !is_tensor(id) || element(id) != Element::kFloat) return;
  if (std::any_of(in.begin(), in.end(), [&](NodeId x) { return carries_gradient(x); }))
    gradient_[id] = true;
}

std::optional<double> Lowering::constant(NodeId id) const {
  const Node& node = builder_.node(id);
  if (node.op == Op::kNumber) return node.number;
  if (node.op == Op::kBool) return static_cast<double>(node.ints[0]);
  if (const auto value = integer(id)) return static_cast<double>(*value);
  return std::nullopt;
}

std::optional<Dim> Lowering::dim(NodeId id) const {
  const Node& node = builder_.node(id);
  if (node.op == Op::kSize) return node.dims[0];
  if (node.op == Op::kBool) return Dim(node.ints[0]);
  return std::nullopt;
}

std::optional<int64_t> Lowering::integer(NodeId id) const {
  const auto value = dim(id);
  return value ? value->constant() : std::nullopt;
}

std::optional<bool> Lowering::decided(NodeId id) const {
  const Node& node = builder_.node(id);
  if (node.op == Op::kBool) return node.ints[0] != 0;
  if (const auto value = constant(id)) return *value != 0;
  return std::nullopt;
}

NodeId Lowering::floor_divide(NodeId a, NodeId b) {
  if (carries_gradient(a) || carries_gradient(b))
    refuse("// of " + describe(a) + " and " + describe(b) + " has no gradient in PyTorch",
           "torch.floor(a / b), or detach both sides");
  return add(Op::kFloorDiv, {a, b});
}

NodeId Lowering::remainder(NodeId a, NodeId b) {
  if (!is_tensor(a) && carries_gradient(b))
    refuse("% of a number and " + describe(b) + " has no gradient in PyTorch",
           "detach the right side");
  return add(Op::kMod, {a, b});
}

NodeId Lowering::power(NodeId a, NodeId b) {
  const auto number = [&](NodeId x, NodeId other) {
    const bool bools =
        is_tensor(x) && element(x) == Element::kBool && element(other) != Element::kBool;
    return bools ? cast(x, Element::kInt) : x;
  };
  return add(Op::kPow, {number(a, b), number(b, a)});
}

NodeId Lowering::cast(NodeId x, Element to) {
  return element(x) == to ? x : add(Op::kCast, {x}, {static_cast<int64_t>(to)});
}

NodeId Lowering::tensor(NodeId x) { return is_tensor(x) ? x : full(x, {}); }

NodeId Lowering::number_of(NodeId x) const {
  const Node& node = builder_.node(x);
  return node.op == Op::kFull && node.dims.empty() ? node.in[0] : x;
}

Dims Lowering::all_dims(NodeId x) const {
  Dims dims(shape(x).size());
  std::iota(dims.begin(), dims.end(), 0);
  return dims;
}

NodeId Lowering::reduce(Op op, NodeId x, Dims dims, bool keepdim, double number) {
  if (is_tensor(x) && rank(x) == 0) dims.clear();
  std::sort(dims.begin(), dims.end());
  dims.insert(dims.begin(), keepdim && rank(x) > 0);
  return add(op, {x}, std::move(dims), {}, number);
}

NodeId Lowering::spread(Op op, NodeId x, Dims dims, bool keepdim, int64_t correction) {
  if (is_tensor(x) && rank(x) == 0) dims.clear();
  std::sort(dims.begin(), dims.end());
  dims.insert(dims.begin(), {keepdim && rank(x) > 0, correction});
  return add(op, {x}, std::move(dims));
}

NodeId Lowering::reshape(NodeId x, Shape to) {
  return is_tensor(x) && shape(x) == to ? x : add(Op::kReshape, {x}, {}, std::move(to));
}

NodeId Lowering::expand(NodeId x, Shape to) {
  return is_tensor(x) && shape(x) == to ? x : add(Op::kExpand, {x}, {}, std::move(to));
}

NodeId Lowering::flatten(NodeId x) { return reshape(x, {elements(shape(x))}); }

NodeId Lowering::unsqueeze(NodeId x, int64_t dim) {
  Shape to = shape(x);
  to.insert(to.begin() + dim, Dim(1));
  return reshape(x, std::move(to));
}

NodeId Lowering::squeeze(NodeId x, int64_t dim) {
  Shape to = shape(x);
  to.erase(to.begin() + dim);
  return reshape(x, std::move(to));
}

NodeId Lowering::transpose(NodeId x, int64_t a, int64_t b) {
  if (a == b) return x;
  return add(Op::kTranspose, {x}, {std::min(a, b), std::max(a, b)});
}

NodeId Lowering::permute(NodeId x, const Dims& order) {
  Dims current = all_dims(x);
  for (size_t i = 0; i < order.size(); ++i) {
    const auto from = std::find(current.begin(), current.end(), order[i]) - current.begin();
    x = transpose(x, static_cast<int64_t>(i), from);
    std::swap(current[i], current[static_cast<size_t>(from)]);
  }
  return x;
}

NodeId Lowering::slice(NodeId x, int64_t dim, const Dim& start, const Dim& stop, int64_t step) {
  if (start == Dim(0) && step == 1 && stop == shape(x)[static_cast<size_t>(dim)]) return x;
  return add(Op::kSlice, {x}, {dim, step}, {start, stop});
}

NodeId Lowering::cat(const std::vector<NodeId>& xs, int64_t dim) {
  return xs.size() == 1 ? xs[0] : add(Op::kCat, xs, {dim});
}

NodeId Lowering::stack(const std::vector<NodeId>& xs, int64_t dim) {
  std::vector<NodeId> parts;
  for (const NodeId x : xs) {
    if (shape(x) != shape(xs[0]))
      refuse("stack needs tensors of one shape, got " + to_string(shape(xs[0])) + " and " +
                 to_string(shape(x)),
             "torch.cat joins along an existing dimension");
    parts.push_back(unsqueeze(x, dim));
  }
  return cat(parts, dim);
}

bool Lowering::scattered(NodeId x) const {
  const Node& node = builder_.node(x);
  switch (node.op) {
    case Op::kTranspose:
      return !shape(x)[static_cast<size_t>(node.ints[0])].is_one() &&
             !shape(x)[static_cast<size_t>(node.ints[1])].is_one();
    case Op::kExpand:
    case Op::kDiagonal:
      return true;
    case Op::kSlice:
      return node.ints[0] > 0 || node.ints[1] > 1;
    default:
      return false;
  }
}

void Lowering::require(NodeId condition) {
  for (auto step = path_.rbegin(); step != path_.rend(); ++step) {
    const NodeId yes = boolean(true);
    condition = step->holds ? add(Op::kSelect, {step->condition, condition, yes})
                            : add(Op::kSelect, {step->condition, yes, condition});
  }
  requirement_ = requirement_ ? add(Op::kAnd, {*requirement_, condition}) : condition;
}

NodeId Lowering::under_requirements(NodeId x) {
  if (!requirement_) return x;
  // E is at least 1, so it is no index of a dimension of size 1.
  const NodeId beyond = add(Op::kIndex, {unsqueeze(x, 0), size(Dim::symbol(Symbol::kE))}, {0});
  const NodeId requirement = *std::exchange(requirement_, std::nullopt);
  return add(Op::kSelect, {requirement, x, beyond});
}

int64_t Lowering::normalise_dim(int64_t dim, int64_t rank) const {
  const int64_t dims = std::max<int64_t>(rank, 1);
  if (dim < -dims || dim >= dims)
    refuse("dim " + std::to_string(dim) + " is out of range for a tensor of " +
               std::to_string(rank) + (rank == 1 ? " dimension" : " dimensions"),
           rank == 0 ? "leave dim out"
           : rank == 1
               ? "leave dim out, or write dim=0: fields of shape (E) have no tokens"
               : "it goes from " + std::to_string(-dims) + " to " + std::to_string(dims - 1));
  return dim < 0 ? dim + dims : dim;
}

}  // namespace ballast::candidate
