#include "evaluator/statistics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>
#include <numeric>

#include "evaluator/distributions.h"

namespace ballast::evaluator {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double own_df(const Summary& s) { return s.variance ? static_cast<double>(s.pairs - 1) : 0.0; }

}  // namespace

double median(std::vector<double> x) {
  const auto middle = x.begin() + static_cast<ptrdiff_t>(x.size() / 2);
  std::nth_element(x.begin(), middle, x.end());
  return x.size() % 2 == 1 ? *middle : 0.5 * (*std::max_element(x.begin(), middle) + *middle);
}

std::vector<double> paired_differences(std::span<const SeedScore> a, std::span<const SeedScore> b) {
  std::map<uint64_t, double> first;
  for (const SeedScore& s : a) {
    [[maybe_unused]] const bool is_new = first.emplace(s.seed, s.score).second;
    assert(is_new);
  }
  std::map<uint64_t, double> differences;
  for (const SeedScore& s : b) {
    const auto it = first.find(s.seed);
    if (it == first.end()) continue;
    [[maybe_unused]] const bool is_new = differences.emplace(s.seed, it->second - s.score).second;
    assert(is_new);
  }
  std::vector<double> out;
  for (const auto& [seed, difference] : differences) out.push_back(difference);
  return out;
}

std::optional<double> Summary::standard_error() const {
  if (!variance) return std::nullopt;
  return std::sqrt(*variance / static_cast<double>(pairs));
}

Summary summarise(std::span<const double> differences) {
  Summary s;
  s.pairs = static_cast<int64_t>(differences.size());
  if (s.pairs == 0) return s;
  const double n = static_cast<double>(s.pairs);
  s.mean = std::accumulate(differences.begin(), differences.end(), 0.0) / n;
  if (s.pairs < 2) return s;
  double squares = 0;
  for (const double x : differences) squares += (x - s.mean) * (x - s.mean);
  s.variance = squares / (n - 1);
  return s;
}

std::optional<VariancePrior> fit_prior(std::span<const Summary> summaries) {
  std::vector<double> variance, df;
  for (const Summary& s : summaries)
    if (s.variance) {
      variance.push_back(*s.variance);
      df.push_back(own_df(s));
    }
  VariancePrior prior;
  prior.pooled_df = std::accumulate(df.begin(), df.end(), 0.0);
  double pooled = 0;
  for (size_t i = 0; i < variance.size(); ++i) pooled += df[i] * variance[i] / prior.pooled_df;
  if (!(pooled > 0)) return std::nullopt;
  prior.variance = pooled;
  if (variance.size() < 3) return prior;

  // A variance of exactly 0 has no logarithm: lifted to 1e-5 of the median, as limma does.
  const double n = static_cast<double>(variance.size());
  const double floor = 1e-5 * std::max(median(variance), 1e-5 * pooled);
  double mean = 0, expected_spread = 0;
  std::vector<double> e;
  for (size_t i = 0; i < variance.size(); ++i) {
    e.push_back(std::log(std::max(variance[i], floor)) - digamma(df[i] / 2) + std::log(df[i] / 2));
    mean += e.back() / n;
    expected_spread += trigamma(df[i] / 2) / n;
  }
  double spread = 0;
  for (const double x : e) spread += (x - mean) * (x - mean) / (n - 1);
  if (spread <= expected_spread) {  // no more than chance: one variance for all
    prior.df = kInfinity;
    return prior;
  }
  prior.df = 2 * trigamma_inverse(spread - expected_spread);
  prior.variance = std::exp(mean + digamma(prior.df / 2) - std::log(prior.df / 2));
  return prior;
}

