// A sandbox that trains nothing: probes are real (and remembered), trainings are the surrogate's.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "evaluator/sandbox.h"
#include "orchestrator/search_config.h"
#include "orchestrator/surrogate.h"

namespace ballast::orchestrator {

// What the probe of a text says, and what the surrogate predicts for it.
struct ProbedText {
  ProbeResult probe;  // kOk, or why it is none
  Surrogate::Prediction prediction;
  bool only_bias = false;
};

// Each text is probed once, whoever asks. Thread-safe.
class ProbeMemory {
 public:
  ProbeMemory(const Surrogate& surrogate, evaluator::Sandbox& probes, evaluator::JobLimits limits)
      : surrogate_(surrogate), probes_(probes), limits_(limits) {}
  // Throws Error when probing fails again and again through no fault of the text.
  ProbedText get(const std::string& source);
  int64_t texts() const;

 private:
  const Surrogate& surrogate_;
  evaluator::Sandbox& probes_;
  const evaluator::JobLimits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, ProbedText> known_;  // guarded by mutex_
};

// Training tokens that a strategy may spend on texts; built-ins are free, since each needs them.
class TokenLedger {
 public:
  explicit TokenLedger(int64_t budget) : left_(budget), budget_(budget) {}
  bool charge(int64_t tokens);  // false, and nothing is charged, when they are not there
  int64_t spent() const { return budget_ - left_; }

 private:
  std::atomic<int64_t> left_;
  int64_t budget_;
};

class SurrogateSandbox final : public evaluator::Sandbox {
 public:
  // `builtins`: by name, how far they are from the reference, which is not among them. `on_spent`
  // is called, on the evaluator's thread, when a training was refused because the ledger had too
  // little left.
  SurrogateSandbox(const Surrogate& surrogate, ProbeMemory& memory,
                   std::map<std::string, double> builtins, TokenLedger& ledger,
                   std::function<void()> on_spent)
      : surrogate_(surrogate),
        memory_(memory),
        builtins_(std::move(builtins)),
        ledger_(ledger),
        on_spent_(std::move(on_spent)) {}

  TrainResult train(const TrainJob& job, const evaluator::JobLimits& limits,
                    const evaluator::OnProgress& on_progress, std::stop_token stop) override;
  ScoreResult score(const ScoreJob& job, const evaluator::JobLimits& limits,
                    std::stop_token stop) override;
  ProbeResult probe(const ProbeJob& job, const evaluator::JobLimits& limits) override;
  std::string level() const override { return "L3"; }  // nothing runs but probes

 private:
  const Surrogate& surrogate_;
  ProbeMemory& memory_;
  const std::map<std::string, double> builtins_;
  TokenLedger& ledger_;
  const std::function<void()> on_spent_;
};

}  // namespace ballast::orchestrator
