// A static upper bound of what one evaluation of a program costs: every node once (shared nodes are
// shared when run as well), both branches of every choice, the forward pass. The gradient costs at
// most twice as much again.
#include <cmath>
#include <limits>

#include "candidate/graph.h"

namespace ballast::candidate {
namespace {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

// Elements of a tensor; infinite for sizes that these bindings do not allow, so that no cap lets
// them pass.
double count(const Type& type, const Bindings& b) {
  double product = 1;
  for (const Dim& size : type.shape) {
    const std::optional<int64_t> value = size.evaluate(b);
    if (!value) return kUnbounded;
    product *= std::max(0.0, static_cast<double>(*value));
  }
  return product;
}

// Without infinity * 0 becoming NaN.
double times(double a, double b) { return a == 0 || b == 0 ? 0 : a * b; }

double element_bytes(const Type& type) {
  switch (type.element) {
    case Element::kBool:
      return 1;
    case Element::kInt:
      return 8;
    case Element::kFloat:
      return 4;
  }
  return 8;
}

// FLOPs of an element of the larger of result and first operand. Transcendental functions count as
// 20, which is what their vectorised forms need.
double flops_per_element(Op op) {
  switch (op) {
    case Op::kField:
    case Op::kNumber:
    case Op::kBool:
    case Op::kSize:
    case Op::kDetach:
    case Op::kReshape:
    case Op::kExpand:
    case Op::kTranspose:
      return 0;
    case Op::kExp:
    case Op::kExpm1:
    case Op::kLog:
    case Op::kLog1p:
    case Op::kLog2:
    case Op::kLog10:
    case Op::kSin:
    case Op::kCos:
    case Op::kTan:
    case Op::kTanh:
    case Op::kAtan:
    case Op::kSigmoid:
    case Op::kLogSigmoid:
    case Op::kSoftplus:
    case Op::kGelu:
    case Op::kSilu:
    case Op::kElu:
    case Op::kErf:
    case Op::kXlogy:
      return 20;
    case Op::kPow:
    case Op::kSoftmax:
    case Op::kLogSoftmax:
    case Op::kLogSumExp:
    case Op::kLogCumsumExp:
      return 40;
    case Op::kVar:
    case Op::kStd:
    case Op::kNorm:
      return 5;
    default:
      return 1;
  }
}

bool sorts(Op op) {
  switch (op) {
    case Op::kMedianValues:
    case Op::kKthvalue:
    case Op::kQuantile:
    case Op::kSortValues:
    case Op::kSortIndices:
    case Op::kTopkValues:
    case Op::kTopkIndices:
      return true;
    default:
      return false;
  }
}

double matmul_flops(const Node& node, const Program& program, const Bindings& b) {
  const Shape& left = program.nodes[node.in[0]].type.shape;
  const std::optional<int64_t> inner = left.back().evaluate(b);
  if (!inner) return kUnbounded;
  return times(count(node.type, b), 2 * static_cast<double>(*inner));
}

}  // namespace

Cost cost(const Program& program, const Bindings& bindings) {
  Cost total;
  for (const Node& node : program.nodes) {
    const double written = count(node.type, bindings);
    double largest = written, read = 0;
    for (NodeId id : node.in) {
      const Type& type = program.nodes[id].type;
      const double elements = count(type, bindings);
      largest = std::max(largest, elements);
      read += elements * element_bytes(type);
    }
    total.bytes += read + (node.in.empty() && node.op != Op::kArange && node.op != Op::kEye
                               ? 0
                               : written * element_bytes(node.type));
    if (node.op == Op::kMatmul) {
      total.flops += matmul_flops(node, program, bindings);
    } else if (sorts(node.op)) {
      total.flops += largest * 4 * std::log2(largest + 2);
    } else {
      total.flops += times(largest, flops_per_element(node.op));
    }
  }
  return total;
}

}  // namespace ballast::candidate
