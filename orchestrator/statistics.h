// Student's t distribution, for intervals around means of few pairs.
#pragma once

namespace ballast::orchestrator {

// P(X <= t) for X with `degrees` of freedom. REQUIRES: degrees > 0
double t_probability(double t, double degrees);

// The t below which a share `p` of the distribution lies. REQUIRES: 0 < p < 1, degrees > 0
double t_quantile(double p, double degrees);

}  // namespace ballast::orchestrator
