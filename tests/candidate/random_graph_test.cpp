#include "tests/candidate/random_graph.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "candidate/builder.h"

namespace ballast::candidate {
namespace {

TEST(RandomGraph, ReachesEveryOpAndIsCanonicalAlready) {
  Rng rng(1, "random graphs");
  std::map<Op, int> seen;
  for (int i = 0; i < 600; ++i) {
    const Program program = random_program(rng, 30);
    for (const Node& node : program.nodes) ++seen[node.op];
    Builder builder;
    const NodeId root = builder.import(program, *program.loss);
    EXPECT_EQ(builder.finish(root, std::nullopt).identity, program.identity);
  }
  for (Op op : all_ops()) EXPECT_GT(seen[op], 0) << row(op).name;
}

// Building a program again node by node through add() must change nothing: what is in a program is
// already in its one spelling.
TEST(RandomGraph, BuildingAgainChangesNothing) {
  Rng rng(2, "random graphs");
  for (int i = 0; i < 300; ++i) {
    const Program program = random_program(rng, 20);
    Builder builder;
    std::vector<NodeId> copy;
    for (const Node& node : program.nodes) {
      std::vector<NodeId> in;
      for (NodeId id : node.in) in.push_back(copy[id]);
      // The other order: commutative operands must find their places again.
      if (row(node.op).commutative) std::swap(in[0], in[1]);
      copy.push_back(builder.add(node.op, in, node.ints, node.dims, node.number));
    }
    ASSERT_EQ(builder.finish(copy[*program.loss], std::nullopt), program) << print(program);
  }
}

TEST(RandomGraph, CostIsFiniteOrInfiniteButNeverNothing) {
  Rng rng(3, "random graphs");
  for (int i = 0; i < 300; ++i) {
    const Cost total = cost(random_program(rng, 20), {{64, 2, 8, 2, 4}});
    EXPECT_FALSE(std::isnan(total.flops) || std::isnan(total.bytes));
    EXPECT_GT(total.bytes, 0);
  }
}

}  // namespace
}  // namespace ballast::candidate
