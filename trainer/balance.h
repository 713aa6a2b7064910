// From forward passes to the records that balancers read, and from their losses to gradients.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "common/spec.h"
#include "trainer/balancer.h"
#include "trainer/model.h"
#include "trainer/record.h"

namespace ballast::trainer {

// What lives from step to step, per routed layer.
struct RouterState {
  at::Tensor bias;      // (R,E) added to the scores for selection only; starts at 0
  at::Tensor load_ema;  // (R,E) running mean of the window's load; starts at 1/E
};
RouterState make_router_state(const ModelSpec& spec, const at::TensorOptions& options);

// The micro-batches of one window whose loads are counted together (docs/design.md, section 1).
struct Window {
  at::Tensor counts;  // (R,E) assignments, summed
  at::Tensor probs;   // (R,E) mean probabilities, summed over micro-batches
  int64_t micro_batches = 0;

  void add(const Pass& pass);
  at::Tensor load() const;        // (R,E) rows sum to 1
  at::Tensor mean_probs() const;  // (R,E)
};

// Record fields that never change during a training.
struct RouterConstants {
  at::Tensor cost, is_null, device;  // (E), (E), (E,G)
};
RouterConstants make_router_constants(const ModelSpec& spec, const at::TensorOptions& options);

struct RecordContext {
  const ModelSpec& spec;
  const RouterConstants& constants;
  const RouterState& state;
  double progress = 0;
  bool probs_global = true;  // whether to fill Record::probs_global
};

// The records of one pass, one per routed layer, with the window as it stands. The logits are
// leaves that require a gradient if `gradient`.
std::vector<Record> make_records(const RecordContext& context, const Pass& pass,
                                 const Window& window, bool gradient);

// factor * sum over `passes` and layers of loss(r), and its gradient.
struct BalanceTerm {
  at::Tensor value;                            // () without gradient; sum of loss(r), no factor
  std::vector<std::vector<at::Tensor>> grads;  // [pass][routed layer] (T,E); includes the factor
  at::Tensor grad_squares;                     // () sum of squares of all of `grads`
};
BalanceTerm balance_term(const Balancer& balancer, const std::vector<std::vector<Record>>& records,
                         double factor);

// The biases of the next step: the mean over micro-batches of the balancer's answers, moved by
// `rate` and centred. (docs/design.md, section 3.)
at::Tensor next_bias(const Balancer& balancer, const std::vector<std::vector<Record>>& records,
                     const at::Tensor& bias, double rate);

}  // namespace ballast::trainer
