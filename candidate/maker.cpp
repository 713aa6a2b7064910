#include "candidate/maker.h"

namespace ballast::candidate {
namespace {

std::vector<int64_t> reduction_ints(Op op, const std::vector<int64_t>& dims) {
  std::vector<int64_t> ints{0};
  if (op == Op::kVar || op == Op::kStd) ints.push_back(0);  // the population's, defined for one
  ints.insert(ints.end(), dims.begin(), dims.end());
  return ints;
}

}  // namespace

NodeId Maker::over(Op op, NodeId x, int64_t dim) {
  return b_.add(op, {x}, reduction_ints(op, {dim}), {}, op == Op::kNorm ? 2.0 : 0.0);
}

NodeId Maker::over_all(Op op, NodeId x) {
  std::vector<int64_t> dims;
  for (size_t i = 0; i < type(x).shape.size(); ++i) dims.push_back(static_cast<int64_t>(i));
  return b_.add(op, {x}, reduction_ints(op, dims), {}, op == Op::kNorm ? 2.0 : 0.0);
}

NodeId Maker::sequence_means(NodeId x) {
  const Dim sequences = Dim::symbol(Symbol::kS), experts = Dim::symbol(Symbol::kE);
  const Dim length = *divide(Dim::symbol(Symbol::kT), sequences);
  const NodeId by_sequence = b_.add(Op::kReshape, {x}, {}, {sequences, length, experts});
  return over(Op::kMean, by_sequence, 1);
}

}  // namespace ballast::candidate
