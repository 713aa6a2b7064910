#include <gtest/gtest.h>

#include <cstdlib>

#include "candidate/parse.h"
#include "tests/candidate/graph_maker.h"

namespace ballast::candidate {
namespace {

std::string printed(GraphMaker& g, NodeId loss) { return print(g.b.finish(loss, std::nullopt)); }

TEST(Print, ReadsLikePyTorch) {
  GraphMaker g;
  EXPECT_EQ(printed(g, g.global_lbl()),
            "def balance_loss(r):\n"
            "    return r.num_experts * (r.load_global * r.probs.mean(0)).sum()\n");
}

TEST(Print, SharedNodesGetANameAndBothHooksAreWritten) {
  GraphMaker g;
  const NodeId gap = g.op(Op::kSub, {g.mean, g.op(Op::kDiv, {g.integer(1), g.experts})});
  const NodeId loss = g.op(Op::kSum, {g.op(Op::kMul, {gap, gap})}, {0, 0});
  const NodeId bias = g.op(Op::kAdd, {g.b.field(Field::kBias), g.op(Op::kSign, {gap})});
  EXPECT_EQ(print(g.b.finish(loss, bias)),
            "def balance_loss(r):\n"
            "    gap = r.probs.mean(0) - 1 / r.num_experts\n"
            "    return (gap * gap).sum()\n"
            "\n"
            "def selection_bias(r, bias):\n"
            "    return bias + torch.sign(r.probs.mean(0) - 1 / r.num_experts)\n");
}

TEST(Print, BracketsStandWherePythonNeedsThem) {
  GraphMaker g;
  const NodeId a = g.progress, b = g.b.field(Field::kDepth);
  const auto text = [&](NodeId id) {
    const std::string all = printed(g, id);
    const size_t at = all.find("return ") + 7;
    return all.substr(at, all.size() - at - 1);
  };
  const auto op = [&](Op which, NodeId x, NodeId y) { return g.op(which, {x, y}); };
  EXPECT_EQ(text(op(Op::kSub, a, op(Op::kSub, b, a))), "r.progress - (r.depth - r.progress)");
  EXPECT_EQ(text(op(Op::kSub, op(Op::kSub, a, b), a)), "r.progress - r.depth - r.progress");
  EXPECT_EQ(text(op(Op::kDiv, a, op(Op::kDiv, b, a))), "r.progress / (r.depth / r.progress)");
  EXPECT_EQ(text(op(Op::kPow, op(Op::kPow, a, b), a)), "(r.progress ** r.depth) ** r.progress");
  EXPECT_EQ(text(op(Op::kPow, a, op(Op::kPow, b, a))), "r.progress ** r.depth ** r.progress");
  EXPECT_EQ(text(g.op(Op::kNeg, {op(Op::kPow, a, b)})), "-r.progress ** r.depth");
  EXPECT_EQ(text(op(Op::kPow, g.op(Op::kNeg, {a}), b)), "(-r.progress) ** r.depth");
  EXPECT_EQ(text(op(Op::kPow, a, g.num(-0.5))), "r.progress ** -0.5");
  EXPECT_EQ(text(op(Op::kPow, g.num(-2.5), a)), "(-2.5) ** r.progress");
  EXPECT_EQ(text(op(Op::kMul, a, op(Op::kAdd, b, g.num(0.5)))), "r.progress * (r.depth + 0.5)");
  EXPECT_EQ(text(g.op(Op::kSelect, {op(Op::kLt, a, b), a, op(Op::kMul, a, b)})),
            "r.progress if r.progress < r.depth else r.depth * r.progress");
}

TEST(Print, NumbersReadBackToTheSameBits) {
  GraphMaker g;
  for (double value : {0.1, 1e-9, 1e300, -2.5, 5e-324, 0.30000000000000004, 1e6 + 0.5}) {
    const std::string text = printed(g, g.num(value));
    const size_t at = text.find("return ") + 7;
    EXPECT_EQ(std::strtod(text.c_str() + at, nullptr), value) << text;
  }
  EXPECT_NE(printed(g, g.num(2e7)).find("return 2e+07\n"), std::string::npos);
  EXPECT_NE(printed(g, g.num(3)).find("return 3.0\n"), std::string::npos);
}

TEST(Print, LongExpressionsAreCutIntoNamedSteps) {
  GraphMaker g;
  NodeId x = g.mean;
  for (int i = 0; i < 200; ++i) x = g.op(Op::kTanh, {x});
  const std::string text = printed(g, g.op(Op::kSum, {x}, {0, 0}));
  size_t longest = 0, from = 0;
  for (size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', from)) {
    longest = std::max(longest, at - from);
    from = at + 1;
  }
  EXPECT_LT(longest, 140u);
}

}  // namespace
}  // namespace ballast::candidate
