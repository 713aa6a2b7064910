#include "evaluator/evaluator.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace ballast::evaluator {
namespace {

constexpr int kTries = 3;              // of a job that ends as INFRA
constexpr double kPauseSeconds = 0.2;  // before the next try

TrainJob train_job(const EvaluatorConfig& config, const EvaluationRequest& request) {
  TrainJob job;
  job.attempt = request.attempt;
  job.spec = config.spec;
  job.data = {config.data_folder, "train", config.domains};
  job.balancer = request.balancer;
  job.coefficient = request.coefficient;
  job.unit = request.unit;
  job.seed = request.seed;
  job.tokens = request.tokens;
  job.progress_tokens = request.progress_tokens;
  job.device = config.device;
  return job;
}

ScoreJob score_job(const EvaluatorConfig& config, const EvaluationRequest& request,
                   Tensors weights) {
  ScoreJob job;
  job.attempt = request.attempt;
  job.spec = config.spec;
  job.data = {config.data_folder, config.score_split, config.domains};
  job.tokens = config.spec.score_tokens;
  job.device = config.device;
  job.weights = std::move(weights);
  return job;
}

// The name of a number that is not finite; empty when all are. A score must not be built on one.
std::string nonfinite_name(const Metrics& metrics) {
  for (const auto& [name, value] : metrics.scalars)
    if (!std::isfinite(value)) return name;
  for (const auto& [name, values] : metrics.arrays)
    if (!std::ranges::all_of(values, [](double x) { return std::isfinite(x); })) return name;
  return "";
}

}  // namespace

struct Evaluator::State {
  State(EvaluatorConfig c, Sandbox& s, const Clock& k)
      : config(std::move(c)), sandbox(s), clock(k) {}

  struct Job {
    EvaluationRequest request;
    Progress progress;
    double started = 0;
    std::stop_source stop;
  };

  void work();
  EvaluationResult evaluate(Job& job);
  void train_and_score(Job& job, EvaluationResult& result);
  template <class Result>
  Result with_retries(const Job& job, const std::function<Result()>& run);

  const EvaluatorConfig config;
  Sandbox& sandbox;
  const Clock& clock;

  mutable std::mutex mutex;
  // Guarded by mutex:
  std::condition_variable_any changed;
  std::deque<EvaluationRequest> queue;
  std::map<std::thread::id, Job*> busy;
  std::deque<EvaluationResult> finished;
  bool woken = false;
  std::exception_ptr trouble;  // an Error that no job can mend
  int outstanding = 0;
  bool ending = false;

  std::vector<std::thread> threads;
};

Evaluator::Evaluator(EvaluatorConfig config, Sandbox& sandbox, const Clock& clock)
    : state_(std::make_unique<State>(std::move(config), sandbox, clock)) {
  for (int i = 0; i < state_->config.workers; ++i)
    state_->threads.emplace_back([state = state_.get()] { state->work(); });
}

Evaluator::Evaluator() = default;

Evaluator::~Evaluator() {
  if (!state_) return;
  Evaluator::cancel();  // not virtual here
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
  }
  state_->changed.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

void Evaluator::submit(EvaluationRequest request) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->queue.push_back(std::move(request));
    ++state_->outstanding;
  }
  state_->changed.notify_all();
}

void Evaluator::wake() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->woken = true;
  }
  state_->changed.notify_all();
}

std::optional<EvaluationResult> Evaluator::wait(double seconds) {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait_for(lock, std::chrono::duration<double>(seconds), [this] {
    return !state_->finished.empty() || state_->trouble || state_->woken;
  });
  if (seconds > 0) state_->woken = false;
  if (!state_->finished.empty()) {
    EvaluationResult result = std::move(state_->finished.front());
    state_->finished.pop_front();
    --state_->outstanding;
    return result;
  }
  if (state_->trouble) std::rethrow_exception(std::exchange(state_->trouble, nullptr));
  return std::nullopt;
}

int Evaluator::pending() const {
  const std::lock_guard lock(state_->mutex);
  return state_->outstanding;
}

