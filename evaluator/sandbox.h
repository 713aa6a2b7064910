// One of the three seams: runs a job where it can do no harm, and says how it ended.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "common/error.h"
#include "common/job.h"

namespace ballast::evaluator {

// Judged from outside the job's process.
struct JobLimits {
  double seconds = 600;        // wall clock of the whole job, from when the trainer has started
  double stall_seconds = 120;  // without a heartbeat
  int64_t memory_bytes = int64_t{4} << 30;  // resident, of the whole process tree
  double start_seconds = 60;  // for the trainer's start (libraries, lockdown); longer is INFRA
};

using OnProgress = std::function<void(const Progress&)>;

class Sandbox {
 public:
  virtual ~Sandbox() = default;

  // Each blocks until the job has ended, one way or another: a job that crashes, hangs, floods or
  // speaks nonsense gives a result with that outcome, never an exception. Error is for what no job
  // can mend (no bubblewrap, no trainer binary). A requested stop ends the job with kCancelled.
  // Thread-safe: one call per thread at a time, any number of threads.
  virtual TrainResult train(const TrainJob& job, const JobLimits& limits,
                            const OnProgress& on_progress, std::stop_token stop) = 0;
  virtual ScoreResult score(const ScoreJob& job, const JobLimits& limits, std::stop_token stop) = 0;
  // Probes share one warm process, replaced whenever it dies.
  virtual ProbeResult probe(const ProbeJob& job, const JobLimits& limits) = 0;

  // The same, with a process of their own, which holds the encoder. A sandbox without one throws
  // Error.
  virtual EmbedResult embed(const EmbedJob& job, const JobLimits& limits) {
    (void)job, (void)limits;
    throw Error("this sandbox embeds no texts");
  }

  // "L3" (namespaces, ...) down to "L0" (nothing; only when the user accepted that); stored with
  // each score. docs/design.md, section 6.
  virtual std::string level() const = 0;
};

}  // namespace ballast::evaluator
