#include "orchestrator/surrogate.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "common/error.h"
#include "common/rng.h"
#include "evaluator/coefficient.h"
#include "evaluator/objective.h"

namespace ballast::orchestrator {
namespace {

constexpr size_t kNone = std::numeric_limits<size_t>::max();
constexpr size_t kFewestTexts = 5;
constexpr double kBandwidths[] = {0.05, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7, 1.0};
constexpr double kPriorWeights[] = {0.02, 0.1, 0.5};

double mean_of(std::span<const double> x) {
  return x.empty() ? 0 : std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double variance_of(std::span<const double> x) {
  if (x.size() < 2) return 0;
  const double mean = mean_of(x);
  double sum = 0;
  for (const double value : x) sum += (value - mean) * (value - mean);
  return sum / static_cast<double>(x.size() - 1);
}

// Tukey, Exploratory Data Analysis (1977), 2D.
double outer_fence(std::vector<double> x) {
  if (x.size() < 4) return std::numeric_limits<double>::infinity();
  std::sort(x.begin(), x.end());
  const double low = x[x.size() / 4], high = x[3 * x.size() / 4];
  return high + 3 * (high - low);
}

// L2; infinite for fingerprints of different lengths, which are of different batteries.
double distance(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += d * d;
  }
  return std::sqrt(sum);
}

std::vector<double> ranks(std::span<const double> x) {
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return x[a] < x[b]; });
  std::vector<double> out(x.size());
  for (size_t i = 0; i < order.size();) {
    size_t j = i;
    while (j < order.size() && x[order[j]] == x[order[i]]) ++j;
    for (size_t k = i; k < j; ++k) out[order[k]] = static_cast<double>(i + j - 1) / 2;
    i = j;
  }
  return out;
}

}  // namespace

double rank_correlation(std::span<const double> a, std::span<const double> b) {
  assert(a.size() == b.size());
  const std::vector<double> x = ranks(a), y = ranks(b);
  const double mx = mean_of(x), my = mean_of(y);
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mx) * (y[i] - my);
    xx += (x[i] - mx) * (x[i] - mx);
    yy += (y[i] - my) * (y[i] - my);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : 0;
}

Surrogate::Surrogate(const population::Record& record) {
  require(record.run.has_value(), "making a surrogate: the archive holds no run");
  for (const population::EvaluationRow& row : record.evaluations) {
    if (row.purpose == "train") continue;
    const auto rung = static_cast<size_t>(row.key.rung);
    if (rung_tokens_.size() < rung) rung_tokens_.resize(rung, 0);
    if (rung > 0) rung_tokens_[rung - 1] = static_cast<double>(row.tokens);
  }
  read_noise(record);
  read_points(record);
  if (points_.size() < kFewestTexts)
    throw Error("making a surrogate: the archive has " + std::to_string(points_.size()) +
                " measured texts, at least " + std::to_string(kFewestTexts) +
                " are needed (some dozens to be of use): let the search run longer");
  read_curvature(record);
  choose_kernel();
}

// Variance of one paired difference, per token: pooled over candidates and rungs by degrees of
// freedom. Without the built-in that does not balance, whose noise is another.
void Surrogate::read_noise(const population::Record& record) {
  double sum = 0, df = 0;
  for (const population::EstimateRow& row : record.estimates) {
    if (!row.standard_error || row.identity == record.run->reference ||
        row.identity == "builtin:none")
      continue;
    const auto pairs = static_cast<double>(row.pairs);
    const double variance = *row.standard_error * *row.standard_error * pairs;
    sum += (pairs - 1) * variance * rung_tokens_.at(static_cast<size_t>(row.rung - 1));
    df += pairs - 1;
  }
  require(df > 0 && rung_tokens_.size() >= 2,
          "making a surrogate: no candidate has two pairs of seeds, so the noise is unknown: let "
          "the search run longer");
  fit_.noise_tokens = static_cast<int64_t>(rung_tokens_[1]);
  fit_.noise = std::sqrt(sum / df / rung_tokens_[1]);
}

