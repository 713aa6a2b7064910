// Recorded evaluations trained once more, compared bit for bit.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "evaluator/evaluator.h"
#include "population/reader.h"

namespace ballast::orchestrator {

struct Retrained {
  int64_t id = 0;          // of the evaluation
  std::string name;        // of what was trained
  int64_t values = 0;      // compared
  std::string difference;  // the first that differs; empty: same outcome, same bits
};

// Which rows a comparison of `count` is made on: successful ones of this build and spec, spread
// evenly over the run. Fewer when there are not so many.
std::vector<size_t> rows_to_retrain(const population::Record& record, const std::string& build,
                                    const std::string& spec_hash, size_t count);

// "" when all values are the same bits; tokens_per_second is a duration and left out.
std::string metric_difference(const Metrics& recorded, const Metrics& now);
int64_t values_compared(const Metrics& metrics);

// Trains those rows. `progress_tokens` as in the run: tokens of its last rung. What was not
// finished when `stop` was requested is left out.
std::vector<Retrained> retrain(const population::Record& record, const std::vector<size_t>& rows,
                               int64_t progress_tokens, evaluator::Evaluator& evaluator,
                               const std::function<void(size_t done)>& on_progress,
                               std::stop_token stop);

}  // namespace ballast::orchestrator
