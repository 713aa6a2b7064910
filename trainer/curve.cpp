#include "trainer/curve.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "trainer/layout.h"
#include "trainer/loads.h"

namespace ballast::trainer {
namespace {

constexpr double kShare = 0.1;  // what "first" and "last 10 % of steps" mean

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

TrainMetrics::TrainMetrics(const TrainSpec& spec, int64_t steps, int64_t points)
    : spec_(spec),
      steps_(steps),
      points_(std::clamp<int64_t>(points, 1, steps)),
      layer_vio_(static_cast<size_t>(routed_layers(spec.model)), 0.0) {}

bool TrainMetrics::warmed() const {
  return static_cast<double>(done_) >= std::floor(kShare * static_cast<double>(steps_));
}

bool TrainMetrics::late() const {
  return static_cast<double>(steps_ - done_) <= std::max(1.0, kShare * static_cast<double>(steps_));
}

void TrainMetrics::add(const StepStats& stats) {
  std::vector<double> vio, dead;
  for (const std::vector<double>& counts : stats.counts) {
    const LoadStats load = load_stats(counts, true_experts(spec_.model));
    vio.push_back(load.max_vio);
    dead.push_back(load.dead);
  }
  if (warmed()) {
    ++warm_steps_;
    for (size_t r = 0; r < vio.size(); ++r) layer_vio_[r] += vio[r];
    ratio_ += mean(stats.score_ratio);
  }
  if (late()) {
    ++late_steps_;
    late_loss_ += stats.cross_entropy;
    late_vio_ += mean(vio);
    late_dead_ += mean(dead);
  }
  vio_ += mean(vio);
  sup_vio_ = std::max(sup_vio_, mean(vio));
  grad_norm_ += stats.balance_grad_norm;
  balance_loss_ = stats.balance_loss;
  ++done_;
  add_point(stats, mean(vio));
}

// Point i of n ends with step ceil(steps * (i + 1) / n) and holds means over its steps.
void TrainMetrics::add_point(const StepStats& stats, double max_vio) {
  point_.steps += 1;
  point_.cross_entropy += stats.cross_entropy;
  point_.max_vio += max_vio;
  point_.grad_norm += stats.balance_grad_norm;
  if (done_ * points_ / steps_ == (done_ - 1) * points_ / steps_) return;
  curve_tokens_.push_back(static_cast<double>(done_ * tokens_per_step(spec_.schedule)));
  curve_loss_.push_back(point_.cross_entropy / point_.steps);
  curve_vio_.push_back(point_.max_vio / point_.steps);
  curve_norm_.push_back(point_.grad_norm / point_.steps);
  point_ = {};
}

Metrics TrainMetrics::finish() const {
  const auto steps = static_cast<double>(done_), late = static_cast<double>(late_steps_);
  const auto warm = static_cast<double>(warm_steps_);
  std::vector<double> layers = layer_vio_;
  for (double& x : layers) x /= warm;
  Metrics m;
  m.scalars = {{"tokens", steps * static_cast<double>(tokens_per_step(spec_.schedule))},
               {"steps", steps},
               {"train_cross_entropy", late_loss_ / late},
               {"train_max_vio_global", mean(layers)},
               {"train_avg_max_vio", vio_ / steps},
               {"train_sup_max_vio", sup_vio_},
               {"train_max_vio_batch", late_vio_ / late},
               {"train_dead_experts", late_dead_ / late},
               {"train_score_sum_ratio", ratio_ / warm},
               {"train_balance_loss", balance_loss_},
               {"train_balance_grad_norm", grad_norm_ / steps}};
  m.arrays = {{"train_layer_max_vio_global", layers},
              {"train_curve_tokens", curve_tokens_},
              {"train_curve_cross_entropy", curve_loss_},
              {"train_curve_max_vio_global", curve_vio_},
              {"train_curve_balance_grad_norm", curve_norm_}};
  return m;
}

}  // namespace ballast::trainer