int Evaluator::running() const {
  const std::lock_guard lock(state_->mutex);
  return static_cast<int>(state_->busy.size());
}

int Evaluator::workers() const { return state_->config.workers; }

std::vector<Evaluator::Running> Evaluator::now() const {
  const std::lock_guard lock(state_->mutex);
  const double t = state_->clock.monotonic();
  std::vector<Running> out;
  for (const auto& [thread, job] : state_->busy)
    out.push_back({job->request.id, job->progress, t - job->started});
  return out;
}

void Evaluator::cancel() {
  {
    const std::lock_guard lock(state_->mutex);
    for (EvaluationRequest& request : state_->queue) {
      EvaluationResult result;
      result.id = request.id;
      result.attempt = request.attempt;
      result.outcome = Outcome::kCancelled;
      result.message = "cancelled before it started";
      result.sandbox_level = state_->sandbox.level();
      state_->finished.push_back(std::move(result));
    }
    state_->queue.clear();
    for (const auto& [thread, job] : state_->busy) job->stop.request_stop();
  }
  state_->changed.notify_all();
}

void Evaluator::State::work() {
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [this] { return ending || !queue.empty(); });
      if (ending) return;
      job.request = std::move(queue.front());
      queue.pop_front();
      job.started = clock.monotonic();
      busy[std::this_thread::get_id()] = &job;
    }
    EvaluationResult result;
    std::exception_ptr error;
    try {
      result = evaluate(job);
    } catch (...) {
      error = std::current_exception();  // rethrown by wait()
    }
    {
      const std::lock_guard lock(mutex);
      busy.erase(std::this_thread::get_id());
      if (error) {
        trouble = error;
        --outstanding;
      } else {
        finished.push_back(std::move(result));
      }
    }
    changed.notify_all();
  }
}

EvaluationResult Evaluator::State::evaluate(Job& job) {
  EvaluationResult result;
  result.id = job.request.id;
  result.attempt = job.request.attempt;
  result.sandbox_level = sandbox.level();
  train_and_score(job, result);
  if (result.outcome != Outcome::kOk) result.metrics = {};
  result.seconds = clock.monotonic() - job.started;
  return result;
}

void Evaluator::State::train_and_score(Job& job, EvaluationResult& result) {
  auto take = [&result](Reply& reply) {
    result.outcome = reply.outcome;
    result.message = std::move(reply.message);
    return result.outcome == Outcome::kOk;
  };
  const OnProgress on_progress = [this, &job](const Progress& progress) {
    const std::lock_guard lock(mutex);
    job.progress = progress;
  };
  const TrainJob training = train_job(config, job.request);
  TrainResult trained = with_retries<TrainResult>(job, [&] {
    return sandbox.train(training, config.limits, on_progress, job.stop.get_token());
  });
  if (!take(trained)) return;
  const ScoreJob scoring = score_job(config, job.request, std::move(trained.weights));
  ScoreResult scored = with_retries<ScoreResult>(
      job, [&] { return sandbox.score(scoring, config.limits, job.stop.get_token()); });
  if (!take(scored)) return;
  result.metrics = std::move(scored.metrics);
  // The score wins should a training ever claim one of its names: who trains does not score.
  result.metrics.scalars.merge(trained.metrics.scalars);
  result.metrics.arrays.merge(trained.metrics.arrays);
  if (const std::string name = nonfinite_name(result.metrics); !name.empty()) {
    result.outcome = Outcome::kNonfinite;
    result.message = "the metric " + name + " is not finite";
  }
}

template <class Result>
Result Evaluator::State::with_retries(const Job& job, const std::function<Result()>& run) {
  const std::stop_token stop = job.stop.get_token();
  for (int attempt = 1;; ++attempt) {
    Result result = run();
    if (result.outcome != Outcome::kInfra || attempt == kTries) return result;
    std::unique_lock lock(mutex);
    changed.wait_for(lock, stop, std::chrono::duration<double>(kPauseSeconds),
                     [] { return false; });
    if (!stop.stop_requested()) continue;
    result.outcome = Outcome::kCancelled;
    return result;
  }
}

}  // namespace ballast::evaluator
