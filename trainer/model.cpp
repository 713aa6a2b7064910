#include "trainer/model.h"

#include "trainer/cpu/dispatch.h"
#include "trainer/cpu/model_cpu.h"
#include "trainer/pch.h"

namespace ballast::trainer {

std::unique_ptr<Model> make_model(const ModelSpec& spec, Parameters& parameters,
                                  Implementation implementation) {
  if (implementation == Implementation::kAten || !parameters.kernels_apply())
    return make_aten_model(spec, parameters);
  return std::make_unique<cpu::CpuModel>(spec, parameters, *cpu::available_kernels().front());
}

at::Tensor gate_scores(const ModelSpec& spec, const at::Tensor& logits) {
  return spec.gate == "softmax" ? at::softmax(logits, 1) : at::sigmoid(logits);
}

at::Tensor gate_probs(const ModelSpec& spec, const at::Tensor& scores) {
  return spec.gate == "softmax" ? scores : scores / scores.sum(1, /*keepdim=*/true);
}

}  // namespace ballast::trainer
