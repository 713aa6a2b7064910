// The built-in balancers; each stands in a file of its own.
#pragma once

#include "trainer/balancer.h"

namespace ballast::trainer::balancers {

Balancer micro_lbl();
Balancer global_lbl();
Balancer sequence_lbl();
Balancer z_loss();
Balancer loss_free(double rate);  // rate: u of the rule, per optimizer step

}  // namespace ballast::trainer::balancers
