// What a training run reports: means over its steps and a learning curve. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "common/job.h"
#include "trainer/stepper.h"

namespace ballast::trainer {

class TrainMetrics {
 public:
  // At most `points` points in the curve. REQUIRES: steps >= 1.
  TrainMetrics(const TrainSpec& spec, int64_t steps, int64_t points);

  // Each step once, in order.
  void add(const StepStats& stats);

  // "train_*" and tokens, steps (COMMON names of docs/design.md, section 4).
  //   train_cross_entropy          mean over the last 10 % of steps
  //   train_layer_max_vio_global   per layer: mean of the step's MaxVio after the first 10 % of
  //   steps train_max_vio_global         its mean over layers train_avg_max_vio, sup       mean and
  //   maximum over all steps of the step's MaxVio (mean over layers) train_max_vio_batch the same
  //   mean over the last 10 % of steps train_dead_experts           mean over layers and the last
  //   10 % of steps train_score_sum_ratio        mean over layers and the steps after the first 10
  //   % train_balance_loss           last step; train_balance_grad_norm: mean over all steps
  Metrics finish() const;

 private:
  bool warmed() const;  // the step being added lies after the first 10 %
  bool late() const;    // ... in the last 10 %
  void add_point(const StepStats& stats, double max_vio);

  TrainSpec spec_;
  int64_t steps_, points_, done_ = 0;
  int64_t late_steps_ = 0, warm_steps_ = 0;
  std::vector<double> layer_vio_;  // sums over warm steps
  double late_loss_ = 0, late_vio_ = 0, late_dead_ = 0, vio_ = 0, sup_vio_ = 0;
  double ratio_ = 0, grad_norm_ = 0, balance_loss_ = 0;
  struct Point {
    double steps = 0, cross_entropy = 0, max_vio = 0, grad_norm = 0;
  } point_;
  std::vector<double> curve_tokens_, curve_loss_, curve_vio_, curve_norm_;
};

}  // namespace ballast::trainer
