// Tensors as plain numbers.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace ballast::trainer {

// All elements in row-major order, on whatever device they are; waits for the device.
inline std::vector<double> to_doubles(const at::Tensor& t) {
  const at::Tensor host = t.detach().to(at::kCPU, at::kDouble).contiguous();
  const double* data = host.const_data_ptr<double>();
  return {data, data + host.numel()};
}

}  // namespace ballast::trainer
