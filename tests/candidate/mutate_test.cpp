#include "candidate/mutate.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "tests/candidate/graph_maker.h"
#include "tests/candidate/seed_programs.h"

namespace ballast::candidate {
namespace {

using Operator = std::function<std::optional<Mutation>(const Program&, Rng&)>;

// The four operators; splice crosses with a program drawn from the seeds.
std::vector<std::pair<std::string, Operator>> operators(const std::vector<Program>& seeds) {
  return {{"tune", [](const Program& p, Rng& rng) { return tune(p, rng); }},
          {"mutate", [](const Program& p, Rng& rng) { return mutate(p, rng); }},
          {"splice",
           [&seeds](const Program& p, Rng& rng) {
             const auto which = static_cast<size_t>(rng.below(static_cast<int64_t>(seeds.size())));
             return splice(p, seeds[which], rng);
           }},
          {"drop", [](const Program& p, Rng& rng) { return drop(p, rng); }}};
}

// What every child must be, checked anew from its nodes.
void expect_sound(const Program& child) {
  Builder builder;
  std::optional<NodeId> loss, bias;
  if (child.loss) loss = builder.import(child, *child.loss);
  if (child.bias) bias = builder.import(child, *child.bias);
  const Program again = builder.finish(loss, bias);
  EXPECT_EQ(again.identity, child.identity);
  for (const Node& node : child.nodes) {
    std::vector<Type> operands;
    for (NodeId id : node.in) operands.push_back(child.nodes[id].type);
    EXPECT_EQ(infer(node, operands), node.type);
  }
  EXPECT_TRUE(trains_router(child));
}

TEST(Mutation, TenThousandChildrenAreAllSoundAndNew) {
  const std::vector<Program> seeds = seed_programs();
  const auto all = operators(seeds);
  std::map<std::string, int> made;
  std::set<std::string> distinct;  // of mutate: the other three have few children of small seeds
  Rng rng(1, "mutations");
  for (int i = 0; i < 10000; ++i) {
    const Program& parent = seeds[static_cast<size_t>(i) % seeds.size()];
    const auto& [name, apply] = all[static_cast<size_t>(rng.below(4))];
    const std::optional<Mutation> child = apply(parent, rng);
    if (!child) continue;
    ++made[name];
    if (name == "mutate") distinct.insert(child->program.identity);
    SCOPED_TRACE(child->description);
    EXPECT_NE(child->program.identity, parent.identity);
    EXPECT_FALSE(child->description.empty());
    expect_sound(child->program);
    if (testing::Test::HasFailure()) FAIL() << print(parent) << "\n" << print(child->program);
  }
  for (const auto& [name, count] : made) EXPECT_GT(count, 1500) << name;
  EXPECT_GT(distinct.size(), 1500u);
}

TEST(Mutation, TheSameSeedGivesTheSameChildren) {
  const std::vector<Program> seeds = seed_programs();
  for (const auto& [name, apply] : operators(seeds)) {
    Rng a(7, name), b(7, name);
    for (const Program& parent : seeds) {
      const std::optional<Mutation> x = apply(parent, a), y = apply(parent, b);
      ASSERT_EQ(x.has_value(), y.has_value());
      if (x) {
        EXPECT_EQ(x->program.identity, y->program.identity);
      }
    }
  }
}

TEST(Mutation, LongLineagesStayWithinTheNodeLimit) {
  const std::vector<Program> seeds = seed_programs();
  MutationLimits limits;
  limits.nodes = 80;
  for (size_t s = 0; s < seeds.size(); ++s) {
    Program program = seeds[s];
    Rng rng(s, "lineage");
    int made = 0;
    for (int i = 0; i < 200; ++i) {
      const std::optional<Mutation> child =
          rng.chance(0.8) ? mutate(program, rng, limits)
                          : splice(program, seeds[static_cast<size_t>(rng.below(6))], rng, limits);
      if (!child) continue;
      ++made;
      program = child->program;
      ASSERT_LE(program.nodes.size(), 80u);
    }
    EXPECT_GT(made, 150);
    expect_sound(program);
  }
}

TEST(Mutation, DropMakesSmallerChildrenUntilNothingIsLeft) {
  for (Program program : seed_programs()) {
    Rng rng(3, "drop");
    while (const std::optional<Mutation> child = drop(program, rng)) {
      ASSERT_LT(child->program.nodes.size(), program.nodes.size());
      program = child->program;
    }
    EXPECT_LT(program.nodes.size(), 12u) << print(program);
  }
}

TEST(Mutation, TuneKeepsTheShapeOfTheGraph) {
  const std::vector<Program> seeds = seed_programs();
  Rng rng(5, "tune");
  int changed = 0;
  for (int i = 0; i < 300; ++i) {
    const std::optional<Mutation> child = tune(seeds[5], rng);
    ASSERT_TRUE(child);
    if (child->description.starts_with("change ")) ++changed;
    EXPECT_LE(child->program.nodes.size(), seeds[5].nodes.size() + 3) << child->description;
  }
  EXPECT_GT(changed, 150);
}

// E * (f * P).sum() has one constant place, its scale, which the coefficient takes up again.
TEST(Mutation, TuneLeavesTheScaleOfTheWholeLossAlone) {
  GraphMaker g;
  const NodeId scaled = g.op(Op::kMul, {g.num(0.3), g.global_lbl()});
  const Program program = g.b.finish(scaled, std::nullopt);
  Rng rng(1, "scale");
  for (int i = 0; i < 50; ++i) {
    const std::optional<Mutation> child = tune(program, rng);
    const bool scale = child && child->description.starts_with("change 0.3");
    EXPECT_FALSE(scale) << child->description;
  }
}

TEST(Mutation, MutateReachesEveryKindOfChange) {
  const std::vector<Program> seeds = seed_programs();
  std::set<std::string> verbs;
  Rng rng(2, "kinds");
  for (int i = 0; i < 2000; ++i) {
    const std::optional<Mutation> child = mutate(seeds[4], rng);
    if (child) verbs.insert(child->description.substr(0, child->description.find(' ')));
  }
  EXPECT_EQ(verbs, (std::set<std::string>{"add", "put", "replace", "set", "swap"}));
}

TEST(Mutation, SpliceTakesTermsExpressionsAndHooks) {
  const std::vector<Program> seeds = seed_programs();
  Rng rng(4, "splice");
  bool hook = false, term = false, expression = false;
  for (int i = 0; i < 200; ++i) {
    const std::optional<Mutation> child = splice(seeds[0], seeds[4], rng);
    if (!child) continue;
    EXPECT_NE(child->program.identity, seeds[4].identity);
    hook = hook || child->program.bias;
    term = term || child->description.find("term") != std::string::npos;
    expression = expression || child->description.starts_with("replace");
  }
  // The hook of seed 4 on seed 0 is seed 4 itself, so no child has it.
  EXPECT_FALSE(hook);
  EXPECT_TRUE(term && expression);
  const std::optional<Mutation> with_hook = [&] {
    for (;;) {
      std::optional<Mutation> child = splice(seeds[1], seeds[3], rng);
      if (child && child->program.bias) return child;
    }
  }();
  EXPECT_TRUE(with_hook->program.loss);
}

TEST(TrainsRouter, NeedsADifferentiablePathOrAHook) {
  GraphMaker g;
  const auto trains = [&](NodeId loss) { return trains_router(g.b.finish(loss, std::nullopt)); };
  const auto sum = [&](NodeId x) { return g.op(Op::kSum, {x}, {0, 0}); };
  EXPECT_TRUE(trains(g.global_lbl()));
  EXPECT_TRUE(trains(sum(g.b.field(Field::kProbsGlobal))));
  EXPECT_FALSE(trains(g.total));  // counts
  EXPECT_FALSE(trains(sum(g.op(Op::kDetach, {g.mean}))));
  EXPECT_FALSE(trains(sum(g.op(Op::kSign, {g.mean}))));
  EXPECT_FALSE(trains(g.op(Op::kMean, {g.b.field(Field::kChosen)}, {0, 0, 1})));
  const NodeId above = g.op(Op::kLt, {g.load, g.mean});
  EXPECT_FALSE(trains(sum(g.op(Op::kWhere, {above, g.load, g.num(0)}))));
  EXPECT_TRUE(trains(sum(g.op(Op::kWhere, {above, g.mean, g.num(0)}))));
  const NodeId bias = g.b.field(Field::kBias);
  EXPECT_FALSE(trains_router(g.b.finish(std::nullopt, bias)));
  EXPECT_TRUE(trains_router(g.b.finish(g.total, g.op(Op::kAdd, {bias, g.load}))));
}

}  // namespace
}  // namespace ballast::candidate
