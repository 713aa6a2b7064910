// The built-in balancers; each stands in a file of its own.
#pragma once

#include "trainer/balancer.h"

namespace ballast::trainer::balancers {

Balancer micro_lbl();
Balancer global_lbl();
Balancer sequence_lbl();
Balancer z_loss();
Balancer loss_free(double rate);  // rate: u of the rule, per optimizer step
Balancer bip(int iterations);     // iterations: T of the algorithm, at least 1
int bip_iterations(std::string_view name);  // 8 of "bip_8"; 0 for other names

}  // namespace ballast::trainer::balancers
