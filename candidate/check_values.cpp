#include <cmath>

#include "candidate/builder.h"
#include "candidate/fold.h"
#include "candidate/infer_rules.h"
#include "candidate/spelling.h"

namespace ballast::candidate {
namespace {

using Nodes = std::vector<const Node*>;

std::vector<Type> types_of(const Nodes& x) {
  std::vector<Type> types;
  for (const Node* node : x) types.push_back(node->type);
  return types;
}

// x / 0, x // 0, x % 0. A float tensor divided by 0 is inf in PyTorch, all else raises.
void check_division(const Node& node, const Nodes& x) {
  const std::optional<Constant> by = constant_of(*x[1]);
  if (!by || by->real != 0) return;
  const bool of_numbers = !x[0]->type.tensor;
  const bool of_ints = x[0]->type.element != Element::kFloat && by->element != Element::kFloat;
  if (of_numbers || (of_ints && node.op != Op::kDiv)) {
    rules::refuse(node.op, types_of(x), "division by zero");
  }
}

void check_power_of_numbers(const Node& node, const Nodes& x) {
  const std::optional<Constant> base = constant_of(*x[0]), exponent = constant_of(*x[1]);
  if (base && exponent && base->real == 0 && exponent->real < 0) {
    rules::refuse(node.op, types_of(x), "0 cannot be raised to a negative power");
  }
  if (base && exponent && base->real < 0 && exponent->real != std::floor(exponent->real)) {
    rules::refuse(node.op, types_of(x), "a negative number to a broken power is complex");
  }
}

void check_power(const Node& node, const Nodes& x) {
  if (!x[0]->type.tensor && !x[1]->type.tensor) check_power_of_numbers(node, x);
  if (x[0]->type.element == Element::kFloat || x[1]->type.element == Element::kFloat) return;
  const std::optional<Constant> exponent = constant_of(*x[1]);
  if (x[0]->type.tensor) {
    if (exponent && exponent->real < 0) {
      rules::refuse(node.op, types_of(x), "PyTorch has no negative powers of int tensors",
                    "x.float() makes it float");
    }
    return;
  }
  // An int when the exponent is not negative, a float otherwise: the type must be known now.
  if (exponent || x[1]->type.tensor) return;
  if (x[1]->op != Op::kSize || !x[1]->dims[0].never_negative()) {
    rules::refuse(node.op, types_of(x), "the exponent may be negative, so this may be int or float",
                  "write float(base) ** exponent");
  }
}

void check_domain(const Node& node, const Nodes& x) {
  const std::optional<Constant> a = constant_of(*x[0]);
  if (!a) return;
  double lowest = 0;
  switch (node.op) {
    case Op::kLog:
    case Op::kLog2:
    case Op::kLog10:
      lowest = std::nextafter(0.0, 1.0);
      break;
    case Op::kSqrt:
      break;
    case Op::kLog1p:
      lowest = std::nextafter(-1.0, 0.0);
      break;
    case Op::kExp:
    case Op::kExpm1:
      if (std::isfinite(a->real) && !std::isfinite(std::exp(a->real))) {
        rules::refuse(node.op, types_of(x), "math range error: the result is too large");
      }
      return;
    default:
      return;
  }
  if (a->real < lowest) {
    rules::refuse(node.op, types_of(x), "math domain error for " + std::to_string(a->real));
  }
}

// The size of the dimension that ints.back() names, when it is a constant.
std::optional<int64_t> known_size(const Node& node, const Node& x) {
  const auto dim = static_cast<size_t>(node.ints.empty() ? 0 : node.ints.back());
  if (dim >= x.type.shape.size()) return std::nullopt;
  return x.type.shape[dim].constant();
}

void check_choice(const Node& node, const Nodes& x) {
  const std::optional<Constant> value = constant_of(*x[1]);
  if (!value) return;
  const std::optional<int64_t> size = known_size(node, *x[0]);
  const double limit = size ? static_cast<double>(*size) : INFINITY;
  double low = 0, high = 1;  // of a quantile
  if (node.op == Op::kKthvalue) {
    low = 1;
    high = limit;
  } else if (node.op == Op::kIndex) {
    low = -limit;
    high = limit - 1;
  }
  if (value->real < low || value->real > high) {
    rules::refuse(node.op, types_of(x),
                  std::to_string(value->real) + " is not between " + std::to_string(low) + " and " +
                      std::to_string(high));
  }
}

}  // namespace

void check_values(const Node& node, const Nodes& operands) {
  switch (node.op) {
    case Op::kDiv:
    case Op::kFloorDiv:
    case Op::kMod:
      return check_division(node, operands);
    case Op::kPow:
      return check_power(node, operands);
    case Op::kKthvalue:
    case Op::kQuantile:
    case Op::kIndex:
      return check_choice(node, operands);
    default:
      if (operands.size() == 1 && !operands[0]->type.tensor) check_domain(node, operands);
  }
}

}  // namespace ballast::candidate
