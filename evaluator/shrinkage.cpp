#include "evaluator/shrinkage.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "evaluator/statistics.h"

namespace ballast::evaluator {
namespace {

constexpr double kMadToDeviation = 1.4826;  // 1 / quantile(0.75) of the standard normal
constexpr double kLeastSpread = 0.01;       // of the squared error
constexpr double kMostErrors = 2;           // that a mean is moved by

}  // namespace

std::optional<MeanPrior> mean_prior(size_t count, double centre, double deviation, double error) {
  if (count < 3) return std::nullopt;
  const double spread = kMadToDeviation * deviation;
  return MeanPrior{centre, std::max(spread * spread - error, kLeastSpread * error)};
}

std::optional<MeanPrior> fit_mean_prior(std::span<const Measured> measured) {
  if (measured.empty()) return std::nullopt;
  std::vector<double> means, errors, deviations;
  for (const Measured& m : measured) {
    means.push_back(m.mean);
    errors.push_back(m.standard_error * m.standard_error);
  }
  const double centre = median(means);
  for (const double mean : means) deviations.push_back(std::abs(mean - centre));
  return mean_prior(measured.size(), centre, median(std::move(deviations)),
                    median(std::move(errors)));
}

Measured shrink(const Measured& measured, const std::optional<MeanPrior>& prior) {
  const double own = measured.standard_error * measured.standard_error;
  if (!prior || own <= 0) return measured;
  const double weight = prior->variance / (prior->variance + own);  // of the measurement
  const double shift = (1 - weight) * (prior->mean - measured.mean);
  const double most = kMostErrors * measured.standard_error;
  if (std::abs(shift) > most)
    return {measured.mean + std::copysign(most, shift), measured.standard_error};
  return {measured.mean + shift, std::sqrt(weight * own)};
}

}  // namespace ballast::evaluator
