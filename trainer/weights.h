// Weights as plain tensors: what a train job returns and a score job receives. Bit for bit.
#pragma once

#include <ATen/core/Tensor.h>

#include "common/job.h"
#include "trainer/parameters.h"

namespace ballast::trainer {

// All parameters in layout order, then "router_bias" (R,E): the selection biases of the next step.
Tensors export_weights(const Parameters& parameters, const at::Tensor& bias);

// The inverse: fills `parameters` (of the specification's layout) and gives back the biases. Throws
// Error naming the first tensor that is missing, superfluous or of another shape.
at::Tensor import_weights(const Tensors& weights, Parameters& parameters, int64_t routers,
                          int64_t experts);

}  // namespace ballast::trainer
