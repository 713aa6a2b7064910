// What a running search tells those who watch it: snapshots and single events, all plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/outcome.h"

namespace ballast::orchestrator {

// The best candidate so far: at the highest rung that has estimates, the lowest mean difference.
struct BestSoFar {
  std::string identity, name;
  int rung = 1;
  int64_t pairs = 0;
  double mean_difference = 0;            // objective, candidate - reference; negative is better
  std::optional<double> standard_error;  // none below two pairs
};

struct OperatorCount {
  std::string name;  // "seed", "tune", "mutate", ...
  int64_t proposals = 0;
  int64_t accepted = 0;   // novel ones
  int64_t measured = 0;   // accepted ones that have an estimate
  int64_t best_rung = 0;  // the highest rung one of its children reached with an estimate
};

// One evaluation that runs now.
struct RunningEvaluation {
  std::string name;  // of the candidate or built-in
  int rung = 1;
  uint64_t seed = 0;
  double coefficient = 1;
  int64_t step = 0, steps = 0;
  double cross_entropy = 0;  // training loss of that step, nats per token
  double seconds = 0;
};

struct SearchStatus {
  std::string phase;               // "built-ins", "search", "stopping", "ended"
  double seconds = 0;              // searching, over all starts of the run
  double max_seconds = 0;          // 0: no limit
  int64_t evaluations = 0;         // finished, over all starts
  int64_t max_evaluations = 0;     // 0: no limit
  int64_t failed_evaluations = 0;  // finished with another outcome than OK
  int64_t candidates = 0;          // known, built-ins not counted
  int64_t measured = 0;            // of those, with an estimate at some rung
  int64_t failed = 0;              // of those, given up because an evaluation failed
  int64_t waiting = 0;             // of those, not yet started
  int64_t proposals = 0;
  int64_t rejected = 0;          // of those, not accepted
  int64_t drafts = 0;            // waiting on models
  int64_t asked = 0;             // drafts so far
  double usd = 0;                // of all that has been answered
  int64_t tokens = 0;            // trained in finished evaluations, over all starts
  std::vector<int64_t> at_rung;  // [r - 1]: candidates with an estimate at rung r
  std::vector<OperatorCount> operators;
  std::vector<RunningEvaluation> running;
  std::optional<BestSoFar> best;
};

// What is done is stored with the next kStored; a crash before it undoes it.
enum class SearchEventKind : uint8_t {
  kProposing,  // a proposal is about to be made
  kProposed,   // it is made; `text` is the reason ("accepted", "identity", ...)
  kStarted,    // an evaluation is begun and handed to the evaluator
  kFinishing,  // its result has arrived
  kFinished,   // it is taken, with `outcome`
  kAsked,      // a draft's question is handed to a model; `text` is the model's name
  kAnswered,   // an answer has been used; `text` is how the call ended
  kPaused,     // nothing new is found: no proposals until another result
  kClosed,     // a model is not asked any more; `name` is the model, `text` says why
  kRetried,    // it came back without a verdict (INFRA) and will run again; `text` says why
  kStored,     // the archive holds all of the above
};

struct SearchEvent {
  SearchEventKind kind = SearchEventKind::kProposing;
  int64_t number = 0;          // of the proposal or draft, from 1; or the evaluation's id
  std::string identity, name;  // of the candidate, where there is one
  std::string text;
  int rung = 0;  // of an evaluation, as all below
  uint64_t seed = 0;
  double coefficient = 0;
  Outcome outcome = Outcome::kOk;
  double seconds = 0;
};

// Called on the search's own thread; must not block for long and must not throw.
class SearchObserver {
 public:
  virtual ~SearchObserver() = default;
  virtual void status(const SearchStatus&) {}  // at most twice a second, and once at the end
  virtual void event(const SearchEvent&) {}
};

}  // namespace ballast::orchestrator
