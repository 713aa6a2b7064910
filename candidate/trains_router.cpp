#include "candidate/mutate.h"

namespace ballast::candidate {
namespace {

// Whether ATen hands a gradient (that is not 0 everywhere) to operand `slot`.
bool passes_gradient(const Node& node, size_t slot) {
  if (node.type.element != Element::kFloat) return false;
  switch (node.op) {
    case Op::kDetach:
    case Op::kSign:
    case Op::kFloor:
    case Op::kCeil:
    case Op::kRound:
    case Op::kTrunc:
    case Op::kFloorDiv:
      return false;
    case Op::kWhere:
    case Op::kSelect:
      return slot > 0;
    case Op::kMod:
    case Op::kIndex:
    case Op::kIndexSelect:
    case Op::kGather:
    case Op::kKthvalue:
    case Op::kQuantile:
      return slot == 0;
    default:
      return true;
  }
}

bool is_router_field(const Node& node) {
  if (node.op != Op::kField) return false;
  switch (static_cast<Field>(node.ints[0])) {
    case Field::kLogits:
    case Field::kScores:
    case Field::kProbs:
    case Field::kProbsGlobal:
      return true;
    default:
      return false;
  }
}

bool loss_reaches_router(const Program& program) {
  if (!program.loss) return false;
  std::vector<bool> reached(program.nodes.size(), false);
  reached[*program.loss] = true;
  for (NodeId id = *program.loss + 1; id-- > 0;) {
    if (!reached[id]) continue;
    const Node& node = program.nodes[id];
    if (is_router_field(node)) return true;
    for (size_t slot = 0; slot < node.in.size(); ++slot) {
      if (passes_gradient(node, slot)) reached[node.in[slot]] = true;
    }
  }
  return false;
}

}  // namespace

bool trains_router(const Program& program) {
  if (program.bias && program.nodes[*program.bias].op != Op::kField) return true;
  return loss_reaches_router(program);
}

}  // namespace ballast::candidate
