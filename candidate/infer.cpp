#include "candidate/infer_rules.h"
#include "candidate/spelling.h"

namespace ballast::candidate {
namespace rules {

std::string call_text(Op op, const Operands& x) {
  std::string text = "'" + std::string(spelling(op)) + "'";
  for (size_t i = 0; i < x.size(); ++i) text += (i == 0 ? " of " : " and ") + to_string(x[i]);
  return text;
}

void refuse(Op op, const Operands& x, const std::string& why, const std::string& hint) {
  throw BuildError(call_text(op, x) + ": " + why, hint);
}

void need_attributes(const Node& node, size_t ints, size_t dims) {
  if (node.ints.size() != ints || node.dims.size() != dims) {
    throw BuildError("a " + std::string(row(node.op).name) + " node with the wrong attributes");
  }
}

void need_at_least_ints(const Node& node, size_t ints) {
  if (node.ints.size() < ints || !node.dims.empty()) {
    throw BuildError("a " + std::string(row(node.op).name) + " node with the wrong attributes");
  }
}

void need_tensor(Op op, const Operands& x, size_t which) {
  if (!x[which].tensor) {
    refuse(op, x, "needs a tensor, got a Python " + to_string(x[which]),
           "torch.tensor(x) makes a 0-dim tensor of a number; math.* and abs, min, max, round take "
           "numbers");
  }
}

void need_float(Op op, const Operands& x, size_t which) {
  need_tensor(op, x, which);
  if (x[which].element != Element::kFloat) {
    refuse(op, x, "PyTorch has it for float tensors only", "x.float() makes it float");
  }
}

size_t need_dimension(Op op, const Operands& x, int64_t dim) {
  const auto rank = static_cast<int64_t>(x[0].shape.size());
  if (dim < 0 || dim >= std::max<int64_t>(rank, 1)) {
    refuse(op, x, "there is no dimension " + std::to_string(dim),
           rank == 0 ? "a 0-dim tensor has none"
                     : "dimensions go from 0 to " + std::to_string(rank - 1));
  }
  return static_cast<size_t>(dim);
}

void need_whole(Op op, const Operands& x, const Dim& size) {
  if (!size.valid()) refuse(op, x, "the size is too large");
  if (!size.whole()) {
    refuse(op, x, "size " + size.to_string() + " is not known to be a whole number",
           "of quotients only T/S is known to be whole");
  }
}

Type leaf(const Node& node) {
  switch (node.op) {
    case Op::kField:
      need_attributes(node, 1, 0);
      if (node.ints[0] < 0 || node.ints[0] >= kFieldCount) throw BuildError("no such field of r");
      return field_type(static_cast<Field>(node.ints[0]));
    case Op::kBool:
      need_attributes(node, 1, 0);
      return {false, Element::kBool, {}};
    case Op::kSize:
      need_attributes(node, 0, 1);
      need_whole(node.op, {}, node.dims[0]);
      return {false, Element::kInt, {}};
    default:
      need_attributes(node, 0, 0);
      return {false, Element::kFloat, {}};
  }
}

}  // namespace rules

Type infer(const Node& node, const std::vector<Type>& operands) {
  const int count = row(node.op).operands;
  if (count >= 0 ? operands.size() != static_cast<size_t>(count) : operands.empty()) {
    rules::refuse(node.op, operands,
                  "needs " + (count < 0 ? "an" : std::to_string(count)) + " operand(s), got " +
                      std::to_string(operands.size()));
  }
  // The sections of ops.def follow each other in this order.
  if (node.op <= Op::kSize) return rules::leaf(node);
  if (node.op <= Op::kSelect) return rules::pointwise(node, operands);
  if (node.op <= Op::kStd) return rules::reduction(node, operands);
  if (node.op <= Op::kRoll) return rules::along_dimension(node, operands);
  if (node.op <= Op::kTriu) return rules::matrix(node, operands);
  if (node.op <= Op::kOneHot) return rules::piece(node, operands);
  return rules::creation(node, operands);
}

}  // namespace ballast::candidate
