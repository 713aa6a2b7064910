// The pool that turns evaluation requests into stored-ready results: one training per core.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "evaluator/sandbox.h"

namespace ballast::evaluator {

// One training run and its score: one candidate or built-in, one rung, one seed, one coefficient.
struct EvaluationRequest {
  int64_t id = 0;  // the caller's; comes back with the result
  int64_t attempt = 1;
  BalancerRef balancer;
  double coefficient = 1;
  double unit = 1;
  uint64_t seed = 1;
  int64_t tokens = 0;
  int64_t progress_tokens = 0;
};

struct EvaluationResult {
  int64_t id = 0;
  int64_t attempt = 1;
  Outcome outcome = Outcome::kInfra;
  std::string message;
  Metrics metrics;     // of training and score together; empty unless kOk
  double seconds = 0;  // wall time of both processes
  std::string sandbox_level;
};

// Where data lies outside the sandbox.
struct EvaluatorConfig {
  TrainSpec spec;
  std::string data_folder;
  std::vector<std::string> domains;
  std::string score_split = "select";
  std::string device = "cpu";
  JobLimits limits;
  int workers = 1;  // trainings at once
};

// Owns `workers` threads, each running one request at a time: a train job, then a score job with
// the weights it returned. INFRA outcomes are retried here (twice). Thread-safe. A replay hands the
// search another one, which answers from a record.
class Evaluator {
 public:
  Evaluator(EvaluatorConfig config, Sandbox& sandbox, const Clock& clock);
  virtual ~Evaluator();  // cancels what runs and joins

  virtual void submit(EvaluationRequest request);  // never blocks; queued in order
  // The next finished result, waiting at most `seconds`. Rethrows what a job threw: an Error of the
  // sandbox that no job can mend; that job gives no result then.
  virtual std::optional<EvaluationResult> wait(double seconds);
  // From any thread: a wait() that is under way, else the next one with `seconds` above 0, returns
  // at once.
  virtual void wake();
  // Requests submitted whose result has not been handed out.
  virtual int pending() const;
  virtual int running() const;
  virtual int workers() const;
  // Progress of what runs now, for the progress line: one entry per busy worker.
  struct Running {
    int64_t id;
    Progress progress;
    double seconds;
  };
  virtual std::vector<Running> now() const;
  // Drops queued requests, stops running jobs; each still comes back, as kCancelled.
  virtual void cancel();

 protected:
  Evaluator();  // without threads: every method is another class's

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ballast::evaluator
