#include "candidate/python_number.h"

#include <cmath>
#include <limits>

#include "candidate/builder.h"

namespace ballast::candidate::python {

int64_t floor_div(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

int64_t mod(int64_t a, int64_t b) { return a - b * floor_div(a, b); }

double mod(double a, double b) {
  double rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(0.0, b);
  if ((rest < 0) != (b < 0)) rest += b;
  return rest;
}

// CPython's float_divmod (Objects/floatobject.c).
double floor_div(double a, double b) {
  const double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0 && (b < 0) != (rest < 0)) quotient -= 1;
  if (quotient == 0) return std::copysign(0.0, a / b);
  double whole = std::floor(quotient);
  if (quotient - whole > 0.5) whole += 1;
  return whole;
}

double round_half_even(double value) {
  const double below = std::floor(value), rest = value - below;
  if (rest != 0.5) return rest < 0.5 ? below : below + 1;
  return std::fmod(below, 2) == 0 ? below : below + 1;
}

int64_t to_int(double whole) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (!(std::fabs(whole) <= kExact)) {
    throw BuildError("cannot make an int of " + std::to_string(whole),
                     "ints go up to 2^53; keep it a float");
  }
  return static_cast<int64_t>(whole);
}

std::optional<double> exact_power(double a, double b) {
  if (b != std::floor(b) || std::fabs(b) > 1024 || !std::isfinite(a)) return std::nullopt;
  double power = 1;
  for (int i = 0; i < static_cast<int>(std::fabs(b)); ++i) {
    const double next = power * a;
    // The rounding error of the product; it is 0 only if the product is exact (and not subnormal).
    if (std::fma(power, a, -next) != 0 || !std::isfinite(next)) return std::nullopt;
    if (next != 0 && std::fabs(next) < std::numeric_limits<double>::min()) return std::nullopt;
    power = next;
  }
  if (b >= 0) return power;
  const double inverse = 1 / power;
  if (!std::isfinite(inverse) || std::fma(inverse, power, -1.0) != 0) return std::nullopt;
  return inverse;
}

}  // namespace ballast::candidate::python
