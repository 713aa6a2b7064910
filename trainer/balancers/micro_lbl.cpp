// Micro-batch load-balancing loss: Switch Transformer, arXiv 2101.03961, eq. 4, for k >= 1 with
// shares that sum to 1:
//
//   loss = E * sum_i load_i * P_i
//
// load: share of the micro-batch's assignments; P: mean probability over the micro-batch's tokens.
// 1 when the router is uniform.
#include "trainer/balancers/balancers.h"
#include "trainer/pch.h"

namespace ballast::trainer::balancers {

Balancer micro_lbl() {
  return {[](const Record& r) {
            return (r.load * r.probs.mean(0)).sum() * static_cast<double>(r.probs.size(1));
          },
          nullptr, false};
}

}  // namespace ballast::trainer::balancers
