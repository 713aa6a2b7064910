// The two jobs: train a model, score weights. One thread; bitwise repeatable on one machine and
// build.
#pragma once

#include <functional>

#include "common/job.h"

namespace ballast::trainer {

// One thread, denormals flushed: what both jobs need for speed and repeatability. Idempotent.
void prepare_process();

// Runs a step of a tiny model, so that whatever LibTorch loads, maps or measures on first use is
// done before the process gives up its system calls. Takes milliseconds; no thread stays.
void warm_up();

// Trains; calls on_progress about twice a second and after the last step. A candidate's fault is an
// outcome (STATIC_REJECT, CONTRACT_VIOLATION, NONFINITE, DIVERGED); Error is for a job that cannot
// be done at all (bad specification, missing data). How long a candidate may take is judged from
// outside.
TrainResult run_train(const TrainJob& job, const std::function<void(const Progress&)>& on_progress);

// Scores held-out data with the given weights and biases; nothing is updated. NONFINITE when the
// weights give no finite cross-entropy. Error as above.
ScoreResult run_score(const ScoreJob& job);

}  // namespace ballast::trainer
