#include "candidate/infer_rules.h"

namespace ballast::candidate::rules {
namespace {

// max(dim), argmax(dim), kthvalue, ...: ints = {keepdim, dim}.
Type choosing(const Node& node, const Operands& x) {
  need_attributes(node, 2, 0);
  need_tensor(node.op, x, 0);
  const size_t dim = need_dimension(node.op, x, node.ints[1]);
  Type type = x[0];
  switch (node.op) {
    case Op::kQuantile:
      need_float(node.op, x, 0);
      if (x[1].tensor) refuse(node.op, x, "q must be a number");
      break;
    default:
      if (type.element == Element::kBool) {
        refuse(node.op, x, "not for bool tensors", "x.float(), x.any(dim) or x.all(dim)");
      }
  }
  if (node.op == Op::kKthvalue && (x[1].tensor || x[1].element != Element::kInt)) {
    refuse(node.op, x, "k must be an int, got " + to_string(x[1]));
  }
  if (node.op == Op::kArgmax || node.op == Op::kArgmin) type.element = Element::kInt;
  if (type.shape.empty()) return type;
  if (node.ints[0] != 0) {
    type.shape[dim] = Dim(1);
  } else {
    type.shape.erase(type.shape.begin() + static_cast<std::ptrdiff_t>(dim));
  }
  return type;
}

Type topk(const Node& node, const Operands& x) {
  need_attributes(node, 2, 1);
  need_tensor(node.op, x, 0);
  const size_t dim = need_dimension(node.op, x, node.ints[0]);
  const Dim& k = node.dims[0];
  need_whole(node.op, x, k);
  if (x[0].element == Element::kBool) refuse(node.op, x, "PyTorch does not have it for bools");
  const Dim size = x[0].shape.empty() ? Dim(1) : x[0].shape[dim];
  const std::optional<int64_t> spare = (size - k).constant();
  if (k.constant().value_or(1) < 0 || (spare && *spare < 0)) {
    refuse(node.op, x, "k = " + k.to_string() + " is not between 0 and " + size.to_string());
  }
  Type type = x[0];
  if (!type.shape.empty()) type.shape[dim] = k;
  if (node.op == Op::kTopkIndices) type.element = Element::kInt;
  return type;
}

Type flip_or_roll(const Node& node, const Operands& x) {
  need_tensor(node.op, x, 0);
  if (node.op == Op::kRoll) {
    need_attributes(node, 2, 0);
    if (x[0].shape.empty()) refuse(node.op, x, "a 0-dim tensor cannot be rolled");
    need_dimension(node.op, x, node.ints[1]);
    return x[0];
  }
  need_at_least_ints(node, 1);
  for (size_t i = 0; i < node.ints.size(); ++i) {
    need_dimension(node.op, x, node.ints[i]);
    if (i > 0 && node.ints[i - 1] >= node.ints[i]) {
      refuse(node.op, x, "a dimension stands twice or out of order");
    }
  }
  return x[0];
}

// softmax, cumsum, sort, ...: the shape stays.
Type keeping_shape(const Node& node, const Operands& x) {
  const bool sort = node.op == Op::kSortValues || node.op == Op::kSortIndices;
  need_attributes(node, sort ? 2 : 1, 0);
  need_tensor(node.op, x, 0);
  need_dimension(node.op, x, node.ints[0]);
  Type type = x[0];
  switch (node.op) {
    case Op::kSoftmax:
    case Op::kLogSoftmax:
    case Op::kLogCumsumExp:
      need_float(node.op, x, 0);
      break;
    case Op::kCumsum:
    case Op::kCumprod:
      type.element = std::max(type.element, Element::kInt);
      break;
    case Op::kSortIndices:
      type.element = Element::kInt;
      break;
    default:
      break;
  }
  return type;
}

}  // namespace

Type along_dimension(const Node& node, const Operands& x) {
  if (node.op <= Op::kQuantile) return choosing(node, x);
  switch (node.op) {
    case Op::kTopkValues:
    case Op::kTopkIndices:
      return topk(node, x);
    case Op::kFlip:
    case Op::kRoll:
      return flip_or_roll(node, x);
    default:
      return keeping_shape(node, x);
  }
}

}  // namespace ballast::candidate::rules
