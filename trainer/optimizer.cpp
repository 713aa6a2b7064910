#include "trainer/optimizer.h"

#include "trainer/pch.h"

namespace ballast::trainer {
namespace {

constexpr double kEpsilon = 1e-8;

}  // namespace

AdamW::AdamW(const ScheduleSpec& schedule, const Parameters& parameters)
    : schedule_(schedule),
      moment1_(at::zeros_like(parameters.values)),
      moment2_(at::zeros_like(parameters.values)) {}

at::Tensor AdamW::step(Parameters& parameters, double learning_rate) {
  const c10::NoGradGuard no_grad;
  ++steps_;
  const at::Tensor count =
      at::full({}, static_cast<double>(steps_), parameters.values.options().dtype(at::kFloat));
  const auto update = [&](int64_t start, int64_t end, double decay) {
    const auto part = [&](const at::Tensor& t) { return t.narrow(0, start, end - start); };
    const at::Tensor values = part(parameters.values), grads = part(parameters.grads);
    const at::Tensor moment1 = part(moment1_), moment2 = part(moment2_);
    at::_fused_adamw_({values}, {grads}, {moment1}, {moment2}, /*max_exp_avg_sqs=*/{}, {count},
                      learning_rate, schedule_.beta1, schedule_.beta2, decay, kEpsilon,
                      /*amsgrad=*/false, /*maximize=*/false);
  };
  const at::Tensor squares = parameters.grads.dot(parameters.grads);
  update(0, parameters.layout.decayed, schedule_.weight_decay);
  update(parameters.layout.decayed, parameters.layout.size, 0.0);
  return squares;
}

}  // namespace ballast::trainer
