#include <gtest/gtest.h>

#include <cmath>

#include "tests/candidate/graph_maker.h"

namespace ballast::candidate {
namespace {

const Bindings kSizes{{256, 2, 16, 2, 4}};

TEST(Cost, CountsEveryElementOnce) {
  GraphMaker g;
  const Program program = g.b.finish(g.global_lbl(), std::nullopt);
  const Cost total = cost(program, kSizes);
  // mean reads 256*16, the product of (16) vectors 16, the sum 16, the scale 1.
  EXPECT_EQ(total.flops, 256 * 16 + 16 + 16 + 1);
  EXPECT_EQ(total.bytes, (256 * 16 + 16) * 4 + (3 * 16) * 4 + (16 + 1) * 4 + (1 + 1) * 4 + 8);
}

TEST(Cost, MatmulIsTwoFlopsPerProduct) {
  GraphMaker g;
  const NodeId turned = g.op(Op::kTranspose, {g.probs}, {0, 1});
  const NodeId gram = g.op(Op::kMatmul, {turned, g.probs});
  const NodeId loss = g.op(Op::kSum, {gram}, {0, 0, 1});
  EXPECT_EQ(cost(g.b.finish(loss, std::nullopt), kSizes).flops, 2 * 16 * 256 * 16 + 16 * 16);
}

TEST(Cost, GrowsWithTokens) {
  GraphMaker g;
  const Program program = g.b.finish(g.global_lbl(), std::nullopt);
  EXPECT_GT(cost(program, {{4096, 2, 16, 2, 4}}).flops, 10 * cost(program, kSizes).flops);
}

TEST(Cost, SizesThatDoNotFitCostInfinitelyMuch) {
  GraphMaker g;
  const Dim T = Dim::symbol(Symbol::kT), E = Dim::symbol(Symbol::kE), K = Dim::symbol(Symbol::kK);
  const NodeId groups = g.op(Op::kReshape, {g.probs}, {}, {K, *divide(T * E, K)});
  const NodeId loss = g.op(Op::kMean, {groups}, {0, 0, 1});
  const Program program = g.b.finish(loss, std::nullopt);
  EXPECT_TRUE(std::isfinite(cost(program, kSizes).flops));
  EXPECT_TRUE(std::isinf(cost(program, {{255, 1, 15, 2, 1}}).bytes));
}

}  // namespace
}  // namespace ballast::candidate
