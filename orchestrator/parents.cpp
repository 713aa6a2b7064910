#include "orchestrator/parents.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <string>

#include "common/error.h"
#include "evaluator/statistics.h"

namespace ballast::orchestrator {
namespace {

// Ranks from 1 (lowest value); of equal values the earlier one ranks better.
std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> rank(values.size());
  for (size_t r = 0; r < order.size(); ++r) rank[order[r]] = static_cast<double>(r + 1);
  return rank;
}

std::vector<double> normalised(std::vector<double> weights) {
  double total = 0;
  for (const double w : weights) total += w;
  if (!(total > 0)) {  // every weight underflowed
    std::fill(weights.begin(), weights.end(), 1.0);
    total = static_cast<double>(weights.size());
  }
  for (double& w : weights) w /= total;
  return weights;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

double novelty(const ParentOption& option) {
  return 1 / (1 + static_cast<double>(option.children));
}

// The weighted rule with F_i - median divided by `scale`.
std::vector<double> weighted(std::span<const ParentOption> options, double lambda, bool scaled) {
  std::vector<double> fitness;
  for (const ParentOption& option : options) fitness.push_back(-option.mean);
  const double centre = evaluator::median(fitness);
  double scale = 1;
  if (scaled) {
    std::vector<double> deviation;
    for (const double f : fitness) deviation.push_back(std::abs(f - centre));
    scale = std::max(evaluator::median(deviation), 1e-6);
  }
  std::vector<double> weights;
  for (size_t i = 0; i < options.size(); ++i)
    weights.push_back(sigmoid(lambda * (fitness[i] - centre) / scale) * novelty(options[i]));
  return normalised(std::move(weights));
}

}  // namespace

std::vector<double> posterior(std::span<const ParentOption> options, Rng& rng) {
  std::vector<double> draws;
  for (const ParentOption& option : options)
    draws.push_back(option.mean + option.standard_error * rng.normal());
  std::vector<double> weights = ranks(draws);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = novelty(options[i]) / weights[i];
  return normalised(std::move(weights));
}

std::vector<double> power_law(std::span<const ParentOption> options, double alpha) {
  std::vector<double> means;
  for (const ParentOption& option : options) means.push_back(option.mean);
  std::vector<double> weights = ranks(means);
  for (double& w : weights) w = std::pow(w, -alpha);
  return normalised(std::move(weights));
}

std::vector<double> weighted_paper(std::span<const ParentOption> options, double lambda) {
  return weighted(options, lambda, /*scaled=*/false);
}

std::vector<double> weighted_code(std::span<const ParentOption> options, double lambda) {
  return weighted(options, lambda, /*scaled=*/true);
}

std::vector<std::string_view> parent_rules() {
  return {"posterior", "power_law", "weighted_paper", "weighted_code"};
}

size_t choose_parent(std::string_view rule, std::span<const ParentOption> options, Rng& rng) {
  assert(!options.empty());
  if (rule == "posterior") return rng.weighted(posterior(options, rng));
  if (rule == "power_law") return rng.weighted(power_law(options));
  if (rule == "weighted_paper") return rng.weighted(weighted_paper(options));
  if (rule == "weighted_code") return rng.weighted(weighted_code(options));
  std::string known;
  for (const std::string_view name : parent_rules())
    known += (known.empty() ? "" : ", ") + std::string(name);
  throw Error("unknown parent rule \"" + std::string(rule) + "\": choose one of " + known,
              ExitCode::kUsage);
}

}  // namespace ballast::orchestrator
