#include "trainer/optimizer.h"

#include "trainer/cpu/dispatch.h"
#include "trainer/pch.h"

namespace ballast::trainer {
namespace {

constexpr double kEpsilon = 1e-8;

}  // namespace

AdamW::AdamW(const ScheduleSpec& schedule, const Parameters& parameters,
             Implementation implementation)
    : schedule_(schedule),
      kernels_(implementation == Implementation::kBest && parameters.kernels_apply()),
      moment1_(at::zeros_like(parameters.values)),
      moment2_(at::zeros_like(parameters.values)) {}

at::Tensor AdamW::step(Parameters& parameters, double learning_rate) {
  const c10::NoGradGuard no_grad;
  ++steps_;
  const Layout& layout = parameters.layout;
  return update(parameters, 0, layout.decayed, learning_rate, schedule_.weight_decay) +
         update(parameters, layout.decayed, layout.size, learning_rate, 0.0);
}

at::Tensor AdamW::update(Parameters& parameters, int64_t start, int64_t end, double learning_rate,
                         double decay) {
  const auto part = [&](const at::Tensor& t) { return t.narrow(0, start, end - start); };
  const at::Tensor values = part(parameters.values), grads = part(parameters.grads);
  const at::Tensor moment1 = part(moment1_), moment2 = part(moment2_);
  if (kernels_) {
    const double squares =
        cpu::available_kernels().front()->adamw({.n = end - start,
                                                 .values = values.mutable_data_ptr<float>(),
                                                 .grads = grads.const_data_ptr<float>(),
                                                 .moment1 = moment1.mutable_data_ptr<float>(),
                                                 .moment2 = moment2.mutable_data_ptr<float>(),
                                                 .learning_rate = learning_rate,
                                                 .beta1 = schedule_.beta1,
                                                 .beta2 = schedule_.beta2,
                                                 .epsilon = kEpsilon,
                                                 .decay = decay,
                                                 .step = steps_});
    return at::scalar_tensor(squares, at::kFloat);
  }
  const at::Tensor count =
      at::full({}, static_cast<double>(steps_), values.options().dtype(at::kFloat));
  at::Tensor squares = grads.dot(grads);
  at::_fused_adamw_({values}, {grads}, {moment1}, {moment2}, /*max_exp_avg_sqs=*/{}, {count},
                    learning_rate, schedule_.beta1, schedule_.beta2, decay, kEpsilon,
                    /*amsgrad=*/false, /*maximize=*/false);
  return squares;
}

}  // namespace ballast::trainer
