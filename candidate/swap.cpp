#include "candidate/swap.h"

#include <algorithm>

#include "candidate/idioms.h"

namespace ballast::candidate {
namespace {

const std::vector<std::vector<Op>>& classes() {
  static const std::vector<std::vector<Op>> kClasses{
      {Op::kSum, Op::kMean, Op::kAmax, Op::kAmin, Op::kLogSumExp, Op::kNorm, Op::kVar, Op::kStd},
      {Op::kAdd, Op::kSub, Op::kMul, Op::kDiv, Op::kMaximum, Op::kMinimum},
      {Op::kRelu, Op::kSoftplus, Op::kSilu, Op::kGelu, Op::kElu, Op::kAbs},
      {Op::kTanh, Op::kSigmoid, Op::kAtan, Op::kErf, Op::kSin, Op::kSign},
      {Op::kExp, Op::kExpm1, Op::kSigmoid, Op::kSoftplus},
      {Op::kLog, Op::kLog1p, Op::kSqrt, Op::kLog2},
      {Op::kClampMin, Op::kClampMax},
      {Op::kLt, Op::kGt},
      {Op::kSoftmax, Op::kLogSoftmax},
      {Op::kMaxValues, Op::kMinValues, Op::kMedianValues},
  };
  return kClasses;
}

std::vector<std::vector<Op>> table() {
  std::vector<std::vector<Op>> swaps(all_ops().size());
  for (const std::vector<Op>& ops : classes()) {
    for (Op op : ops) {
      for (Op other : ops) {
        if (other != op) swaps[static_cast<size_t>(op)].push_back(other);
      }
    }
  }
  return swaps;
}

bool varies(Op op) { return op == Op::kVar || op == Op::kStd; }

// Reductions differ in their attributes: keepdim, (correction,) dims.
NodeId reduction_with_op(Maker& make, const Node& node, Op op) {
  std::vector<int64_t> ints = node.ints;
  if (varies(node.op)) ints.erase(ints.begin() + 1);
  if (varies(op)) ints.insert(ints.begin() + 1, 0);
  return make.builder().add(op, node.in, ints, {}, op == Op::kNorm ? 2.0 : 0.0);
}

}  // namespace

const std::vector<Op>& swaps_of(Op op) {
  static const std::vector<std::vector<Op>> kSwaps = table();
  return kSwaps[static_cast<size_t>(op)];
}

NodeId with_op(Maker& make, NodeId old, Op op) {
  const Node node = make.builder().node(old);  // a copy: adding nodes moves them
  if (node.op >= Op::kSum && node.op <= Op::kStd) return reduction_with_op(make, node, op);
  std::vector<int64_t> ints = op == Op::kGelu ? std::vector<int64_t>{0} : node.ints;
  if (node.op == Op::kGelu) ints.clear();
  if ((op == Op::kMaximum || op == Op::kMinimum) && node.type.tensor) {
    // torch.maximum takes no numbers, clamp does.
    const bool number_first = !make.type(node.in[0]).tensor;
    if (number_first || !make.type(node.in[1]).tensor) {
      const Op clamp = op == Op::kMaximum ? Op::kClampMin : Op::kClampMax;
      return make.binary(clamp, node.in[number_first ? 1 : 0], node.in[number_first ? 0 : 1]);
    }
  }
  return make.builder().add(op, node.in, ints, node.dims, node.number);
}

bool has_siblings(const Program& program, NodeId id) {
  const Node& node = program.nodes[id];
  if (node.op == Op::kMean) {
    const bool over_tokens = node.ints == std::vector<int64_t>{0, 0};
    return over_tokens && node.type == field_type(Field::kLoad) &&
           program.nodes[node.in[0]].op == Op::kField;
  }
  if (node.op != Op::kField) return false;
  const auto field = static_cast<Field>(node.ints[0]);
  return field != Field::kDevice && field != Field::kBias && field != Field::kIsNull;
}

NodeId draw_sibling(Maker& make, Rng& rng, Type type) {
  if (!type.tensor) {
    const NodeId field = make.field(rng.chance(0.5) ? Field::kProgress : Field::kDepth);
    return rng.chance(0.3) ? make.sub(make.integer(1), field) : field;
  }
  if (type == field_type(Field::kLogits)) {
    static const std::vector<Field> kTable{Field::kLogits, Field::kScores, Field::kProbs,
                                           Field::kChosen};
    return make.field(kTable[static_cast<size_t>(rng.below(4))]);
  }
  switch (rng.below(8)) {
    case 0:
    case 1:
    case 2:
      return draw_load(make, rng);
    case 3:
      return make.field(Field::kLoad);
    case 4:
    case 5:
    case 6:
      return draw_shares(make, rng);
    default: {
      const NodeId load = draw_load(make, rng);
      return make.straight_through(load, draw_shares(make, rng));
    }
  }
}

}  // namespace ballast::candidate
