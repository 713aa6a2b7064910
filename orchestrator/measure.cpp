#include "orchestrator/measure.h"

#include <algorithm>
#include <cmath>

#include "common/error.h"

namespace ballast::orchestrator {

double objective_of(const SearchConfig& config, const Metrics& metrics) {
  const auto scalar = [&](const char* name) {
    const auto it = metrics.scalars.find(name);
    if (it == metrics.scalars.end()) throw Error(std::string("metric ") + name + " is missing");
    return it->second;
  };
  const auto& held = metrics.arrays.at("layer_max_vio_global");
  const auto& train = metrics.arrays.at("train_layer_max_vio_global");
  double excess = 0;
  for (size_t l = 0; l < held.size(); ++l)
    excess += std::max(0.0, std::max(held[l], train[l]) - config.target);
  return scalar("cross_entropy") + config.mu * excess / static_cast<double>(held.size());
}

std::optional<double> next_coefficient(std::span<const CoefficientTrial> trials, double centre,
                                       double step, int most) {
  if (trials.empty()) return centre;
  if (static_cast<int>(trials.size()) >= most) return std::nullopt;
  const CoefficientTrial* best = nullptr;
  double low = centre, high = centre;
  for (const CoefficientTrial& t : trials) {
    low = std::min(low, t.coefficient);
    high = std::max(high, t.coefficient);
    if (t.outcome == Outcome::kOk && (!best || t.objective < best->objective)) best = &t;
  }
  if (!best) return low / step;
  if (best->coefficient >= high) return high * step;
  if (best->coefficient <= low) return low / step;
  return std::nullopt;
}

PairedEstimate paired(std::span<const double> d) {
  PairedEstimate out;
  out.pairs = static_cast<int64_t>(d.size());
  double sum = 0, squares = 0;
  for (const double x : d) sum += x;
  const auto n = static_cast<double>(d.size());
  out.mean = sum / n;
  for (const double x : d) squares += (x - out.mean) * (x - out.mean);
  if (d.size() >= 2) out.standard_error = std::sqrt(squares / (n - 1) / n);
  return out;
}

}  // namespace ballast::orchestrator
