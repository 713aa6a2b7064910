#include <algorithm>
#include <array>

#include "candidate/infer_rules.h"

namespace ballast::candidate::rules {
namespace {

// Results for operands of (bool, int, float): b, i, f, or x where PyTorch or Python raises. Read
// off PyTorch 2.11 by calling each function with each element type.
struct UnaryRow {
  Op op;
  std::string_view tensor;
  std::string_view number;
};

constexpr std::array kUnary{
    UnaryRow{Op::kNeg, "xif", "iif"},        UnaryRow{Op::kAbs, "xif", "iif"},
    UnaryRow{Op::kExp, "fff", "fff"},        UnaryRow{Op::kExpm1, "fff", "fff"},
    UnaryRow{Op::kLog, "fff", "fff"},        UnaryRow{Op::kLog1p, "fff", "fff"},
    UnaryRow{Op::kLog2, "fff", "fff"},       UnaryRow{Op::kLog10, "fff", "fff"},
    UnaryRow{Op::kSqrt, "fff", "fff"},       UnaryRow{Op::kRsqrt, "fff", "xxx"},
    UnaryRow{Op::kSin, "fff", "fff"},        UnaryRow{Op::kCos, "fff", "fff"},
    UnaryRow{Op::kTan, "fff", "fff"},        UnaryRow{Op::kTanh, "fff", "fff"},
    UnaryRow{Op::kAtan, "fff", "fff"},       UnaryRow{Op::kSigmoid, "fff", "xxx"},
    UnaryRow{Op::kLogSigmoid, "xxf", "xxx"}, UnaryRow{Op::kRelu, "xif", "xxx"},
    UnaryRow{Op::kSoftplus, "xxf", "xxx"},   UnaryRow{Op::kGelu, "xxf", "xxx"},
    UnaryRow{Op::kSilu, "xxf", "xxx"},       UnaryRow{Op::kElu, "xxf", "xxx"},
    UnaryRow{Op::kErf, "fff", "fff"},        UnaryRow{Op::kSign, "bif", "xxx"},
    UnaryRow{Op::kFloor, "xif", "iii"},      UnaryRow{Op::kCeil, "xif", "iii"},
    UnaryRow{Op::kRound, "xif", "iii"},      UnaryRow{Op::kTrunc, "xif", "iii"},
    UnaryRow{Op::kReciprocal, "fff", "xxx"}, UnaryRow{Op::kNot, "bbb", "bbb"},
    UnaryRow{Op::kDetach, "bif", "xxx"},
};

Type unary(const Node& node, const Operands& x) {
  need_attributes(node, node.op == Op::kGelu ? 1 : 0, 0);
  const auto* found = std::find_if(kUnary.begin(), kUnary.end(),
                                   [&](const UnaryRow& row) { return row.op == node.op; });
  if (!x[0].tensor && found->number == "xxx") need_tensor(node.op, x, 0);
  const std::string_view results = x[0].tensor ? found->tensor : found->number;
  switch (results[static_cast<size_t>(x[0].element)]) {
    case 'b':
      return {x[0].tensor, Element::kBool, x[0].shape};
    case 'i':
      return {x[0].tensor, Element::kInt, x[0].shape};
    case 'f':
      return {x[0].tensor, Element::kFloat, x[0].shape};
    default:
      refuse(node.op, x,
             "PyTorch raises for " + to_string(Type{false, x[0].element, {}}) + " tensors",
             "x.float() makes it float");
  }
}

// Where `small` should get a dimension of size 1 so that it fits `large`, for the hint.
std::string unsqueeze_hint(const Shape& a, const Shape& b) {
  const bool first = a.size() < b.size();
  const Shape& small = first ? a : b;
  const Shape& large = first ? b : a;
  for (size_t at = 0; at <= small.size(); ++at) {
    Shape tried = small;
    tried.insert(tried.begin() + static_cast<std::ptrdiff_t>(at), Dim(1));
    if (broadcast(tried, large)) {
      return "x.unsqueeze(" + std::to_string(at) + ") makes the " + to_string(small) + " tensor " +
             to_string(tried) + ", which fits " + to_string(large);
    }
  }
  return "sizes, aligned at the right, must be equal or 1; reduce with .mean(dim) or .sum(dim), or "
         "reshape one side";
}

Shape broadcast_or_refuse(const Node& node, const Operands& x, const Shape& a, const Shape& b) {
  if (std::optional<Shape> shape = broadcast(a, b)) return *shape;
  refuse(node.op, x, "shapes " + to_string(a) + " and " + to_string(b) + " do not fit",
         unsqueeze_hint(a, b));
}

Element joined(const Type& a, const Type& b) { return std::max(a.element, b.element); }

bool is_comparison(Op op) { return op >= Op::kEq && op <= Op::kGe; }
bool is_logical(Op op) { return op >= Op::kAnd && op <= Op::kXor; }

Type of_numbers(const Node& node, const Operands& x) {
  const Element element = joined(x[0], x[1]);
  if (is_comparison(node.op)) return {false, Element::kBool, {}};
  switch (node.op) {
    case Op::kDiv:
      return {false, Element::kFloat, {}};
    case Op::kMaximum:
    case Op::kMinimum:
      return {false, element, {}};
    case Op::kAnd:
    case Op::kOr:
    case Op::kXor:
      if (element != Element::kBool) refuse(node.op, x, "needs two bools", "compare: x > 0");
      return {false, Element::kBool, {}};
    case Op::kXlogy:
    case Op::kClampMin:
    case Op::kClampMax:
      need_tensor(node.op, x, 0);
      return {};
    default:
      return {false, std::max(element, Element::kInt), {}};
  }
}

// With at least one tensor: PyTorch's promotion, where only categories matter (bool < int < float).
Element element_of_tensors(const Node& node, const Operands& x) {
  const Element element = joined(x[0], x[1]);
  if (is_comparison(node.op) || is_logical(node.op)) return Element::kBool;
  switch (node.op) {
    case Op::kDiv:
    case Op::kXlogy:
      return Element::kFloat;
    case Op::kSub:
      if (x[0].element == Element::kBool || x[1].element == Element::kBool) {
        refuse(node.op, x, "PyTorch does not subtract bools", "x.float() makes it float");
      }
      return element;
    case Op::kPow:  // a bool exponent has no gradient, a bool base none for its exponent
      if (x[0].element == Element::kBool || x[1].element == Element::kBool) {
        refuse(node.op, x, "PyTorch does not raise to bools, or bools", "x.float() makes it float");
      }
      return element;
    case Op::kFloorDiv:
    case Op::kMod:
    case Op::kClampMin:
    case Op::kClampMax:
      if (element == Element::kBool) {
        refuse(node.op, x, "PyTorch does not have it for bools", "x.float() makes it float");
      }
      return element;
    default:
      return element;
  }
}

Type binary(const Node& node, const Operands& x) {
  need_attributes(node, 0, 0);
  if (!x[0].tensor && !x[1].tensor) return of_numbers(node, x);
  const bool clamp = node.op == Op::kClampMin || node.op == Op::kClampMax;
  const bool tensors_only = node.op == Op::kMaximum || node.op == Op::kMinimum;
  if (tensors_only && (!x[0].tensor || !x[1].tensor)) {
    refuse(node.op, x, "needs two tensors",
           node.op == Op::kMaximum ? "x.clamp(min=number)" : "x.clamp(max=number)");
  }
  if (clamp || is_logical(node.op)) need_tensor(node.op, x, 0);
  if (is_logical(node.op)) need_tensor(node.op, x, 1);
  const Element element = element_of_tensors(node, x);
  return {true, element, broadcast_or_refuse(node, x, x[0].shape, x[1].shape)};
}

Type where(const Node& node, const Operands& x) {
  need_attributes(node, 0, 0);
  if (!x[0].tensor || x[0].element != Element::kBool) {
    refuse(node.op, x, "the condition must be a bool tensor, got " + to_string(x[0]),
           "compare it: x > 0; for conditions on numbers write a if c else b");
  }
  const Shape values = broadcast_or_refuse(node, x, x[1].shape, x[2].shape);
  return {true, joined(x[1], x[2]), broadcast_or_refuse(node, x, x[0].shape, values)};
}

// Only one branch is evaluated, so both must have one type; mixed numbers become the wider one.
Type select(const Node& node, const Operands& x) {
  need_attributes(node, 0, 0);
  if (x[0].tensor) {
    refuse(node.op, x, "the condition is a tensor", "torch.where(c, a, b)");
  }
  if (!x[1].tensor && !x[2].tensor) return {false, joined(x[1], x[2]), {}};
  if (x[1] == x[2]) return x[1];
  refuse(node.op, x,
         "both branches must have one type, got " + to_string(x[1]) + " and " + to_string(x[2]),
         "make the shapes equal, e.g. with .expand or torch.full");
}

}  // namespace

Type pointwise(const Node& node, const Operands& x) {
  switch (node.op) {
    case Op::kCast:
      need_attributes(node, 1, 0);
      return {x[0].tensor, static_cast<Element>(node.ints[0]), x[0].shape};
    case Op::kWhere:
      return where(node, x);
    case Op::kSelect:
      return select(node, x);
    default:
      return x.size() == 1 ? unary(node, x) : binary(node, x);
  }
}

}  // namespace ballast::candidate::rules
