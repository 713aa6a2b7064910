#include "candidate/infer_rules.h"

namespace ballast::candidate::rules {
namespace {

Type reshape(const Node& node, const Operands& x) {
  Type type{true, x[0].element, node.dims};
  const Dim have = elements(x[0].shape), want = elements(node.dims);
  if (!have.valid() || !want.valid()) refuse(node.op, x, "the sizes are too large");
  if (have != want) {
    refuse(node.op, x,
           "to " + to_string(node.dims) + ": " + have.to_string() + " elements do not fill " +
               want.to_string(),
           "one size may be -1; (T,E) per sequence is x.view(r.num_sequences, -1, r.num_experts)");
  }
  // A size that is not known to be whole is written as -1: there may be one, and it must follow.
  int unknown = 0;
  Dim known(1), rest;
  for (const Dim& size : node.dims) {
    if (size.whole()) {
      known = known * size;
    } else {
      ++unknown;
      rest = size;
    }
  }
  if (unknown > 1 || (unknown == 1 && (!rest.may_be_whole() || divide(have, known) != rest))) {
    refuse(node.op, x, "sizes of " + to_string(node.dims) + " are not known to be whole numbers");
  }
  return type;
}

Type expand(const Node& node, const Operands& x) {
  const std::optional<Shape> shape = broadcast(x[0].shape, node.dims);
  if (!shape || *shape != node.dims) {
    refuse(node.op, x, to_string(x[0].shape) + " does not expand to " + to_string(node.dims),
           "only sizes of 1 expand, aligned at the right; x.unsqueeze(dim) adds one");
  }
  const size_t added = node.dims.size() - x[0].shape.size();
  for (size_t i = 0; i < node.dims.size(); ++i) {
    const bool kept = i >= added && x[0].shape[i - added] == node.dims[i];
    if (!kept) need_whole(node.op, x, node.dims[i]);
  }
  return {true, x[0].element, node.dims};
}

Type slice(const Node& node, const Operands& x) {
  need_attributes(node, 2, 2);
  if (x[0].shape.empty()) refuse(node.op, x, "a 0-dim tensor cannot be sliced");
  const size_t dim = need_dimension(node.op, x, node.ints[0]);
  const int64_t step = node.ints[1];
  if (step < 1) refuse(node.op, x, "the step must be at least 1", "x.flip(dim) turns it around");
  const Dim &start = node.dims[0], &stop = node.dims[1];
  const Dim& size = x[0].shape[dim];
  need_whole(node.op, x, start);
  if (stop != size) need_whole(node.op, x, stop);
  const Dim length = stop - start;
  const bool negative = start.constant().value_or(0) < 0 || length.constant().value_or(0) < 0 ||
                        (size - stop).constant().value_or(0) < 0;
  if (negative || !length.valid()) {
    refuse(
        node.op, x,
        "[" + start.to_string() + ":" + stop.to_string() + "] is not within " + size.to_string());
  }
  Type type = x[0];
  if (step == 1) {
    type.shape[dim] = length;
  } else if (const std::optional<int64_t> known = length.constant()) {
    type.shape[dim] = Dim((*known + step - 1) / step);
  } else if (const std::optional<Dim> exact = divide(length, Dim(step))) {
    type.shape[dim] = *exact;
  } else {
    refuse(
        node.op, x,
        length.to_string() + " is not known to be a multiple of the step " + std::to_string(step));
  }
  return type;
}

Type index(const Node& node, const Operands& x) {
  need_attributes(node, 1, 0);
  if (x[0].shape.empty()) refuse(node.op, x, "a 0-dim tensor cannot be indexed");
  const size_t dim = need_dimension(node.op, x, node.ints[0]);
  if (x[1].tensor || x[1].element != Element::kInt) {
    refuse(node.op, x, "the index must be an int, got " + to_string(x[1]),
           x[1].tensor ? "use x.index_select(dim, index), x.gather or a mask with torch.where"
                       : "int(x)");
  }
  Type type = x[0];
  type.shape.erase(type.shape.begin() + static_cast<std::ptrdiff_t>(dim));
  return type;
}

void need_index_tensor(const Node& node, const Operands& x) {
  need_tensor(node.op, x, 1);
  if (x[1].element != Element::kInt) {
    refuse(node.op, x, "the index must be an int tensor, got " + to_string(x[1]),
           "argmax, topk(...).indices and argsort give one; x.long()");
  }
}

Type index_select(const Node& node, const Operands& x) {
  need_attributes(node, 1, 0);
  need_index_tensor(node, x);
  const size_t dim = need_dimension(node.op, x, node.ints[0]);
  if (x[0].shape.empty() || x[1].shape.size() != 1) {
    refuse(node.op, x, "needs an index of one dimension");
  }
  Type type = x[0];
  type.shape[dim] = x[1].shape[0];
  return type;
}

Type gather(const Node& node, const Operands& x) {
  need_attributes(node, 1, 0);
  need_index_tensor(node, x);
  const size_t dim = need_dimension(node.op, x, node.ints[0]);
  const Shape &from = x[0].shape, &at = x[1].shape;
  bool fits = from.size() == at.size();
  for (size_t i = 0; fits && i < at.size(); ++i) {
    fits = i == dim || at[i] == from[i] || at[i].is_one();
  }
  if (!fits) {
    refuse(node.op, x,
           "the index must have the tensor's shape except along dimension " + std::to_string(dim),
           "index.unsqueeze(dim) adds a dimension");
  }
  return {true, x[0].element, at};
}

Type cat(const Node& node, const Operands& x) {
  need_attributes(node, 1, 0);
  for (size_t i = 0; i < x.size(); ++i) need_tensor(node.op, x, i);
  if (x[0].shape.empty()) refuse(node.op, x, "0-dim tensors cannot be concatenated", "torch.stack");
  const size_t dim = need_dimension(node.op, x, node.ints[0]);
  Type type = x[0];
  for (size_t i = 1; i < x.size(); ++i) {
    Shape expected = type.shape;
    if (x[i].shape.size() == expected.size()) expected[dim] = x[i].shape[dim];
    if (x[i].shape != expected) {
      refuse(node.op, x,
             "shapes " + to_string(x[0].shape) + " and " + to_string(x[i].shape) +
                 " differ in more than dimension " + std::to_string(dim));
    }
    type.shape[dim] = type.shape[dim] + x[i].shape[dim];
    type.element = std::max(type.element, x[i].element);
  }
  if (!type.shape[dim].valid()) refuse(node.op, x, "the size is too large");
  return type;
}

Type one_hot(const Node& node, const Operands& x) {
  need_attributes(node, 0, 1);
  need_whole(node.op, x, node.dims[0]);
  if (x[0].element != Element::kInt) refuse(node.op, x, "needs an int tensor", "x.long()");
  Type type = x[0];
  type.shape.push_back(node.dims[0]);
  return type;
}

Type arange(const Node& node) {
  need_attributes(node, 1, 2);
  for (const Dim& size : node.dims) need_whole(node.op, {}, size);
  const int64_t step = node.ints[0];
  if (step == 0) refuse(node.op, {}, "the step must not be 0");
  const Dim length = node.dims[1] - node.dims[0];
  Dim size;
  if (const std::optional<int64_t> known = length.constant()) {
    if (*known != 0 && (*known > 0) != (step > 0)) {
      refuse(node.op, {},
             "it does not go from " + node.dims[0].to_string() + " to " + node.dims[1].to_string() +
                 " in steps of " + std::to_string(step));
    }
    size = Dim((*known + step + (step > 0 ? -1 : 1)) / step);
  } else if (const std::optional<Dim> exact = divide(length, Dim(step))) {
    size = *exact;
  } else {
    refuse(
        node.op, {},
        length.to_string() + " is not known to be a multiple of the step " + std::to_string(step));
  }
  return {true, Element::kInt, {size}};
}

}  // namespace

Type piece(const Node& node, const Operands& x) {
  if (node.op == Op::kCat) return cat(node, x);
  need_tensor(node.op, x, 0);
  switch (node.op) {
    case Op::kReshape:
      need_attributes(node, 0, node.dims.size());
      return reshape(node, x);
    case Op::kExpand:
      need_attributes(node, 0, node.dims.size());
      return expand(node, x);
    case Op::kSlice:
      return slice(node, x);
    case Op::kIndex:
      return index(node, x);
    case Op::kIndexSelect:
      return index_select(node, x);
    case Op::kGather:
      return gather(node, x);
    default:
      return one_hot(node, x);
  }
}

Type creation(const Node& node, const Operands& x) {
  switch (node.op) {
    case Op::kFull:
      need_attributes(node, 0, node.dims.size());
      if (x[0].tensor) {
        refuse(node.op, x, "the value must be a number", "x.expand(...) repeats a tensor");
      }
      for (const Dim& size : node.dims) need_whole(node.op, x, size);
      return {true, x[0].element, node.dims};
    case Op::kArange:
      return arange(node);
    default:  // eye
      need_attributes(node, 0, 1);
      need_whole(node.op, x, node.dims[0]);
      return {true, Element::kFloat, {node.dims[0], node.dims[0]}};
  }
}

}  // namespace ballast::candidate::rules
