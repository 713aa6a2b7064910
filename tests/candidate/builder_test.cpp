#include "candidate/builder.h"

#include <gtest/gtest.h>

#include "tests/candidate/graph_maker.h"

namespace ballast::candidate {
namespace {

TEST(Builder, EqualNodesAreOneNode) {
  GraphMaker g;
  const size_t before = g.b.count();
  EXPECT_EQ(g.op(Op::kMean, {g.probs}, {0, 0}), g.mean);
  EXPECT_EQ(g.b.field(Field::kProbs), g.probs);
  EXPECT_EQ(g.num(0.5), g.num(0.5));
  EXPECT_NE(g.num(0.0), g.num(-0.0));
  EXPECT_EQ(g.op(Op::kMul, {g.mean, g.load}), g.op(Op::kMul, {g.load, g.mean}));
  EXPECT_NE(g.op(Op::kSub, {g.mean, g.load}), g.op(Op::kSub, {g.load, g.mean}));
  EXPECT_LE(g.b.count(), before + 5);
}

TEST(Builder, MoreNodesThanTheLimitAreRefusedWhileBuilding) {
  Limits limits;
  limits.nodes = 10;
  Builder b(limits);
  NodeId x = b.field(Field::kLoad);
  const auto grow = [&] {
    for (int i = 0; i < 100; ++i) x = b.add(Op::kExp, {x});
  };
  EXPECT_THROW(grow(), BuildError);
  EXPECT_EQ(b.count(), 10u);
}

TEST(Builder, DoublingSixtyTimesTakesSixtyNodes) {
  Builder b;
  NodeId x = b.add(Op::kMean, {b.field(Field::kProbs)}, {0, 0, 1});
  for (int i = 0; i < 60; ++i) x = b.add(Op::kAdd, {x, x});
  const Program program = b.finish(x, std::nullopt);
  EXPECT_EQ(program.nodes.size(), 62u);
  const Cost total = cost(program, {{128, 2, 16, 2, 1}});
  EXPECT_LT(total.flops, 128 * 16 + 100);
  EXPECT_LT(print(program).size(), 4000u);
}

TEST(Builder, MoreThanEightDimensionsAreRefused) {
  GraphMaker g;
  Shape shape{1, Dim::symbol(Symbol::kE)};
  NodeId x = g.load;
  while (shape.size() <= 8) {
    x = g.op(Op::kReshape, {g.load}, {}, shape);
    shape.insert(shape.begin(), Dim(1));
  }
  EXPECT_EQ(g.b.type(x).shape.size(), 8u);
  EXPECT_THROW(g.op(Op::kReshape, {g.load}, {}, shape), BuildError);
}

TEST(Builder, RootsMustHaveTheirTypes) {
  GraphMaker g;
  EXPECT_THROW(g.b.finish(g.probs, std::nullopt), BuildError);  // not reduced
  EXPECT_THROW(g.b.finish(g.op(Op::kSum, {g.order}, {0, 0}), std::nullopt), BuildError);  // int
  EXPECT_THROW(g.b.finish(std::nullopt, g.total), BuildError);
  EXPECT_THROW(g.b.finish(std::nullopt, std::nullopt), BuildError);
  const NodeId bias = g.b.field(Field::kBias);
  const Program hook = g.b.finish(std::nullopt, g.op(Op::kAdd, {bias, g.load}));
  EXPECT_FALSE(hook.loss);
  EXPECT_TRUE(hook.bias);
  // The loss does not receive the bias.
  EXPECT_THROW(g.b.finish(g.op(Op::kSum, {bias}, {0, 0}), std::nullopt), BuildError);
  EXPECT_NO_THROW(g.b.finish(g.total, bias));
}

TEST(Builder, ANumberIsLiftedToATensor) {
  GraphMaker g;
  for (NodeId number : {g.num(0.5), g.experts, g.progress, g.b.boolean(true)}) {
    const Program program = g.b.finish(number, std::nullopt);
    const Node& root = program.nodes[*program.loss];
    EXPECT_EQ(root.op, Op::kFull);
    EXPECT_EQ(to_string(root.type), "float () tensor");
  }
}

TEST(Builder, ImportsWhatARootNeedsAndNoMore) {
  GraphMaker g;
  const Program program =
      g.b.finish(g.global_lbl(), g.op(Op::kSub, {g.b.field(Field::kBias), g.load}));
  Builder other;
  const NodeId loss = other.import(program, *program.loss);
  EXPECT_EQ(other.finish(loss, std::nullopt).identity,
            g.b.finish(g.global_lbl(), std::nullopt).identity);
  const size_t count = other.count();
  EXPECT_EQ(other.import(program, *program.loss), loss);
  EXPECT_EQ(other.count(), count);
  for (size_t i = 0; i < count; ++i) {
    EXPECT_NE(other.node(static_cast<NodeId>(i)).ints,
              (std::vector<int64_t>{static_cast<int64_t>(Field::kBias)}));
  }
}

TEST(Builder, OpsWithoutDerivativeAreRefusedWhereAGradientNeedsThem) {
  GraphMaker g;
  EXPECT_THROW(g.op(Op::kFloorDiv, {g.probs, g.num(0.5)}), BuildError);
  EXPECT_THROW(g.op(Op::kMod, {g.load, g.mean}), BuildError);
  EXPECT_NO_THROW(g.op(Op::kMod, {g.mean, g.load}));
  EXPECT_NO_THROW(g.op(Op::kFloorDiv, {g.op(Op::kDetach, {g.probs}), g.num(0.5)}));
  EXPECT_NO_THROW(g.op(Op::kFloorDiv, {g.load, g.num(0.5)}));
}

TEST(Builder, KnownIndicesAndRanksAreChecked) {
  GraphMaker g;
  const NodeId three = g.op(Op::kSlice, {g.load}, {0, 1}, {0, 3});
  EXPECT_NO_THROW(g.op(Op::kIndex, {three, g.integer(-3)}, {0}));
  EXPECT_THROW(g.op(Op::kIndex, {three, g.integer(3)}, {0}), BuildError);
  EXPECT_NO_THROW(g.op(Op::kIndex, {g.load, g.integer(3)}, {0}));  // E is not known
  EXPECT_THROW(g.op(Op::kKthvalue, {g.load, g.integer(0)}, {0, 0}), BuildError);
  EXPECT_THROW(g.op(Op::kQuantile, {g.load, g.num(1.5)}, {0, 0}), BuildError);
  EXPECT_THROW(g.op(Op::kPow, {g.order, g.integer(-1)}), BuildError);
}

}  // namespace
}  // namespace ballast::candidate
