// Auxiliary-loss-free balancing: arXiv 2408.15664, algorithm 1:
//
//   bias_i <- bias_i + u * sign(mean load - load_i)
//
// with the loads of the optimizer step just done. The bias selects experts and never enters the
// mixture weights. (The trainer centres biases; only their differences matter.)
#include "trainer/balancers/balancers.h"
#include "trainer/pch.h"

namespace ballast::trainer::balancers {

Balancer loss_free(double rate) {
  return {nullptr,
          [rate](const Record& r, const at::Tensor& bias) {
            const at::Tensor error = 1.0 / static_cast<double>(bias.size(0)) - r.load_global;
            return bias + rate * at::sign(error);
          },
          false};
}

}  // namespace ballast::trainer::balancers
