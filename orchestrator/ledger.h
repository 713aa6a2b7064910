// What the search knows, in memory: candidates, their finished evaluations, the estimates that
// follow.
//
// A mirror of the archive's rows, kept in step with them; its contents depend on the set of rows
// and on the configuration, not on the order in which results arrived or on restarts between them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "common/job.h"
#include "common/outcome.h"
#include "evaluator/coefficient.h"
#include "evaluator/objective.h"
#include "evaluator/shrinkage.h"
#include "evaluator/statistics.h"
#include "orchestrator/search_config.h"
#include "population/archive.h"

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

  bool lives_on(int island) const { return std::ranges::binary_search(islands, island); }
  // It climbs from `rung`: the first thing there is a refinement, or an evaluation at the next one.
  bool climbs_from(int rung) const {
    return begun[static_cast<size_t>(rung)] > 0 ||
           (rung == 1 && ladder > 0 && static_cast<size_t>(begun[0]) > ladder);
  }
  bool started() const { return begun[0] > 0 || (builtin && begun[1] > 0); }
};

class Ledger {
 public:
  explicit Ledger(const SearchConfig& config);

  size_t add(const population::CandidateRow& candidate, std::string_view op);
  void add_child(size_t parent) { ++entries_[parent].children; }
  void settle(size_t entry, int island);  // it lives there, too
  const std::vector<Entry>& entries() const { return entries_; }
  std::optional<size_t> find(std::string_view identity) const;
  bool is_configured_builtin(std::string_view identity) const;
  size_t reference() const { return *reference_; }  // REQUIRES: it has been added

  // The archive's words for a want, and back: none for an evaluation that this search would not ask
  // for (another build, seed, spec or coefficient).
  population::EvaluationKey key(const Want& want) const;
  std::optional<Want> want_of(const population::EvaluationKey& key) const;
  std::string_view purpose(const Want& want) const;

  void begin(const Want& want);   // it runs now
  void cancel(const Want& want);  // it does not, and has no result

  struct Changed {
    size_t entry = 0;
    int rung = 1;
  };
  // What an evaluation's metrics are worth; nullopt: no score follows from them.
  std::optional<double> objective(const Metrics& metrics) const {
    return evaluator::objective(objective_, metrics);
  }
  // A finished evaluation; `objective` counts when the outcome is kOk. Returns whose estimates
  // changed.
  std::vector<Changed> finish(const Want& want, Outcome outcome, double objective);

  // Equal trials: nothing may be called better than the reference before that had as many trials of
  // its coefficient. The next of them, so that it has `trials` in all; none when it has.
  std::optional<std::string> next_reference_trial(size_t trials) const;
  // The reference's best coefficient by its trials; its configured one is what it is measured at.
  std::string refined_reference() const;
  // The reference's objective at a rung and seed at another coefficient than the configured one;
  // infinity where that failed, nullopt where it was not measured.
  std::optional<double> reference_score(int rung, int seed, const std::string& coefficient) const;

  int rungs() const { return static_cast<int>(config_.rungs.size()); }
  int seeds(const Entry& entry, int rung) const;  // of a complete estimate
  bool complete(const Entry& entry, int rung) const;
  // The highest rung with an estimate; 0 for none.
  int highest_rung(const Entry& entry) const;
  const SearchConfig& config() const { return config_; }

  // What standing.h has worked out from the estimates, kept until those change that it depends on.
  struct Derived {
    std::optional<std::optional<evaluator::VariancePrior>> prior;
    std::vector<std::optional<std::vector<std::optional<evaluator::Measured>>>> standings;
  };
  Derived& derived() const { return derived_; }

 private:
  double centre(std::string_view track) const;  // the first coefficient to try
  evaluator::CoefficientPlan ladder_of(std::string_view track) const;
  std::optional<std::string> next_trial(const Entry& entry) const;
  void finish_trial(Entry& entry, const Want& want, Outcome outcome, double objective);
  void finish_reference(const Want& want, Outcome outcome, double objective);  // elsewhere
  bool estimate(Entry& entry, int rung);  // true when it changed

  SearchConfig config_;
  evaluator::ObjectiveSpec objective_;
  std::string spec_hash_;
  std::map<std::string, std::string, std::less<>> builtin_coefficients_;  // by name, as text
  std::vector<std::vector<uint64_t>> seeds_;                              // [rung - 1][seed]
  std::vector<std::map<uint64_t, int>> seed_indices_;                     // [rung - 1]
  std::vector<Entry> entries_;
  std::unordered_map<std::string, size_t> by_identity_;
  std::optional<size_t> reference_;
  std::map<std::tuple<int, int, std::string>, double> reference_scores_;  // rung, seed, coefficient
  mutable Derived derived_;
};

// The track of a built-in: "none", "bias" or "loss".
std::string_view builtin_track(std::string_view name);

}  // namespace ballast::orchestrator
