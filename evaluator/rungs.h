// Who climbs to the next rung, and when: asynchronous successive halving (ASHA; Li et al., MLSys
// 2020, arXiv 1810.05934, algorithm 2). No rung waits for another to fill.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <vector>

namespace ballast::evaluator {

// A candidate whose evaluations at one rung are finished.
struct RungResult {
  size_t candidate = 0;         // in order of arrival
  std::optional<double> score;  // lower is better, finite; nullopt: it failed there
};

// One rung; index 0 is the lowest.
struct RungStanding {
  std::vector<RungResult> finished;  // no candidate twice
  std::set<size_t> promoted;         // those that have begun the next rung
};

// floor(finished / eta): how many of a rung may climb. REQUIRES: eta > 1
size_t places(size_t finished, double eta);

// Those of the best floor(n / eta) of the n finished that are not promoted yet and did not fail,
// the best first; of equal scores the older is the better. Failures count in n.
// REQUIRES: eta > 1
std::vector<size_t> promotable(const RungStanding& rung, double eta);

struct Promotion {
  size_t candidate = 0;
  size_t from = 0;  // index of the rung it leaves
  bool operator==(const Promotion&) const = default;
};

// What to promote now, from the highest rung that has somebody to promote (the last rung has
// nowhere to promote to); nullopt: start a new candidate on the lowest rung instead.
std::optional<Promotion> next_promotion(std::span<const RungStanding> rungs, double eta);

}  // namespace ballast::evaluator
