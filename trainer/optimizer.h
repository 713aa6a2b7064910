// AdamW (arXiv 1711.05101) over the flat array of parameters.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "common/spec.h"
#include "trainer/parameters.h"

namespace ballast::trainer {

class AdamW {
 public:
  AdamW(const ScheduleSpec& schedule, const Parameters& parameters,
        Implementation implementation = Implementation::kBest);

  // One step with the gradients that lie in `parameters`; norm gains do not decay. Returns the sum
  // of squares of all gradients, () float: not finite when any gradient is not. (Overflow of the
  // sum needs gradients above 1e18.)
  at::Tensor step(Parameters& parameters, double learning_rate);

 private:
  // Elements [start, end); gives the sum of squares of their gradients.
  at::Tensor update(Parameters& parameters, int64_t start, int64_t end, double learning_rate,
                    double decay);

  ScheduleSpec schedule_;
  bool kernels_;
  at::Tensor moment1_, moment2_;  // (size)
  int64_t steps_ = 0;
};

}  // namespace ballast::trainer
