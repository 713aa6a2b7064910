// One optimizer step: forward passes of the window, balance losses, backward passes, AdamW, biases.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "common/spec.h"
#include "trainer/balance.h"
#include "trainer/balancer.h"
#include "trainer/model.h"
#include "trainer/optimizer.h"

namespace ballast::trainer {

// What a step measured, read back from the device once, at its end.
struct StepStats {
  double cross_entropy = 0;      // nats per token, mean over the micro-batches
  double balance_loss = 0;       // mean over layers and micro-batches of loss(r); 0 without a loss
  double balance_grad_norm = 0;  // of the balance term with its factor, w.r.t. all router logits
  double grad_norm = 0;          // of the whole objective w.r.t. the parameters
  std::vector<std::vector<double>> counts;  // [R][E] assignments of the step
  bool bias_finite = true;                  // the biases of the next step
  std::vector<double> score_ratio;          // [R] chosen scores' sum over that of the k largest
};

class Stepper {
 public:
  // factor: coefficient * unit of the loss; bias_rate: see Balancer::selection_bias.
  Stepper(const TrainSpec& spec, Balancer balancer, double factor, double bias_rate, uint64_t seed,
          at::Device device, Implementation implementation = Implementation::kBest);

  // All micro-batches of one optimizer step. progress: r.progress, in [0, 1].
  StepStats step(const std::vector<MicroBatch>& batches, double learning_rate, double progress);

  Parameters& parameters() { return *parameters_; }
  const RouterState& routers() const { return routers_; }

 private:
  using Passes = std::vector<std::unique_ptr<Pass>>;
  std::unique_ptr<Pass> forward(const MicroBatch& batch, double weight);
  // Windows `step` and `buffer`: passes of all micro-batches, gradients accumulated.
  Passes run_window(const std::vector<MicroBatch>& batches, double progress, Window& window);
  Passes run_buffer(const std::vector<MicroBatch>& batches, double progress, Window& window);
  RecordContext context(double progress) const {
    return {spec_.model, constants_, routers_, progress, balancer_.uses_probs_global};
  }
  void update_routers(const Passes& passes, const Window& window, double progress);
  StepStats read_stats(const Passes& passes, const Window& window,
                       const at::Tensor& grad_squares) const;

  TrainSpec spec_;
  Balancer balancer_;
  double factor_, bias_rate_;
  std::unique_ptr<Parameters> parameters_;
  std::unique_ptr<Model> model_;
  AdamW optimizer_;
  RouterConstants constants_;
  RouterState routers_;
  at::Tensor balance_value_, balance_squares_;  // () of the step under way
};

}  // namespace ballast::trainer