std::optional<Estimate> moderate(const Summary& summary,
                                 const std::optional<VariancePrior>& prior) {
  if (summary.pairs == 0) return std::nullopt;
  const double own = own_df(summary);
  const double borrowed = prior ? prior->df : 0;
  if (own + borrowed <= 0) return std::nullopt;
  double variance = 0;
  if (std::isinf(borrowed))
    variance = prior->variance;
  else
    variance = ((prior ? borrowed * prior->variance : 0) + own * summary.variance.value_or(0)) /
               (own + borrowed);
  const double df = prior ? std::min(own + borrowed, std::max(prior->pooled_df, own)) : own;
  return Estimate{summary.pairs, summary.mean,
                  std::sqrt(variance / static_cast<double>(summary.pairs)), df};
}

Interval confidence_interval(const Estimate& estimate, double level) {
  assert(level > 0 && level < 1);
  const double t = student_t_quantile(0.5 + level / 2, estimate.df);
  return {estimate.mean - t * estimate.standard_error, estimate.mean + t * estimate.standard_error};
}

double p_value(const Estimate& estimate) {
  if (estimate.standard_error == 0) return estimate.mean == 0 ? 1 : 0;
  return 2 * student_t_cdf(-std::fabs(estimate.mean / estimate.standard_error), estimate.df);
}

std::optional<Estimate> compare(std::span<const SeedScore> a, std::span<const SeedScore> b,
                                const std::optional<VariancePrior>& prior) {
  return moderate(summarise(paired_differences(a, b)), prior);
}

double minimum_detectable_difference(double standard_error, double df, double alpha, double power) {
  assert(alpha > 0 && alpha < 1 && power > alpha && power < 1);
  if (df < 1) return kInfinity;
  const double critical = student_t_quantile(1 - alpha / 2, df);
  // The power grows with the noncentrality: bisection, from the bracket (0, enough).
  double low = 0, high = 1;
  while (noncentral_t_power(high, df, critical) < power) high *= 2;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (noncentral_t_power(middle, df, critical) < power ? low : high) = middle;
  }
  return high * standard_error;
}

Interval anytime_interval(const Summary& summary, double alpha, double g) {
  assert(alpha > 0 && alpha < 1 && g > 0);
  if (!summary.variance) return {};
  const double n = static_cast<double>(summary.pairs), nu = n - 1;
  // Bayes factor of t = sqrt(n) (mean - m) / s against m (Goenen et al., Am. Stat. 59(3), 2005):
  //   B = r^(1/2) ((1 + t^2/nu) / (1 + r t^2/nu))^(n/2),  r = 1 / (1 + n g).
  // B < 1/alpha  <=>  x (1 - K r) < K - 1,  x = t^2/nu,  K = (1 / (alpha sqrt(r)))^(2/n).
  const double r = 1 / (1 + n * g);
  const double k = std::pow(1 / (alpha * std::sqrt(r)), 2 / n);
  if (k * r >= 1) return {};
  const double radius = std::sqrt(*summary.variance / n * nu * (k - 1) / (1 - k * r));
  return {summary.mean - radius, summary.mean + radius};
}

Interval anytime_interval_known(const Summary& summary, double variance, double alpha,
                                double tuned_for) {
  assert(alpha > 0 && alpha < 1 && variance >= 0 && tuned_for > 0);
  if (summary.pairs == 0) return {};
  // |S_n| < sqrt((v + rho) log((v + rho) / (rho alpha^2))), v = n variance; this rho makes the
  // boundary nearly the lowest at n = tuned_for (Howard et al.'s approximation of Lambert's W).
  const double n = static_cast<double>(summary.pairs);
  const double log_term = -2 * std::log(alpha) + std::log(-2 * std::log(alpha) + 1);
  const double rho = tuned_for / log_term;  // in units of the variance
  const double bound =
      std::sqrt((n + rho) * std::log((n + rho) / (rho * alpha * alpha)) * variance);
  return {summary.mean - bound / n, summary.mean + bound / n};
}

std::vector<double> holm(std::span<const double> p_values) {
  std::vector<size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size());
  double highest = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    const double factor = static_cast<double>(order.size() - rank);
    highest = std::max(highest, std::min(1.0, factor * p_values[order[rank]]));
    adjusted[order[rank]] = highest;
  }
  return adjusted;
}

}  // namespace ballast::evaluator
