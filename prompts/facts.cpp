#include "prompts/facts.h"

#include <algorithm>
#include <cmath>

namespace ballast::prompts {
namespace {

const std::vector<double>* array_of(const Metrics& metrics, const char* name) {
  const auto found = metrics.arrays.find(name);
  return found == metrics.arrays.end() ? nullptr : &found->second;
}

// Loads are sorted and tokens become integers: they are shown only when all are numbers.
bool all_finite(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double x) { return std::isfinite(x); });
}

}  // namespace

std::vector<LayerFacts> layers_of(const Metrics& metrics) {
  const auto* max_vio = array_of(metrics, "layer_max_vio_global");
  const auto* load = array_of(metrics, "layer_load");
  if (max_vio == nullptr || max_vio->empty() || load == nullptr) return {};
  const size_t L = max_vio->size();
  if (load->empty() || load->size() % L != 0 || !all_finite(*load)) return {};
  const size_t E = load->size() / L;
  std::vector<LayerFacts> out(L);
  for (size_t l = 0; l < L; ++l) {
    const auto value = [&](const char* name) {
      const auto* array = array_of(metrics, name);
      return array != nullptr && l < array->size() ? std::optional((*array)[l]) : std::nullopt;
    };
    LayerFacts& layer = out[l];
    layer.max_vio = (*max_vio)[l];
    layer.train_max_vio = value("train_layer_max_vio_global");
    layer.load_cv = value("layer_load_cv").value_or(0);
    layer.dead_experts = value("layer_dead_experts").value_or(0);
    layer.router_entropy = value("layer_router_entropy").value_or(0);
    layer.domain_expert_mi = value("layer_domain_expert_mi").value_or(0);
    const auto first = load->begin() + static_cast<ptrdiff_t>(l * E);
    layer.load.assign(first, first + static_cast<ptrdiff_t>(E));
  }
  return out;
}

std::vector<CurvePoint> curve_of(const Metrics& metrics, size_t most) {
  const auto* tokens = array_of(metrics, "train_curve_tokens");
  const auto* cross_entropy = array_of(metrics, "train_curve_cross_entropy");
  const auto* max_vio = array_of(metrics, "train_curve_max_vio_global");
  const auto* gradient = array_of(metrics, "train_curve_balance_grad_norm");
  if (!tokens || !cross_entropy || !max_vio || !gradient || !all_finite(*tokens)) return {};
  const size_t points =
      std::min({tokens->size(), cross_entropy->size(), max_vio->size(), gradient->size()});
  const size_t kept = std::min(points, most);
  std::vector<CurvePoint> out;
  for (size_t i = 0; i < kept; ++i) {
    // Evenly spread, the last one always among them.
    const size_t at = (i + 1) * points / kept - 1;
    out.push_back({static_cast<int64_t>((*tokens)[at]), (*cross_entropy)[at], (*max_vio)[at],
                   (*gradient)[at]});
  }
  return out;
}

}  // namespace ballast::prompts
