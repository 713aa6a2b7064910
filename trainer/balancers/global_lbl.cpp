// Global-batch load-balancing loss: arXiv 2501.11873, eq. 4-6:
//
//   loss = E * sum_i load_global_i * P_i
//
// load_global: share of the window's assignments (no gradient); P: mean probability over the
// micro-batch's tokens. Averaged over micro-batches this is E * sum_i load_global_i * P_global_i.
#include "trainer/balancers/balancers.h"
#include "trainer/pch.h"

namespace ballast::trainer::balancers {

Balancer global_lbl() {
  return {[](const Record& r) {
            return (r.load_global * r.probs.mean(0)).sum() * static_cast<double>(r.probs.size(1));
          },
          nullptr, false};
}

}  // namespace ballast::trainer::balancers