void Surrogate::read_points(const population::Record& record) {
  std::map<std::string, const population::CandidateRow*> candidates;
  for (const auto& row : record.candidates)
    if (!row.fingerprint.empty()) candidates[row.identity] = &row;
  const auto noise_at = [&](int rung) {
    return fit_.noise * fit_.noise * rung_tokens_[1] /
           rung_tokens_.at(static_cast<size_t>(rung - 1));
  };
  // The highest rung counts; a text on two rungs tells how far the first is off.
  std::map<std::string, std::map<int, const population::EstimateRow*>> by_identity;
  for (const population::EstimateRow& row : record.estimates)
    if (candidates.contains(row.identity)) by_identity[row.identity][row.rung] = &row;
  std::vector<double> offsets;
  double offset_noise = 0;
  for (const auto& [identity, rungs] : by_identity) {
    if (!rungs.contains(1) || !rungs.contains(2)) continue;
    const population::EstimateRow &low = *rungs.at(1), &high = *rungs.at(2);
    offsets.push_back(low.mean_difference - high.mean_difference);
    offset_noise += noise_at(1) / static_cast<double>(low.pairs) +
                    noise_at(2) / static_cast<double>(high.pairs);
  }
  if (offsets.size() >= 3)
    fit_.offset = std::sqrt(
        std::max(0.0, variance_of(offsets) - offset_noise / static_cast<double>(offsets.size())));
  for (const auto& [identity, rungs] : by_identity) {
    const auto& [rung, row] = *rungs.rbegin();
    const population::CandidateRow& candidate = *candidates.at(identity);
    const double coefficient = evaluator::coefficient_value(row->coefficient);
    points_.push_back({candidate.name, candidate.fingerprint, candidate.track == "bias",
                       row->mean_difference,
                       noise_at(rung) / static_cast<double>(row->pairs) +
                           (rung == 1 ? fit_.offset * fit_.offset : 0),
                       std::log(std::max(coefficient, 1e-9))});
  }
  std::vector<double> differences;
  for (const SurrogatePoint& point : points_) differences.push_back(point.difference);
  fit_.fence = outer_fence(differences);
  for (size_t i = 0; i < points_.size(); ++i)
    differences[i] = points_[i].difference = std::min(differences[i], fit_.fence);
  fit_.texts = static_cast<int64_t>(points_.size());
  fit_.mean = mean_of(differences);
  fit_.spread = std::sqrt(variance_of(differences));
  for (const bool only_bias : {false, true}) {
    std::vector<double> logs;
    for (const SurrogatePoint& point : points_)
      if (point.only_bias == only_bias) logs.push_back(point.ln_coefficient);
    mean_ln_[only_bias] = mean_of(logs);
  }
}

