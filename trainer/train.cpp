#include "trainer/train.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "common/clock.h"
#include "common/error.h"
#include "trainer/batches.h"
#include "trainer/curve.h"
#include "trainer/interpreter.h"
#include "trainer/pch.h"
#include "trainer/schedule.h"
#include "trainer/stepper.h"
#include "trainer/tokens.h"
#include "trainer/weights.h"

namespace ballast::trainer {
namespace {

constexpr double kHeartbeat = 0.5;   // seconds between progress reports
constexpr double kDivergence = 1.0;  // nats above log(vocabulary): worse than knowing nothing
constexpr double kSmoothing = 0.9;   // of the loss that is judged

struct Failure {
  Outcome outcome;
  std::string message;
};

TrainResult reply(const TrainJob& job, const Failure& failure) {
  TrainResult result;
  result.attempt = job.attempt;
  result.outcome = failure.outcome;
  result.message = failure.message;
  return result;
}

// Judges a run by its step statistics.
class Watch {
 public:
  explicit Watch(const ModelSpec& model)
      : limit_(std::log(static_cast<double>(model.vocab)) + kDivergence) {}

  std::optional<Failure> check(const StepStats& s, int64_t step) {
    const auto nonfinite = [&](const char* what) {
      return Failure{Outcome::kNonfinite,
                     std::string(what) + " is not finite at step " + std::to_string(step + 1)};
    };
    if (!std::isfinite(s.balance_loss)) return nonfinite("the balance loss");
    if (!std::isfinite(s.balance_grad_norm)) return nonfinite("the balance loss's gradient");
    if (!s.bias_finite) return nonfinite("the selection bias");
    if (!std::isfinite(s.cross_entropy)) return nonfinite("the cross-entropy");
    if (!std::isfinite(s.grad_norm)) return nonfinite("the gradient");
    smooth_ =
        step == 0 ? s.cross_entropy : kSmoothing * smooth_ + (1 - kSmoothing) * s.cross_entropy;
    if (smooth_ <= limit_) return std::nullopt;
    return Failure{Outcome::kDiverged, "the training loss ran away: " + std::to_string(smooth_) +
                                           " nats per token at step " + std::to_string(step + 1) +
                                           ", limit " + std::to_string(limit_)};
  }

 private:
  double limit_, smooth_ = 0;
};

at::Device device_of(const std::string& name) {
  try {
    const at::Device device(name);
    if (device.is_cpu() || at::globalContext().hasCUDA()) return device;
  } catch (const c10::Error&) {
  }
  throw Error("device \"" + name + "\" is not to be had here: use \"cpu\"", ExitCode::kUsage);
}

void check_job(const TrainJob& job) {
  check_model(job.spec.model);
  check_schedule(job.spec.schedule);
  require(job.data.split == "train",
          "a train job reads the split \"train\", not \"" + job.data.split + "\"");
  require(std::isfinite(job.coefficient) && std::isfinite(job.unit),
          "coefficient and unit must be finite numbers");
  const int64_t least = tokens_per_step(job.spec.schedule);
  if (job.tokens < least)
    throw Error("a budget of " + std::to_string(job.tokens) + " tokens is less than one step of " +
                    std::to_string(least),
                ExitCode::kUsage);
}

// A text that does not parse is told from one that fails on these sizes.
class StaticReject : public CandidateError {
 public:
  using CandidateError::CandidateError;
};

Balancer balancer_of(const TrainJob& job) {
  try {
    return make_balancer(job.balancer, job.spec.schedule);
  } catch (const CandidateError& e) {
    throw StaticReject(e.what());
  }
}

Stepper make_stepper(const TrainJob& job) {
  Balancer balancer = balancer_of(job);
  const double bias_rate = balancer.loss ? 1.0 : job.coefficient;
  return {job.spec, std::move(balancer),  job.coefficient * job.unit, bias_rate,
          job.seed, device_of(job.device)};
}

TrainResult train(const TrainJob& job, const std::function<void(const Progress&)>& on_progress) {
  check_job(job);
  const SystemClock clock;
  const double start = clock.monotonic();
  const Corpus corpus = open_corpus(job.data, job.spec.schedule.sequence + 1);
  Stepper stepper = make_stepper(job);
  const int64_t step_tokens = tokens_per_step(job.spec.schedule), steps = job.tokens / step_tokens;
  const auto horizon = static_cast<double>(std::max(job.progress_tokens, job.tokens));
  TrainMetrics metrics(job.spec, steps, job.curve_points);
  Watch watch(job.spec.model);
  double reported = start;
  for (int64_t step = 0; step < steps; ++step) {
    const StepStats stats = stepper.step(train_step_batches(corpus, job.spec, job.seed, step),
                                         learning_rate(job.spec.schedule, step, steps),
                                         static_cast<double>(step * step_tokens) / horizon);
    if (const std::optional<Failure> failure = watch.check(stats, step))
      return reply(job, *failure);
    metrics.add(stats);
    const double now = clock.monotonic();
    if (now - reported < kHeartbeat && step + 1 < steps) continue;
    reported = now;
    on_progress({job.attempt, step + 1, steps, stats.cross_entropy});
  }
  TrainResult result = reply(job, {Outcome::kOk, ""});
  result.metrics = metrics.finish();
  result.metrics.scalars["tokens_per_second"] =
      static_cast<double>(steps * step_tokens) / (clock.monotonic() - start);
  result.weights = export_weights(stepper.parameters(), stepper.routers().bias);
  return result;
}

// LibTorch's messages carry a stack; people need the first line.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

void prepare_process() {
  at::set_num_threads(1);
  at::globalContext().setFlushDenormal(true);
}

TrainResult run_train(const TrainJob& job,
                      const std::function<void(const Progress&)>& on_progress) {
  prepare_process();
  try {
    return train(job, on_progress);
  } catch (const StaticReject& e) {
    return reply(job, {Outcome::kStaticReject, first_line(e.what())});
  } catch (const CandidateError& e) {
    return reply(job, {Outcome::kContractViolation, first_line(e.what())});
  }
}

}  // namespace ballast::trainer
