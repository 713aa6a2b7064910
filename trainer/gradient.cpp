#include "trainer/gradient.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "trainer/value.h"

namespace ballast::trainer {

at::Tensor gradient(const at::Tensor& value, const at::Tensor& input) {
  if (!value.requires_grad()) return at::zeros_like(input);
  try {
    const at::Tensor g = torch::autograd::grad({value}, {input}, {}, /*retain_graph=*/true,
                                               /*create_graph=*/false, /*allow_unused=*/true)[0];
    return g.defined() ? g : at::zeros_like(input);
  } catch (const c10::Error& error) {
    throw_as_candidate_error("the gradient", error);
  }
}

}  // namespace ballast::trainer
