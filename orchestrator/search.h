// The search: proposes candidates, has them evaluated, stores everything before it is used.
//
// Every decision is a function of the archive's rows, the configuration and the run's seed, so that
// a search that was stopped or killed goes on exactly where it was. With one worker two runs of the
// same configuration leave the same archive (digest.h); with more, the order in which results
// arrive decides as well, and so do the answers of language models.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "common/clock.h"
#include "evaluator/evaluator.h"
#include "evaluator/sandbox.h"
#include "orchestrator/llm/llm.h"
#include "orchestrator/search_config.h"
#include "orchestrator/search_status.h"
#include "orchestrator/verdict.h"
#include "population/archive.h"

namespace ballast::orchestrator {

struct SearchEnd {
  // "max_evaluations", "max_seconds", "budget" (a ceiling on language models left no room for a
  // call, and all there was has been measured), "interrupted", or "exhausted" (the operators found
  // nothing new and nothing was left to evaluate).
  std::string reason;
  SearchStatus status;
  Verdict verdict;
};

// Throws Error (usage) naming what is wrong with a configuration.
void validate(const SearchConfig& config);

// Not thread-safe: one thread runs it. Borrows everything but the configuration.
class Search {
 public:
  // `llm`: answers for the models that the configuration names; nullptr where it names none. For
  // answers to be used at once, it calls evaluator.wake() when there is one.
  Search(SearchConfig config, population::Archive& archive, evaluator::Evaluator& evaluator,
         evaluator::Sandbox& probes, const Clock& clock, SearchObserver& observer,
         Llm* llm = nullptr);
  ~Search();

  // Once. Starts or resumes, and returns when a budget is spent or `stop` is requested: what runs
  // is then cancelled and runs again on the next start. Throws Error when the archive belongs to
  // another run, or when the machine fails for good; what was stored stays.
  SearchEnd run(std::stop_token stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ballast::orchestrator
