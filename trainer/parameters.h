// The numbers of a model: weights, gradients and AdamW's moments, each one flat tensor.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "trainer/layout.h"

namespace ballast::trainer {

// Whose arithmetic: our kernels where they apply (float32 on a CPU), or ATen's operators
// everywhere.
enum class Implementation { kBest, kAten };

struct Parameters {
  Layout layout;
  at::Tensor values;  // (layout.size)
  at::Tensor grads;   // (layout.size), zeroed before each optimizer step

  // View of one parameter in its shape, sharing memory. No gradient.
  at::Tensor value(int index) const;
  at::Tensor grad(int index) const;

  bool kernels_apply() const;
};

// Drawn from `seed` alone: the same numbers on every machine and device. dtype float32 or float64.
Parameters make_parameters(const ModelSpec& spec, uint64_t seed, at::Device device,
                           at::ScalarType dtype = at::kFloat);

}  // namespace ballast::trainer
