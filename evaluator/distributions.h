// Distribution functions that the standard library lacks. Relative accuracy 1e-11 for degrees of
// freedom from 0.5 to 1000, 1e-9 up to 1e6 (tests compare with SciPy and mpmath).
#pragma once

namespace ballast::evaluator {

double normal_cdf(double x);
double normal_quantile(double p);  // REQUIRES: 0 < p < 1

// Regularised incomplete beta function I_x(a, b). REQUIRES: a, b > 0, 0 <= x <= 1
double incomplete_beta(double a, double b, double x);

// Student's t with `df` > 0 degrees of freedom, not necessarily whole; infinity is the normal.
double student_t_cdf(double t, double df);
double student_t_quantile(double p, double df);  // REQUIRES: 0 < p < 1

// P(|T| > critical) where T is noncentral t: the power of a two-sided t-test.
double noncentral_t_power(double noncentrality, double df, double critical);

double digamma(double x);           // REQUIRES: x > 0
double trigamma(double x);          // REQUIRES: x > 0
double trigamma_inverse(double y);  // REQUIRES: y > 0

}  // namespace ballast::evaluator
