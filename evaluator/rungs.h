// Who climbs to the next rung, and when: asynchronous successive halving (ASHA; Li et al., MLSys
// 2020, arXiv 1810.05934, algorithm 2). No rung waits for another to fill.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace ballast::evaluator {

// A candidate whose evaluations at one rung are finished.
struct RungResult {
  std::string identity;
  std::optional<double> score;  // lower is better, finite; nullopt: it failed there
};

// One rung; index 0 is the lowest.
struct RungStanding {
  std::vector<RungResult> finished;  // no identity twice
  std::set<std::string> promoted;    // those that have begun the next rung
};

// Those of the best floor(n / eta) of the n finished that are not promoted yet and did not fail,
// the best first; of equal scores the smaller identity is the better. Failures count in n.
// REQUIRES: eta > 1
std::vector<std::string> promotable(const RungStanding& rung, double eta);

struct Promotion {
  std::string identity;
  size_t from = 0;  // index of the rung it leaves
  bool operator==(const Promotion&) const = default;
};

// What to promote now, from the highest rung that has somebody to promote (the last rung has
// nowhere to promote to); nullopt: start a new candidate on the lowest rung instead.
std::optional<Promotion> next_promotion(std::span<const RungStanding> rungs, double eta);

}  // namespace ballast::evaluator
