#include "orchestrator/surrogate_sandbox.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "candidate/parse.h"
#include "common/error.h"

namespace ballast::orchestrator {
namespace {

constexpr int kTries = 5;
constexpr double kLevel = 2.5;  // nats per byte; any number does, since only differences count

std::string identity_of(const std::string& source) {
  const candidate::ParseResult parsed = candidate::parse(source);
  return parsed.program ? parsed.program->identity : source;
}

// The "weights" are the objective that scoring them finds.
Tensors weights_of(double objective) {
  Tensors t;
  t.infos = {{"surrogate.objective", "int64", {1}}};
  t.bytes.resize(sizeof objective);
  std::memcpy(t.bytes.data(), &objective, sizeof objective);
  return t;
}

}  // namespace

ProbedText ProbeMemory::get(const std::string& source) {
  {
    const std::lock_guard lock(mutex_);
    const auto it = known_.find(source);
    if (it != known_.end()) return it->second;
  }
  ProbedText text;
  for (int i = 0; i < kTries; ++i) {
    text.probe = probes_.probe({1, source, ""}, limits_);
    if (text.probe.outcome != Outcome::kInfra) break;
  }
  require(text.probe.outcome != Outcome::kInfra, "probing a text failed " + std::to_string(kTries) +
                                                     " times through no fault of its own: " +
                                                     text.probe.message + "; see `ballast doctor`");
  if (text.probe.outcome == Outcome::kOk) {
    text.only_bias = text.probe.has_bias && !text.probe.has_loss;
    text.prediction = surrogate_.predict(text.probe.fingerprint, text.only_bias);
  }
  const std::lock_guard lock(mutex_);
  return known_.emplace(source, std::move(text)).first->second;
}

int64_t ProbeMemory::texts() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int64_t>(known_.size());
}

bool TokenLedger::charge(int64_t tokens) {
  int64_t left = left_;
  while (left >= tokens)
    if (left_.compare_exchange_weak(left, left - tokens)) return true;
  return false;
}

TrainResult SurrogateSandbox::train(const TrainJob& job, const evaluator::JobLimits& /*limits*/,
                                    const evaluator::OnProgress& /*on_progress*/,
                                    std::stop_token /*stop*/) {
  TrainResult result;
  result.attempt = job.attempt;
  result.outcome = Outcome::kOk;
  double difference = 0;
  if (!job.balancer.builtin.empty()) {
    const auto it = builtins_.find(job.balancer.builtin);
    if (it != builtins_.end())  // another one than the reference
      difference =
          surrogate_.measure({it->second, std::log(std::max(job.coefficient, 1e-9))},
                             "builtin:" + it->first, job.coefficient, job.tokens, job.seed);
  } else if (!ledger_.charge(job.tokens)) {
    result.outcome = Outcome::kCancelled;
    result.message = "the budget is spent";
    on_spent_();
    return result;
  } else {
    difference =
        surrogate_.measure(memory_.get(job.balancer.source).prediction,
                           identity_of(job.balancer.source), job.coefficient, job.tokens, job.seed);
  }
  result.metrics.arrays["train_layer_max_vio_global"] = {0};
  result.weights = weights_of(kLevel + difference);
  return result;
}

// All of the objective is cross-entropy, whichever objective it is.
ScoreResult SurrogateSandbox::score(const ScoreJob& job, const evaluator::JobLimits& /*limits*/,
                                    std::stop_token /*stop*/) {
  ScoreResult result;
  result.attempt = job.attempt;
  result.outcome = Outcome::kOk;
  double objective = 0;
  require(job.weights.bytes.size() == sizeof objective, "these weights are no surrogate's");
  std::memcpy(&objective, job.weights.bytes.data(), sizeof objective);
  result.metrics.scalars = {
      {"cross_entropy", objective}, {"max_vio_global", 0}, {"l1_imbalance", 0}};
  result.metrics.arrays["layer_max_vio_global"] = {0};
  return result;
}

ProbeResult SurrogateSandbox::probe(const ProbeJob& job, const evaluator::JobLimits& /*limits*/) {
  ProbeResult result = memory_.get(job.source).probe;
  result.attempt = job.attempt;
  return result;
}

}  // namespace ballast::orchestrator
