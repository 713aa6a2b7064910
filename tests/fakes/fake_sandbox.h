// Sandbox without processes: what a training would have measured is computed from the candidate's
// text, coefficient and seed by a known landscape, so that a test can ask whether a search got
// better.
//
// The landscape, of a candidate text:
//   structure  in [0,1], from a hash of the text without its numbers and white space: what edits of
//   the
//              program's form (mutate, splice, a model's rewrite) explore; no slope, pure luck
//   constants  in [0,1], 0 when every number in the text is kBestConstant, growing with the mean
//              distance |ln(c / kBestConstant)|; 1 for a text without numbers: what `tune` can
//              climb
//   defect     = 0.6 structure + 0.4 constants: 0 is the best candidate there can be
// and of one evaluation:
//   MaxVio     falls with coefficient * strength, where strength in [1/2, 2] comes from the
//   structure; so each
//              structure has a best coefficient of its own
//   cross entropy = 2 + 0.5 exp(-tokens / 300k) + 0.04 defect + 0.01 coefficient * strength
//              + seed effect (sd 0.01; the same for every candidate: paired seeds cancel it)
//              + noise (sd `noise`; own to text, coefficient and seed)
// Built-ins: "none" has no balance at all; micro_lbl, global_lbl, loss_free have defects 0.6, 0.5,
// 0.45.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "evaluator/sandbox.h"

namespace ballast::fakes {

inline constexpr double kBestConstant = 0.37;

double structure_of(std::string_view source);
double constants_of(std::string_view source);
double defect_of(const BalancerRef& balancer);

// What a training with these inputs measures. Deterministic.
struct Measured {
  double cross_entropy = 0;  // nats per token, held out
  double max_vio = 0;
};
Measured measure(const TrainJob& job, double noise);

class FakeSandbox final : public evaluator::Sandbox {
 public:
  // Answers instead of the landscape when it returns a reply whose outcome is not kOk. Called under
  // a lock, so it may count. Empty: no scripted failures.
  template <class Job>
  using Script = std::function<std::optional<Reply>(const Job&)>;

  double noise = 0.0015;  // nats
  double latency = 0;     // real seconds of each train and score job; a stop cuts it short
  std::string sandbox_level = "L3";
  Script<TrainJob> train_script;
  Script<ScoreJob> score_script;
  Script<ProbeJob> probe_script;

  TrainResult train(const TrainJob& job, const evaluator::JobLimits& limits,
                    const evaluator::OnProgress& on_progress, std::stop_token stop) override;
  ScoreResult score(const ScoreJob& job, const evaluator::JobLimits& limits,
                    std::stop_token stop) override;
  // kStaticReject for a text with neither hook. The fingerprint depends on the structure, and
  // smoothly on the constants.
  ProbeResult probe(const ProbeJob& job, const evaluator::JobLimits& limits) override;
  std::string level() const override { return sandbox_level; }

  // Jobs so far, and the most that were running at once.
  int trains() const;
  int scores() const;
  int probes() const;
  int most_at_once() const;
  std::vector<TrainJob> trained() const;  // in order of arrival

 private:
  class Running;
  bool wait_latency(std::stop_token stop);  // false when stopped

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::condition_variable_any never_;
  std::vector<TrainJob> trained_;
  int scores_ = 0, probes_ = 0, running_ = 0, most_ = 0;
};

}  // namespace ballast::fakes
