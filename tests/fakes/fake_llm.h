// Language models without any network: what they answer is a function of what they are asked.
//
// The scripted model (scripted_reply) is a mixed lot, by a hash of the prompt and how often it was
// asked: about half of its texts are losses of one shape with constants near the landscape's best
// (fake_sandbox.h) or far from it; the rest are the parent again, text that does not parse or has
// no gradient, replies cut off, without code, refused, or lost to the network. What it is asked to
// mend it mends half of the time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "common/rng.h"
#include "orchestrator/llm/llm.h"
#include "population/archive.h"

namespace ballast::fakes {

orchestrator::LlmReply scripted_reply(const orchestrator::LlmCall& call, uint64_t seed);

// Writes the same rows that the real client writes. Not thread-safe.
class FakeLlm final : public orchestrator::Llm {
 public:
  using Script = std::function<orchestrator::LlmReply(const orchestrator::LlmCall&)>;

  FakeLlm(population::Archive& archive, Script script)
      : archive_(archive), script_(std::move(script)) {}

  // An answer comes after so many calls of wait() at most, in any order; 0: at once.
  int64_t latest = 0;
  double usd = 0.001;            // of every call
  std::function<void()> notify;  // called while something waits: look again soon

  int64_t submit(const orchestrator::LlmCall& call) override;
  std::optional<orchestrator::LlmAnswer> wait(double seconds) override;
  void cancel(int64_t ticket) override;
  int64_t pending() const override { return static_cast<int64_t>(waiting_.size()); }

  int64_t most_pending() const { return most_; }

 private:
  struct Waiting {
    int64_t row = 0, looks = 0;
    bool cancelled = false;
    orchestrator::LlmCall call;
  };

  population::Archive& archive_;
  const Script script_;
  Rng rng_{1, "fake models"};
  std::map<int64_t, Waiting> waiting_;  // by ticket
  int64_t last_ticket_ = 0, most_ = 0;
};

}  // namespace ballast::fakes
