// The gradient of one value with respect to one tensor.
#pragma once

#include <ATen/core/Tensor.h>

namespace ballast::trainer {

// d value / d input, zeros where the graph does not connect them. Keeps the graph, since a record
// serves many values. Throws CandidateError where ATen has no derivative.
// REQUIRES: value is (), input requires gradient
at::Tensor gradient(const at::Tensor& value, const at::Tensor& input);

}  // namespace ballast::trainer
