// Short names for building graphs in tests.
#pragma once

#include "candidate/builder.h"

namespace ballast::candidate {

struct GraphMaker {
  Builder b;

  NodeId probs = b.field(Field::kProbs);                   // float (T,E)
  NodeId load = b.field(Field::kLoadGlobal);               // float (E)
  NodeId progress = b.field(Field::kProgress);             // float number
  NodeId device = b.field(Field::kDevice);                 // float (E,G)
  NodeId experts = b.size(Dim::symbol(Symbol::kE));        // int
  NodeId top_k = b.size(Dim::symbol(Symbol::kK));          // int
  NodeId mean = b.add(Op::kMean, {probs}, {0, 0});         // float (E)
  NodeId total = b.add(Op::kSum, {load}, {0, 0});          // float ()
  NodeId indices = b.add(Op::kArgmax, {probs}, {0, 1});    // int (T)
  NodeId mask = b.add(Op::kLt, {load, b.number(0.5)});     // bool (E)
  NodeId order = b.add(Op::kSortIndices, {load}, {0, 0});  // int (E)

  NodeId num(double value) { return b.number(value); }
  NodeId integer(int64_t value) { return b.size(Dim(value)); }
  NodeId op(Op op, std::vector<NodeId> in, std::vector<int64_t> ints = {},
            std::vector<Dim> dims = {}, double number = 0) {
    return b.add(op, std::move(in), std::move(ints), std::move(dims), number);
  }
  // num_experts * (load_global * probs.mean(0)).sum()
  NodeId global_lbl() {
    return op(Op::kMul, {experts, op(Op::kSum, {op(Op::kMul, {load, mean})}, {0, 0})});
  }
};

}  // namespace ballast::candidate
