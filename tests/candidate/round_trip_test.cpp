// print and parse are inverse: what is stored of a program is its text.
#include <gtest/gtest.h>

#include "candidate/mutate.h"
#include "candidate/parse.h"
#include "tests/candidate/random_graph.h"
#include "tests/candidate/seed_programs.h"

namespace ballast::candidate {
namespace {

void expect_round_trip(const Program& program) {
  const std::string text = print(program);
  const ParseResult parsed = parse(text);
  ASSERT_TRUE(parsed.program) << to_string(*parsed.diagnostic) << "\n" << text;
  ASSERT_EQ(parsed.program->identity, program.identity) << text << "came back as\n"
                                                        << print(*parsed.program);
}

TEST(RoundTrip, RandomGraphsOverTheWholeOpTableComeBack) {
  Rng rng(1, "round trip");
  for (int i = 0; i < 1000; ++i) {
    expect_round_trip(random_program(rng, 20));
    if (testing::Test::HasFailure()) return;
  }
}

TEST(RoundTrip, TenThousandMutantsComeBack) {
  const std::vector<Program> seeds = seed_programs();
  Rng rng(2, "round trip");
  Program program = seeds[0];
  for (int i = 0; i < 10000; ++i) {
    // Lineages of fifty, so that children are as tangled as those of a search.
    if (i % 50 == 0) program = seeds[static_cast<size_t>(i / 50) % seeds.size()];
    std::optional<Mutation> child;
    switch (rng.below(5)) {
      case 0:
        child = tune(program, rng);
        break;
      case 1:
        child = drop(program, rng);
        break;
      case 2:
        child = splice(program, seeds[static_cast<size_t>(rng.below(6))], rng);
        break;
      default:
        child = mutate(program, rng);
    }
    if (!child) continue;
    program = child->program;
    expect_round_trip(program);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace ballast::candidate
