// What a benchmark puts around the seams of a search to see where its time goes.
#pragma once

#include <time.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "evaluator/sandbox.h"
#include "orchestrator/llm/llm.h"

namespace ballast::bench {

inline double seconds_of(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}
inline double wall_seconds() { return seconds_of(CLOCK_MONOTONIC); }
inline double thread_seconds() { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }
inline double process_seconds() { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }

// Adds the CPU time of its thread to a sum while it lives.
class Timed {
 public:
  explicit Timed(double& sum) : sum_(sum), start_(thread_seconds()) {}
  ~Timed() { sum_ += thread_seconds() - start_; }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  double& sum_;
  double start_;
};

class MeteredLlm final : public orchestrator::Llm {
 public:
  explicit MeteredLlm(orchestrator::Llm& llm) : llm_(llm) {}

  int64_t submit(const orchestrator::LlmCall& call) override {
    const Timed timed(seconds);
    return llm_.submit(call);
  }
  std::optional<orchestrator::LlmAnswer> wait(double most) override {
    std::optional<orchestrator::LlmAnswer> answer;
    {
      const Timed timed(seconds);
      answer = llm_.wait(most);
    }
    if (answer) handed_out = thread_seconds() - seconds;
    return answer;
  }
  void cancel(int64_t ticket) override { llm_.cancel(ticket); }
  int64_t pending() const override { return llm_.pending(); }

  double seconds = 0;     // CPU time of the asking thread in here
  double handed_out = 0;  // CPU time of that thread elsewhere, when the last answer was given

 private:
  orchestrator::Llm& llm_;
};

class MeteredSandbox final : public evaluator::Sandbox {
 private:
  template <class Job>
  auto timed(Job&& job) {
    const double start = wall_seconds();
    double cpu = 0;
    auto result = [&] {
      const Timed timed(cpu);
      return job();
    }();
    const std::lock_guard lock(mutex_);
    job_seconds_ += cpu;
    jobs_.emplace_back(start, wall_seconds());
    return result;
  }

 public:
  explicit MeteredSandbox(evaluator::Sandbox& sandbox) : sandbox_(sandbox) {}

  TrainResult train(const TrainJob& job, const evaluator::JobLimits& limits,
                    const evaluator::OnProgress& on_progress, std::stop_token stop) override {
    return timed([&] { return sandbox_.train(job, limits, on_progress, stop); });
  }
  ScoreResult score(const ScoreJob& job, const evaluator::JobLimits& limits,
                    std::stop_token stop) override {
    return timed([&] { return sandbox_.score(job, limits, stop); });
  }
  ProbeResult probe(const ProbeJob& job, const evaluator::JobLimits& limits) override {
    const Timed timed(probe_seconds_);
    return sandbox_.probe(job, limits);
  }
  std::string level() const override { return sandbox_.level(); }

  // CPU time of jobs, and of probes (on the search's thread): no part of the daemon.
  double job_seconds() const {
    const std::lock_guard lock(mutex_);
    return job_seconds_;
  }
  double probe_seconds() const { return probe_seconds_; }
  // Wall time of all jobs between two moments.
  double busy(double from, double to) const {
    const std::lock_guard lock(mutex_);
    double sum = 0;
    for (const auto& [start, end] : jobs_)
      sum += std::max(0.0, std::min(end, to) - std::max(start, from));
    return sum;
  }

 private:
  evaluator::Sandbox& sandbox_;
  double probe_seconds_ = 0;
  mutable std::mutex mutex_;
  double job_seconds_ = 0;                       // guarded by mutex_
  std::vector<std::pair<double, double>> jobs_;  // likewise: start and end
};

}  // namespace ballast::bench
