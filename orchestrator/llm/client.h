// The real Llm: asks providers, tries again what is transient, keeps to ceilings and rate limits,
// and stores every attempt before it is made and every answer before it is given.
//
// One thread uses it; the network has a thread of its own (transport.h), so any number of calls is
// in flight without one each. All waiting is measured on the Clock. Inside Archive::together()
// requests leave when that has ended: whoever waits there for an answer waits in vain.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/rng.h"
#include "orchestrator/llm/budget.h"
#include "orchestrator/llm/llm.h"
#include "orchestrator/llm/retry.h"
#include "orchestrator/llm/secret.h"
#include "orchestrator/llm/transport.h"
#include "population/archive.h"

namespace ballast::orchestrator {

struct ClientOptions {
  std::vector<Model> models;
  Ceilings ceilings;
  int64_t in_flight = 8;  // requests at a time
  // A reply that was cut off is asked for once more with twice the output tokens, money allowing.
  bool double_truncated = true;
  RetryPolicy retry;
  TransportLimits limits;
  uint64_t seed = 1;             // of the jitter between attempts
  std::function<void()> notify;  // called on the network's thread when wait() has something to do
};

struct ModelStatus {
  std::string name;
  bool closed = false;  // for good: wrong key, no money left there, no valid certificate, ...
  double wait = 0;      // seconds until it may be asked again; 0: now
  std::string reason;   // of either, for people
  int64_t in_flight = 0;
};

class Client final : public Llm {
 public:
  // Throws Error (usage) for a model without a known price, a usable key or address. What an
  // earlier process left under way is declared LOST and counts at its worst case.
  Client(ClientOptions options, population::Archive& archive, const Clock& clock);
  ~Client() override;  // drops what is in flight; its rows are LOST on the next start

  int64_t submit(const LlmCall& call) override;  // REQUIRES: call.model is one of the models
  std::optional<LlmAnswer> wait(double seconds) override;
  void cancel(int64_t ticket) override;
  int64_t pending() const override;

  std::vector<ModelStatus> models() const;
  const Budget& budget() const { return budget_; }
  // Whether a call was refused since no ceiling left room for it: the search can end.
  bool exhausted() const { return exhausted_; }

 private:
  struct Asked;
  struct Peer;

  void start_due();
  void start(Asked& asked, double now);
  bool hold_back(Asked& asked, Peer& peer, double now);
  void send(Asked& asked, Peer& peer, const Amount& worst);
  void take(const Exchange& exchange);
  static void check_length(Peer& peer, LlmReply& reply);
  void judge(Peer& peer, const Asked& asked, const LlmReply& reply, const Exchange& exchange,
             double now);
  bool go_on(Asked& asked, Peer& peer, const LlmReply& reply, const Exchange& exchange);
  void finish(Asked& asked, LlmReply reply);
  void refuse(Asked& asked, LlmOutcome outcome, const std::string& message);
  double now_unix() const { return static_cast<double>(clock_.wall_ns()) * 1e-9; }

  ClientOptions options_;
  population::Archive& archive_;
  const Clock& clock_;
  Rng rng_;
  Budget budget_;
  bool exhausted_ = false;
  std::vector<std::unique_ptr<Peer>> peers_;  // one a model
  int64_t last_ticket_ = 0;
  std::map<int64_t, std::unique_ptr<Asked>> asked_;  // by ticket: without an answer yet
  int64_t in_flight_ = 0;                            // attempts begun and not ended
  std::map<int64_t, int64_t> exchanges_;             // the transport's ticket -> ours
  std::deque<LlmAnswer> answers_;
  Transport transport_;
};

}  // namespace ballast::orchestrator
