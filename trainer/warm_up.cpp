#include "trainer/pch.h"
#include "trainer/stepper.h"
#include "trainer/train.h"

namespace ballast::trainer {
namespace {

// What a step of our own models does not touch and candidates may.
void touch_operators() {
  const at::Tensor x = at::linspace(0, 1, 64).view({8, 8}).requires_grad_();
  const at::Tensor y = at::mm(x, x).softmax(1) + std::get<0>(x.sort(1)) + x.cumsum(0) + x.erf();
  const at::Tensor z = std::get<0>(at::topk(y, 2, 1)).sum() + y.logsumexp(1).sum() + y.std();
  torch::autograd::grad({z}, {x});
}

}  // namespace

void warm_up() {
  TrainSpec spec;
  spec.model = {.vocab = 16,
                .width = 16,
                .layers = 1,
                .experts = 4,
                .top_k = 2,
                .expert_width = 16,
                .heads = 1};
  spec.schedule.sequence = 8;
  MicroBatch batch{.sequences = 2, .length = 8, .domain = 0, .inputs = {}, .targets = {}};
  batch.inputs.assign(16, 1);
  batch.targets.assign(16, 2);
  for (const Implementation implementation : {Implementation::kBest, Implementation::kAten}) {
    Stepper stepper(spec, make_balancer({"global_lbl", ""}, spec.schedule), 0.01, 1.0, /*seed=*/1,
                    at::kCPU, implementation);
    stepper.step({batch, batch}, 1e-3, 0.0);
  }
  touch_operators();
}

}  // namespace ballast::trainer
