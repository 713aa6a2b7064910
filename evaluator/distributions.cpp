#include "evaluator/distributions.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>

namespace ballast::evaluator {
namespace {

double log_gamma(double x) {
  int sign = 0;
  return lgamma_r(x, &sign);  // std::lgamma writes a global
}

// Continued fraction of I_x(a, b) by the modified Lentz method (DLMF 8.17.22; Press et al.,
// Numerical Recipes, section 6.4). Converges fast for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  constexpr double kEpsilon = 1e-16;
  constexpr int kTerms = 20000;  // about sqrt(max(a, b)) are needed
  const auto guard = [](double v) { return std::fabs(v) < kTiny ? kTiny : v; };
  double c = 1;
  double d = 1 / guard(1 - (a + b) * x / (a + 1));
  double h = d;
  for (int m = 1; m <= kTerms; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guard(1 + even * d);
    c = guard(1 + even / c);
    h *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guard(1 + odd * d);
    c = guard(1 + odd / c);
    h *= d * c;
    if (std::fabs(d * c - 1) < kEpsilon) break;
  }
  return h;
}

// P(T > t) for t >= 0, without cancellation in the tail.
double upper_tail(double t, double df) {
  if (std::isinf(df)) return normal_cdf(-t);
  return 0.5 * incomplete_beta(df / 2, 0.5, df / (df + t * t));
}

}  // namespace

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

double normal_quantile(double p) {
  return student_t_quantile(p, std::numeric_limits<double>::infinity());
}

double incomplete_beta(double a, double b, double x) {
  assert(a > 0 && b > 0 && x >= 0 && x <= 1);
  if (x == 0 || x == 1) return x;
  const double front = std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) +
                                b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double student_t_cdf(double t, double df) {
  assert(df > 0);
  const double tail = upper_tail(std::fabs(t), df);
  return t > 0 ? 1 - tail : tail;
}

double student_t_quantile(double p, double df) {
  assert(p > 0 && p < 1 && df > 0);
  if (p > 0.5) return -student_t_quantile(1 - p, df);
  if (p == 0.5) return 0;
  // Bisection on the tail, which falls: a bracket by doubling, then down to neighbouring doubles.
  double high = 1;
  while (upper_tail(high, df) > p && high < 1e300) high *= 2;
  double low = high == 1 ? 0 : high / 2;
  for (int i = 0; i < 200; ++i) {
    const double middle = 0.5 * (low + high);
    if (middle == low || middle == high) break;
    (upper_tail(middle, df) > p ? low : high) = middle;
  }
  return -high;
}

// |T| > critical, T = (Z + noncentrality) / s, s^2 = chi^2_df / df. Given s the probability is
// normal; it is integrated over the density of s by Simpson's rule.
double noncentral_t_power(double noncentrality, double df, double critical) {
  assert(df > 0 && critical >= 0);
  const auto given = [&](double s) {
    return normal_cdf(noncentrality - critical * s) + normal_cdf(-noncentrality - critical * s);
  };
  if (std::isinf(df)) return given(1);
  // Density of s: 2 (df/2)^(df/2) / Gamma(df/2) * s^(df-1) * exp(-df s^2 / 2), taken in u = log s,
  // where it is smooth at 0 for every df.
  const double log_front = std::log(2.0) + 0.5 * df * std::log(0.5 * df) - log_gamma(0.5 * df);
  const auto integrand = [&](double u) {
    const double s = std::exp(u);
    return std::exp(log_front + df * u - 0.5 * df * s * s) * given(s);
  };
  const double low = -40 / df - 1, high = std::log(1 + 10 / std::sqrt(df));
  constexpr int kSteps = 4000;  // even
  const double step = (high - low) / kSteps;
  double sum = integrand(low) + integrand(high);
  for (int i = 1; i < kSteps; ++i) sum += (i % 2 == 1 ? 4 : 2) * integrand(low + i * step);
  return sum * step / 3;
}

// Recurrence up to x >= 10, then the asymptotic series (Abramowitz & Stegun 6.3.18, 6.4.12).
double digamma(double x) {
  assert(x > 0);
  double shift = 0;
  for (; x < 10; x += 1) shift -= 1 / x;
  const double y = 1 / (x * x);
  return shift + std::log(x) - 0.5 / x -
         y * (1.0 / 12 - y * (1.0 / 120 - y * (1.0 / 252 - y * (1.0 / 240 - y / 132))));
}

double trigamma(double x) {
  assert(x > 0);
  double shift = 0;
  for (; x < 10; x += 1) shift += 1 / (x * x);
  const double y = 1 / (x * x);
  return shift + 1 / x + 0.5 * y +
         (y / x) * (1.0 / 6 - y * (1.0 / 30 - y * (1.0 / 42 - y * (1.0 / 30 - y * 5.0 / 66))));
}

// trigamma falls from infinity to 0: bisection on log x.
double trigamma_inverse(double y) {
  assert(y > 0);
  double low = -50, high = 50;  // of log x
  for (int i = 0; i < 200; ++i) {
    const double middle = 0.5 * (low + high);
    if (middle == low || middle == high) break;
    (trigamma(std::exp(middle)) > y ? low : high) = middle;
  }
  return std::exp(0.5 * (low + high));
}

}  // namespace ballast::evaluator
