// From stored metrics to numbers that candidates are ranked by.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/job.h"
#include "common/outcome.h"
#include "orchestrator/search_config.h"

namespace ballast::orchestrator {

double objective_of(const SearchConfig& config, const Metrics& metrics);

struct CoefficientTrial {
  double coefficient = 1;
  Outcome outcome = Outcome::kOk;
  double objective = 0;  // when kOk
};
std::optional<double> next_coefficient(std::span<const CoefficientTrial> trials, double centre,
                                       double step, int most);

struct PairedEstimate {
  int64_t pairs = 0;
  double mean = 0;
  std::optional<double> standard_error;
  bool operator==(const PairedEstimate&) const = default;
};
PairedEstimate paired(std::span<const double> differences);

struct PooledDeviation {
  double deviation = 0;  // of one paired difference; 0 when nothing has two pairs
  double freedom = 0;
};
struct ShrunkError {
  double value = 0;  // standard error of the mean
  double freedom = 0;
};
ShrunkError shrunk_error(const PairedEstimate& estimate, const PooledDeviation& pooled,
                         double prior_freedom);
double student_quantile(double probability, double freedom);

}  // namespace ballast::orchestrator
