// Repeats a recorded run: the real search, told by the record how each evaluation ended, and when.
//
// What is done again: every decision (who becomes a parent, which operator, what is evaluated next,
// every estimate), every operator, the parser, and every contract probe. What is taken from the
// record: texts that the search was started from, outcomes and metrics of evaluations, and the
// order in which proposals, results, stops and starts came. Probes run again because the
// fingerprint of a proposal that was rejected for it is stored nowhere, and they take milliseconds.
//
// The order is that of the rows' times, and of the event "stopping" that a search leaves when it
// begins nothing new any more. With one worker no time matters; with several, a system clock that
// was set back while the search ran can make the replay part from the record (and say so).
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "evaluator/sandbox.h"
#include "orchestrator/search_config.h"
#include "population/archive.h"
#include "population/reader.h"

namespace ballast::orchestrator {

// What a start of the recorded run was told. Budgets in seconds are ignored, and so is where the
// texts to start from came from: those of the record are used.
using ConfigOfSession = std::function<SearchConfig(const population::SessionRow&)>;

struct ReplayProgress {
  int64_t proposals = 0, proposals_in_all = 0;
  int64_t evaluations = 0, evaluations_in_all = 0;
};

struct ReplayEnd {
  int64_t sessions = 0, proposals = 0, evaluations = 0;  // repeated
  bool interrupted = false;
  std::string recorded, repeated;  // digests; equal when the replay succeeded
  std::string difference;          // the first row that differs; empty when the digests are equal
  std::string trouble;  // an Error that ended a start early, as it may have in the record
};

// Throws Error when there is no run in the record, or when probing fails through no fault of a
// candidate. REQUIRES: `out` is empty.
ReplayEnd replay_run(const population::Record& record, const ConfigOfSession& config_of,
                     evaluator::Sandbox& probes, population::Archive& out,
                     const std::function<void(const ReplayProgress&)>& on_progress,
                     std::stop_token stop);

}  // namespace ballast::orchestrator
