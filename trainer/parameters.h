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

// All zeros, to be filled by import_weights (trainer/weights.h).
Parameters zero_parameters(const ModelSpec& spec, at::Device device,
                           at::ScalarType dtype = at::kFloat);

// Drawn from `seed` alone (up to the last bit of the machine's logarithm and cosine). dtype float32
// or float64.
Parameters make_parameters(const ModelSpec& spec, uint64_t seed, at::Device device,
                           at::ScalarType dtype = at::kFloat);

}  // namespace ballast::trainer
