// Router z-loss: ST-MoE, arXiv 2202.08906, eq. 5:
//
//   loss = mean over tokens of (log sum_i exp(logit_i))^2
#include "trainer/balancers/balancers.h"
#include "trainer/pch.h"

namespace ballast::trainer::balancers {

Balancer z_loss() {
  return {[](const Record& r) { return at::logsumexp(r.logits, {1}).square().mean(); }, nullptr,
          false};
}

}  // namespace ballast::trainer::balancers
