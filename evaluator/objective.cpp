#include "evaluator/objective.h"

#include <algorithm>
#include <cmath>

#include "common/error.h"

namespace ballast::evaluator {
namespace {

std::optional<double> finite(double x) {
  return std::isfinite(x) ? std::optional(x) : std::nullopt;
}

std::optional<double> scalar(const Metrics& metrics, const std::string& name) {
  const auto it = metrics.scalars.find(name);
  return it == metrics.scalars.end() ? std::nullopt : finite(it->second);
}

// Mean over layers of max(0, V_l - target).
std::optional<double> excess(const Metrics& metrics, double target) {
  const auto held_out = metrics.arrays.find("layer_max_vio_global");
  const auto training = metrics.arrays.find("train_layer_max_vio_global");
  if (held_out == metrics.arrays.end() || training == metrics.arrays.end()) return std::nullopt;
  const std::vector<double>&a = held_out->second, &b = training->second;
  if (a.empty() || a.size() != b.size()) return std::nullopt;
  double sum = 0;
  for (size_t l = 0; l < a.size(); ++l) {
    // Each is looked at by itself: max() of a NaN depends on the order of its arguments.
    if (!std::isfinite(a[l]) || !std::isfinite(b[l])) return std::nullopt;
    sum += std::max(0.0, std::max(a[l], b[l]) - target);
  }
  return sum / static_cast<double>(a.size());
}

std::optional<double> sum_of(std::optional<double> a, std::optional<double> b) {
  if (!a || !b) return std::nullopt;
  return finite(*a + *b);
}

}  // namespace

std::vector<std::string_view> objective_names() {
  return {"constrained", "shinka", "cross_entropy"};
}

std::optional<double> objective(const ObjectiveSpec& spec, const Metrics& metrics) {
  const std::optional<double> cross_entropy = scalar(metrics, "cross_entropy");
  if (spec.name == "cross_entropy") return cross_entropy;
  if (spec.name == "shinka") return sum_of(cross_entropy, scalar(metrics, "l1_imbalance"));
  if (spec.name == "constrained") {
    const std::optional<double> beyond = excess(metrics, spec.target);
    if (!beyond) return std::nullopt;
    return sum_of(cross_entropy, spec.mu * *beyond);
  }
  std::string known;
  for (const std::string_view name : objective_names())
    known += (known.empty() ? "" : ", ") + std::string(name);
  throw Error("unknown objective \"" + spec.name + "\": choose one of " + known, ExitCode::kUsage);
}

std::optional<double> cross_entropy_at(std::span<const CurvePoint> curve, double target) {
  std::vector<CurvePoint> points(curve.begin(), curve.end());
  std::sort(points.begin(), points.end(),
            [](const CurvePoint& a, const CurvePoint& b) { return a.coefficient < b.coefficient; });
  std::optional<double> best;
  const auto consider = [&](double x) {
    if (!best || x < *best) best = x;
  };
  for (size_t i = 0; i < points.size(); ++i) {
    if (points[i].max_vio == target) consider(points[i].cross_entropy);
    if (i == 0) continue;
    const CurvePoint &a = points[i - 1], &b = points[i];
    if ((a.max_vio < target) == (b.max_vio < target) || a.max_vio == target || b.max_vio == target)
      continue;
    const double share = (target - a.max_vio) / (b.max_vio - a.max_vio);
    consider(a.cross_entropy + share * (b.cross_entropy - a.cross_entropy));
  }
  return best;
}

}  // namespace ballast::evaluator