// The median over trials of (objective - best) / ln(coefficient / best one's)^2.
void Surrogate::read_curvature(const population::Record& record) {
  const evaluator::ObjectiveSpec spec{record.run->objective, record.run->mu, record.run->target};
  std::map<std::string, std::map<double, double>> trials;  // identity: ln coefficient -> objective
  for (const population::EvaluationRow& row : record.evaluations) {
    if (row.purpose != "coefficient" || row.outcome != Outcome::kOk) continue;
    const double coefficient = evaluator::coefficient_value(row.key.coefficient);
    const auto objective = evaluator::objective(spec, row.metrics);
    if (objective && coefficient > 0) trials[row.key.identity][std::log(coefficient)] = *objective;
  }
  std::vector<double> curvatures;
  for (const auto& [identity, curve] : trials) {
    const auto best =
        std::min_element(curve.begin(), curve.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    for (const auto& [ln, objective] : curve)
      if (ln != best->first)
        curvatures.push_back((objective - best->second) /
                             ((ln - best->first) * (ln - best->first)));
  }
  if (curvatures.empty()) return;
  std::nth_element(curvatures.begin(), curvatures.begin() + curvatures.size() / 2,
                   curvatures.end());
  fit_.curvature = curvatures[curvatures.size() / 2];
}

Surrogate::Prediction Surrogate::predict(std::span<const double> distances, bool only_bias,
                                         size_t left_out) const {
  double mean = fit_.mean;
  if (left_out != kNone) {  // the mean of the others
    const auto n = static_cast<double>(points_.size());
    mean = (n * fit_.mean - points_[left_out].difference) / (n - 1);
  }
  double weights = fit_.prior_weight, sum = fit_.prior_weight * mean;
  double logs_weight = fit_.prior_weight, logs = fit_.prior_weight * mean_ln_[only_bias];
  const double s2 = fit_.spread * fit_.spread;
  for (size_t i = 0; i < points_.size(); ++i) {
    if (i == left_out || !std::isfinite(distances[i])) continue;
    const SurrogatePoint& point = points_[i];
    const double z = distances[i] / fit_.bandwidth;
    const double trust = s2 > 0 ? s2 / (s2 + point.variance) : 1;
    const double weight = std::exp(-0.5 * z * z) * trust;
    weights += weight;
    sum += weight * point.difference;
    if (point.only_bias != only_bias) continue;
    logs_weight += weight;
    logs += weight * point.ln_coefficient;
  }
  return {sum / weights, logs / logs_weight};
}

void Surrogate::choose_kernel() {
  const size_t n = points_.size();
  std::vector<double> recorded, distances(n * n);
  for (size_t i = 0; i < n; ++i) {
    recorded.push_back(points_[i].difference);
    for (size_t j = 0; j < n; ++j)
      distances[i * n + j] = distance(points_[i].fingerprint, points_[j].fingerprint);
  }
  const auto row = [&](size_t i) { return std::span(distances).subspan(i * n, n); };
  Fit best;
  best.error = std::numeric_limits<double>::infinity();
  for (const double bandwidth : kBandwidths) {
    for (const double prior_weight : kPriorWeights) {
      fit_.bandwidth = bandwidth;
      fit_.prior_weight = prior_weight;
      std::vector<double> predicted;
      double squares = 0;
      for (size_t i = 0; i < n; ++i) {
        predicted.push_back(predict(row(i), points_[i].only_bias, i).difference);
        squares += (predicted[i] - recorded[i]) * (predicted[i] - recorded[i]);
      }
      fit_.error = std::sqrt(squares / static_cast<double>(n));
      fit_.rank_correlation = rank_correlation(predicted, recorded);
      if (fit_.error < best.error) best = fit_;
    }
  }
  fit_ = best;
  fit_.best = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < n; ++i)
    fit_.best = std::min(fit_.best, predict(row(i), points_[i].only_bias, kNone).difference);
}

Surrogate::Prediction Surrogate::predict(std::span<const float> fingerprint, bool only_bias) const {
  std::vector<double> distances;
  distances.reserve(points_.size());
  for (const SurrogatePoint& point : points_)
    distances.push_back(distance(point.fingerprint, fingerprint));
  return predict(distances, only_bias, kNone);
}

double Surrogate::measure(const Prediction& text, std::string_view identity, double coefficient,
                          int64_t tokens, uint64_t seed) const {
  const double off = std::log(std::max(coefficient, 1e-9)) - text.ln_coefficient;
  double out = text.difference + fit_.curvature * off * off;
  if (tokens < fit_.noise_tokens)
    out += fit_.offset * Rng(0, "surrogate offset " + std::string(identity)).normal();
  const double sd =
      fit_.noise * std::sqrt(static_cast<double>(fit_.noise_tokens) / static_cast<double>(tokens));
  const std::string key = "surrogate noise " + std::string(identity) + " " +
                          evaluator::coefficient_text(coefficient) + " " + std::to_string(tokens);
  return out + sd * Rng(seed, key).normal();
}

}  // namespace ballast::orchestrator
