#include "orchestrator/statistics.h"

#include <cassert>
#include <cmath>

namespace ballast::orchestrator {
namespace {

// Regularised incomplete beta function I_x(a, b) by its continued fraction (DLMF 8.17.22),
// evaluated with Lentz's method. Converges fast for x < (a + 1) / (a + b + 2); elsewhere its mirror
// image is used: I_x(a, b) = 1 - I_{1-x}(b, a).
double incomplete_beta(double x, double a, double b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(1 - x, b, a);
  const double front = std::exp(a * std::log(x) + b * std::log1p(-x) + std::lgamma(a + b) -
                                std::lgamma(a) - std::lgamma(b)) /
                       a;
  // 1 / (1 + d_1 / (1 + d_2 / (1 + ...)))
  double c = 1, d = 0, fraction = 1;
  for (int n = 1; n < 500; ++n) {
    const double m = n / 2;
    const double numerator = n % 2 == 0
                                 ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
                                 : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + numerator * (n == 1 ? 1 : d));
    c = n == 1 ? 1 : 1 + numerator / c;
    fraction *= c * d;
    if (n > 1 && std::abs(c * d - 1) < 1e-15) break;
  }
  return front * fraction;
}

}  // namespace

double t_probability(double t, double degrees) {
  assert(degrees > 0);
  const double tail = 0.5 * incomplete_beta(degrees / (degrees + t * t), degrees / 2, 0.5);
  return t > 0 ? 1 - tail : tail;
}

double t_quantile(double p, double degrees) {
  assert(p > 0 && p < 1 && degrees > 0);
  if (p < 0.5) return -t_quantile(1 - p, degrees);
  double low = 0, high = 1;
  while (t_probability(high, degrees) < p && high < 1e300) high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-14 * high; ++i) {
    const double middle = (low + high) / 2;
    (t_probability(middle, degrees) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace ballast::orchestrator
