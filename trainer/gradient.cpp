#include "trainer/gradient.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

namespace ballast::trainer {

at::Tensor gradient(const at::Tensor& value, const at::Tensor& input) {
  if (!value.requires_grad()) return at::zeros_like(input);
  const at::Tensor g = torch::autograd::grad({value}, {input}, {}, /*retain_graph=*/false,
                                             /*create_graph=*/false, /*allow_unused=*/true)[0];
  return g.defined() ? g : at::zeros_like(input);
}

}  // namespace ballast::trainer
