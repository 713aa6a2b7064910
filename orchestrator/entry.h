// A candidate or built-in as the search knows it, and an evaluation of it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evaluator/coefficient.h"
#include "evaluator/statistics.h"

namespace ballast::orchestrator {

// One evaluation that the search wants, or has.
struct Want {
  size_t entry = 0;  // index into Ledger::entries()
  int rung = 1;
  int seed = 0;             // index into the rung's seed block
  std::string coefficient;  // as in the evaluation's key
  bool operator==(const Want&) const = default;
};

// A candidate or built-in and what is known about it.
struct Entry {
  std::string identity, name, source, track;
  std::string op;  // that made it; empty for built-ins
  double unit = 1;
  bool builtin = false;
  int64_t children = 0;  // accepted ones whose main parent it is

  // Rung 1: the coefficients tried so far, in order, and the next one to try (none: all done).
  // First a ladder; then, for a candidate that climbs, refinements by factors of sqrt 2. The
  // reference's are trials, too, but never change what it is measured at; other built-ins have
  // none.
  std::vector<evaluator::CoefficientTrial> trials;
  std::optional<std::string> next_trial;
  size_t ladder = 0;  // trials of the finished ladder; 0: it is not finished
  // The best of the ladder so far, which is what rung 1 compares, so that all had equal trials; and
  // the best of all, which the rungs above are measured at. A built-in's configured one. Empty
  // while no trial has succeeded.
  std::string ladder_coefficient, coefficient;
  const std::string& coefficient_at(int rung) const {
    return rung == 1 ? ladder_coefficient : coefficient;
  }

  // [rung - 1][seed]: the objective measured at coefficient_at(rung).
  std::vector<std::vector<std::optional<double>>> scores;
  // [rung - 1]: evaluations begun, whether they run or are finished.
  std::vector<int> begun;
  // [rung - 1]: paired differences, candidate - reference; none without a pair, or when an
  // evaluation at that rung failed.
  std::vector<std::optional<evaluator::Summary>> estimates;
  // Given up: a trial ended in a way no coefficient can mend, no trial succeeded, or a later
  // evaluation failed. Such a candidate has no estimate at the rung where that happened.
  bool failed = false;
  int failed_rung = 0;
  std::vector<Want> running;  // handed to the evaluator
  std::vector<int> islands;   // where it lives, sorted; empty in a search with one
  uint64_t version = 0;       // counts what changed above

  bool lives_on(int island) const { return std::ranges::binary_search(islands, island); }
  // It climbs from `rung`: the first thing there is a refinement, or an evaluation at the next one.
  bool climbs_from(int rung) const {
    return begun[static_cast<size_t>(rung)] > 0 ||
           (rung == 1 && ladder > 0 && static_cast<size_t>(begun[0]) > ladder);
  }
  bool started() const { return begun[0] > 0 || (builtin && begun[1] > 0); }
  // Measured at `rung` as far as it goes there: the whole ladder, or so many seeds.
  bool complete(int rung, int64_t seeds) const {
    const auto& estimate = estimates[static_cast<size_t>(rung - 1)];
    if (failed || !estimate) return false;
    return rung == 1 ? ladder > 0 : estimate->pairs >= seeds;
  }
  int highest_rung() const {  // with an estimate; 0 for none
    for (size_t r = estimates.size(); r > 0; --r)
      if (estimates[r - 1]) return static_cast<int>(r);
    return 0;
  }
};

}  // namespace ballast::orchestrator
