#include "trainer/model.h"

#include "trainer/pch.h"

namespace ballast::trainer {

std::unique_ptr<Model> make_model(const ModelSpec& spec, Parameters& parameters,
                                  Implementation implementation) {
  (void)implementation;
  return make_aten_model(spec, parameters);
}

at::Tensor gate_scores(const ModelSpec& spec, const at::Tensor& logits) {
  return spec.gate == "softmax" ? at::softmax(logits, 1) : at::sigmoid(logits);
}

at::Tensor gate_probs(const ModelSpec& spec, const at::Tensor& scores) {
  return spec.gate == "softmax" ? scores : scores / scores.sum(1, /*keepdim=*/true);
}

}  // namespace ballast::trainer
