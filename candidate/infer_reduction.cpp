#include <algorithm>

#include "candidate/infer_rules.h"

namespace ballast::candidate::rules {
namespace {

// The shape after reducing `dims` (sorted, without doubles).
Shape reduced(const Shape& shape, const std::vector<int64_t>& dims, bool keepdim) {
  Shape result;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!std::binary_search(dims.begin(), dims.end(), static_cast<int64_t>(i))) {
      result.push_back(shape[i]);
    } else if (keepdim) {
      result.push_back(Dim(1));
    }
  }
  return result;
}

std::vector<int64_t> need_dimensions(const Node& node, const Operands& x, size_t first) {
  std::vector<int64_t> dims(node.ints.begin() + static_cast<std::ptrdiff_t>(first),
                            node.ints.end());
  for (int64_t dim : dims) need_dimension(node.op, x, dim);
  if (!std::is_sorted(dims.begin(), dims.end(), std::less_equal<>()) && dims.size() > 1) {
    refuse(node.op, x, "a dimension stands twice or out of order");
  }
  if (dims.empty() && !x[0].shape.empty()) refuse(node.op, x, "no dimension to reduce");
  return dims;
}

Element reduced_element(const Node& node, const Operands& x) {
  switch (node.op) {
    case Op::kSum:
    case Op::kProd:
      return std::max(x[0].element, Element::kInt);
    case Op::kAmax:
    case Op::kAmin:
      return x[0].element;
    case Op::kAny:
    case Op::kAll:
      return Element::kBool;
    case Op::kLogSumExp:
      return Element::kFloat;
    default:
      need_float(node.op, x, 0);
      return Element::kFloat;
  }
}

}  // namespace

Type reduction(const Node& node, const Operands& x) {
  const size_t first = node.op == Op::kVar || node.op == Op::kStd ? 2 : 1;
  need_at_least_ints(node, first);
  need_tensor(node.op, x, 0);
  const Element element = reduced_element(node, x);
  const std::vector<int64_t> dims = need_dimensions(node, x, first);
  const bool some = dims.size() != x[0].shape.size() || node.ints[0] != 0;
  if (node.op == Op::kProd && dims.size() > 1 && some) {
    refuse(node.op, x, "PyTorch multiplies along one dimension or all", "x.prod(0).prod(0)");
  }
  if (node.op == Op::kNorm && !(node.number >= 0)) {
    refuse(node.op, x, "p must be 0 or more");
  }
  if (first == 2 && node.ints[1] < 0) refuse(node.op, x, "the correction must not be negative");
  return {true, element, reduced(x[0].shape, dims, node.ints[0] != 0)};
}

}  // namespace ballast::candidate::rules
