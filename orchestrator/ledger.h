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
#include "evaluator/objective.h"
#include "evaluator/shrinkage.h"
#include "orchestrator/entry.h"
#include "orchestrator/roster.h"
#include "orchestrator/search_config.h"
#include "population/archive.h"

namespace ballast::orchestrator {

// What is believed of a candidate's difference from the reference, at its highest rung.
struct Standing {
  evaluator::Measured believed;
  double measured = 0;  // the mean itself
  size_t entry = 0;
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
  bool complete(const Entry& entry, int rung) const {
    return entry.complete(rung, seeds(entry, rung));
  }
  int highest_rung(const Entry& entry) const { return entry.highest_rung(); }
  const SearchConfig& config() const { return config_; }
  const Roster& roster() const { return roster_; }

  // What has been worked out from the above, kept until what it depends on changes: `at` is a
  // number that only grows, and grows then.
  template <class T>
  struct Kept {
    std::optional<uint64_t> at = {};
    T value = {};
    template <class Make>
    const T& get(uint64_t now, Make&& make) {
      if (at != now) {
        value = make();
        at = now;
      }
      return value;
    }
  };
  struct Derived {
    Kept<std::optional<evaluator::VariancePrior>> variance_prior = {};
    Kept<std::optional<evaluator::MeanPrior>> first_rung_prior = {};
    std::map<int, Kept<std::vector<evaluator::Measured>>> standings = {};  // by rung
    std::map<int, Kept<std::vector<size_t>>> promotable = {};              // by rung
    Kept<std::vector<Standing>> upper = {};
  };
  Derived& derived() const { return derived_; }

 private:
  double centre(std::string_view track) const;  // the first coefficient to try
  evaluator::CoefficientPlan ladder_of(std::string_view track) const;
  std::optional<std::string> next_trial(const Entry& entry) const;
  void finish_trial(Entry& entry, const Want& want, Outcome outcome, double objective);
  void finish_reference(const Want& want, Outcome outcome, double objective);  // elsewhere
  bool estimate(Entry& entry, int rung);  // true when it changed
  void changed(size_t index);             // after it did

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
  Roster roster_;
  mutable Derived derived_;
};

// The track of a built-in: "none", "bias" or "loss".
std::string_view builtin_track(std::string_view name);

}  // namespace ballast::orchestrator
