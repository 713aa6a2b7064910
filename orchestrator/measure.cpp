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

ShrunkError shrunk_error(const PairedEstimate& e, const PooledDeviation& pooled,
                         double prior_freedom) {
  const auto n = static_cast<double>(e.pairs);
  const double d0 = std::min(prior_freedom, pooled.freedom);
  const double own = e.standard_error ? *e.standard_error * *e.standard_error * n : 0;
  const double freedom = d0 + n - 1;
  if (!(freedom > 0)) return {0, 0};
  const double variance = (d0 * pooled.deviation * pooled.deviation + (n - 1) * own) / freedom;
  return {std::sqrt(variance / n), freedom};
}

namespace {
double beta_fraction(double a, double b, double x) {
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (std::abs(d) < 1e-300 ? 1e-300 : d);
  double h = d;
  for (int m = 1; m < 500; ++m) {
    double y = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + y * d);
    c = 1 + y / c;
    h *= d * c;
    y = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + y * d);
    c = 1 + y / c;
    h *= d * c;
    if (std::abs(d * c - 1) < 1e-14) break;
  }
  return h;
}
double beta_cdf(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log(1 - x));
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                   : 1 - front * beta_fraction(b, a, 1 - x) / b;
}
}  // namespace

double student_quantile(double p, double freedom) {
  if (p < 0.5) return -student_quantile(1 - p, freedom);
  double low = 0, high = 1e8;
  for (int i = 0; i < 200; ++i) {
    const double t = (low + high) / 2;
    const double tail = beta_cdf(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2;
    (1 - tail < p ? low : high) = t;
  }
  return low;
}

}  // namespace ballast::orchestrator
