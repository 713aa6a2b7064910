// An Llm whose embedding model runs on this machine: calls of that one model go to a function, all
// others to another Llm. What is stored is the same as for a model behind an address, but for
// attempts, of which there are none: nothing is sent, and nothing is paid.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/job.h"
#include "orchestrator/llm/llm.h"
#include "population/archive.h"

namespace ballast::orchestrator {

class LocalEmbedder final : public Llm {
 public:
  // The vector of one text; may take its time, and throw. Called on a thread of its own, one call
  // at a time, in the order asked.
  using Embed = std::function<EmbedResult(const std::string& text)>;

  // `notify`: called on that thread when wait() has an answer; may be empty. Tickets of `others`
  // are positive. A text without a vector is BAD_REQUEST: asking again would change nothing.
  LocalEmbedder(Model model, Embed embed, Llm& others, population::Archive& archive,
                const Clock& clock, std::function<void()> notify);
  ~LocalEmbedder() override;  // waits for the text under way

  int64_t submit(const LlmCall& call) override;
  std::optional<LlmAnswer> wait(double seconds) override;
  void cancel(int64_t ticket) override;
  int64_t pending() const override;

 private:
  struct Waiting {
    int64_t row = 0;  // of the archive
    std::string text;
    double started = 0;
    bool sent = false;  // to the thread
  };
  using Done = std::pair<int64_t, EmbedResult>;

  void work();
  void send_new();
  std::optional<LlmAnswer> take(double seconds);
  LlmAnswer finish(int64_t ticket, const Waiting& waiting, LlmReply reply);

  const Model model_;
  const Embed embed_;
  Llm& others_;
  population::Archive& archive_;
  const Clock& clock_;
  const std::function<void()> notify_;
  std::map<int64_t, Waiting, std::greater<>> waiting_;  // by ticket; ours are -1, -2, ...
  std::deque<LlmAnswer> answers_;                       // cancelled ones
  int64_t last_ticket_ = 0;

  std::mutex mutex_;
  // Guarded by mutex_:
  std::condition_variable changed_;
  std::deque<std::pair<int64_t, std::string>> texts_;
  std::deque<Done> done_;
  bool ending_ = false;

  std::thread thread_;  // last: uses all of the above
};

}  // namespace ballast::orchestrator
