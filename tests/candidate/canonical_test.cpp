#include "candidate/canonical.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "tests/candidate/graph_maker.h"

namespace ballast::candidate {
namespace {

Program finish(const std::function<NodeId(Builder&)>& loss) {
  Builder b;
  return b.finish(loss(b), std::nullopt);
}

// The same loss, its parts built in another order each time and with dead nodes between.
TEST(Canonical, OrderOfArrivalAndDeadCodeDoNotMatter) {
  const Program one = finish([](Builder& b) {
    const NodeId load = b.field(Field::kLoadGlobal), probs = b.field(Field::kProbs);
    const NodeId mean = b.add(Op::kMean, {probs}, {0, 0});
    const NodeId sum = b.add(Op::kSum, {b.add(Op::kMul, {load, mean})}, {0, 0});
    return b.add(Op::kMul, {b.size(Dim::symbol(Symbol::kE)), sum});
  });
  const Program other = finish([](Builder& b) {
    const NodeId experts = b.size(Dim::symbol(Symbol::kE));
    b.add(Op::kExp, {b.field(Field::kLogits)});
    const NodeId mean = b.add(Op::kMean, {b.field(Field::kProbs)}, {0, 0});
    b.number(7);
    const NodeId product = b.add(Op::kMul, {mean, b.field(Field::kLoadGlobal)});
    return b.add(Op::kMul, {b.add(Op::kSum, {product}, {0, 0}), experts});
  });
  EXPECT_EQ(one, other);
  EXPECT_EQ(one.identity, other.identity);
  EXPECT_EQ(one.nodes.size(), 7u);
}

TEST(Canonical, OperandsComeBeforeTheirNodes) {
  GraphMaker g;
  const Program program = g.b.finish(g.global_lbl(), g.load);
  for (NodeId id = 0; id < program.nodes.size(); ++id) {
    for (NodeId operand : program.nodes[id].in) EXPECT_LT(operand, id);
  }
}

TEST(Canonical, SumsAreNotReassociated) {
  GraphMaker g;
  const NodeId a = g.total, b = g.op(Op::kExp, {a}), c = g.op(Op::kTanh, {a});
  const NodeId left = g.op(Op::kAdd, {g.op(Op::kAdd, {a, b}), c});
  const NodeId right = g.op(Op::kAdd, {a, g.op(Op::kAdd, {b, c})});
  EXPECT_NE(g.b.finish(left, std::nullopt).identity, g.b.finish(right, std::nullopt).identity);
}

TEST(Canonical, EveryAttributeCountsForTheIdentity) {
  GraphMaker g;
  const auto norm = [&](double p) { return g.op(Op::kNorm, {g.load}, {0, 0}, {}, p); };
  const auto slice = [&](int64_t start) {
    return g.op(Op::kSum, {g.op(Op::kSlice, {g.load}, {0, 1}, {start, Dim::symbol(Symbol::kE)})},
                {0, 0});
  };
  const std::vector<NodeId> losses{norm(1),
                                   norm(2),
                                   norm(2.0000000000000004),
                                   slice(1),
                                   slice(2),
                                   g.total,
                                   g.op(Op::kVar, {g.load}, {0, 0, 0}),
                                   g.op(Op::kVar, {g.load}, {0, 1, 0}),
                                   g.op(Op::kMul, {g.total, g.num(0.5)}),
                                   g.op(Op::kMul, {g.total, g.num(0.25)})};
  std::set<std::string> identities;
  for (NodeId loss : losses) identities.insert(g.b.finish(loss, std::nullopt).identity);
  EXPECT_EQ(identities.size(), losses.size());
  // The same node as loss and in another role.
  EXPECT_NE(g.b.finish(std::nullopt, g.load).identity, g.b.finish(g.total, g.load).identity);
}

// Stored archives key on these. When the format has to change, kFormat changes and these with it.
TEST(Canonical, IdentitiesAreThoseOfEveryEarlierBuild) {
  GraphMaker g;
  EXPECT_EQ(g.b.finish(g.global_lbl(), std::nullopt).identity,
            "2c3b41a3d82e4bade2a22dcb7547062d8fb41d68e3b55a2736be06cb26917f48");
  const NodeId lse = g.op(Op::kLogSumExp, {g.b.field(Field::kLogits)}, {0, 1});
  const NodeId z = g.op(Op::kMean, {g.op(Op::kPow, {lse, g.integer(2)})}, {0, 0});
  EXPECT_EQ(g.b.finish(g.op(Op::kMul, {g.num(0.001), z}), std::nullopt).identity,
            "8186d22aaa99b94e1b96defdc4d2505c7b791bde72947df245227b1b84d98345");
  const NodeId gap = g.op(Op::kSub, {g.op(Op::kDiv, {g.num(1.0), g.experts}), g.load});
  const NodeId step = g.op(Op::kMul, {g.num(0.001), g.op(Op::kSign, {gap})});
  const NodeId bias = g.op(Op::kAdd, {g.b.field(Field::kBias), step});
  EXPECT_EQ(g.b.finish(std::nullopt, bias).identity,
            "fe5fe323610ca06692d2a938d728fdd2d776d7c85f3f05eb88a1a3b70450a82a");
}

TEST(Canonical, DeepGraphsDoNotOverflowTheStack) {
  Builder b;
  NodeId x = b.add(Op::kMean, {b.field(Field::kProbs)}, {0, 0, 1});
  while (b.count() < 4000) x = b.add(Op::kTanh, {x});
  EXPECT_EQ(b.finish(x, std::nullopt).nodes.size(), 4000u);
}

}  // namespace
}  // namespace ballast::candidate
