// An Llm that answers from what an archive recorded, without any network.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "orchestrator/llm/llm.h"
#include "population/archive.h"

namespace ballast::orchestrator {

// Hands out an answer when it is told to (give), and never by itself: the one who repeats the run
// knows the order.
class ReplayLlm final : public Llm {
 public:
  // `recorded`: the calls of the run that is repeated, of which those count whose answer was used;
  // `archive`: where this run writes its own rows. A call belongs to a draft: the n-th call of a
  // draft gets the draft's n-th answer.
  ReplayLlm(const std::vector<population::CallRow>& recorded, population::Archive& archive);

  // Throws Error when the recorded call asked another model or another prompt. A call without a
  // recorded answer waits for ever.
  int64_t submit(const LlmCall& call) override;
  std::optional<LlmAnswer> wait(double seconds) override;
  void cancel(int64_t ticket) override;
  int64_t pending() const override;

  // The answer of the recorded call with this row goes to the next wait(); false when nobody has
  // asked for it.
  bool give(int64_t recorded_call);

 private:
  struct Waiting {
    int64_t row = 0;  // of `archive_`
    const population::CallRow* recorded = nullptr;
    int64_t draft = 0;
  };
  LlmAnswer finish(int64_t ticket, const Waiting& waiting, LlmReply reply, double usd);

  population::Archive& archive_;
  std::map<int64_t, std::vector<population::CallRow>> recorded_;  // by draft
  std::map<int64_t, size_t> given_;                               // by draft: answers so far
  std::map<int64_t, Waiting> waiting_;                            // by ticket
  std::deque<LlmAnswer> answers_;
  int64_t last_ticket_ = 0;
};

}  // namespace ballast::orchestrator
