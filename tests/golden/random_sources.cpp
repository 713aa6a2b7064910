// Prints random programs as texts, for make_golden.py: a JSON array of [kind, text].
//
//   cmake --build --preset release --target golden_random_sources
//   build/release/golden_random_sources > tests/golden/random_sources.json
//
// "graph": random well-typed graphs over the whole op table; "mutant": shipped texts after a few
// genetic steps. Deterministic.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "candidate/mutate.h"
#include "candidate/parse.h"
#include "candidate/shipped.h"
#include "common/rng.h"
#include "tests/candidate/random_graph.h"

namespace {

using ballast::candidate::Mutation;
using ballast::candidate::Program;

constexpr uint64_t kGraphs = 260, kMutants = 130;

Program mutant(const std::vector<Program>& parents, ballast::Rng& rng) {
  const auto any = [&] {
    return parents[static_cast<size_t>(rng.below(static_cast<int64_t>(parents.size())))];
  };
  Program child = any();
  const int64_t steps = 1 + rng.below(4);
  for (int64_t step = 0; step < steps; ++step) {
    std::optional<Mutation> next;
    switch (rng.below(4)) {
      case 0:
        next = ballast::candidate::tune(child, rng);
        break;
      case 1:
        next = ballast::candidate::splice(child, any(), rng);
        break;
      case 2:
        next = ballast::candidate::drop(child, rng);
        break;
      default:
        next = ballast::candidate::mutate(child, rng);
    }
    if (next) child = std::move(next->program);
  }
  return child;
}

}  // namespace

int main() {
  nlohmann::json texts = nlohmann::json::array();
  int lost = 0;
  const auto add = [&](const char* kind, const Program& program) {
    const std::string text = ballast::candidate::print(program);
    if (ballast::candidate::parse(text).program)
      texts.push_back({kind, text});
    else
      ++lost;
  };
  for (uint64_t i = 0; i < kGraphs; ++i) {
    ballast::Rng rng(1, "golden graph", i);
    add("graph", ballast::candidate::random_program(rng, 8));
  }
  std::vector<Program> parents;
  for (const auto& row : ballast::candidate::shipped())
    parents.push_back(*ballast::candidate::parse(row.text).program);
  for (uint64_t i = 0; i < kMutants; ++i) {
    ballast::Rng rng(1, "golden mutant", i);
    add("mutant", mutant(parents, rng));
  }
  std::fprintf(stderr, "%zu texts, %d do not parse\n", texts.size(), lost);
  std::puts(texts.dump(0).c_str());
}
