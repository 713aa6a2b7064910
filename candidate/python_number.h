// Arithmetic on Python numbers, as CPython does it. Throws BuildError where Python raises.
#pragma once

#include <cstdint>
#include <optional>

namespace ballast::candidate::python {

int64_t floor_div(int64_t a, int64_t b);
int64_t mod(int64_t a, int64_t b);  // the sign of b
double floor_div(double a, double b);
double mod(double a, double b);
double round_half_even(double value);
int64_t to_int(double whole);  // inf and values beyond 2^53 throw

// a ** b when every step of repeated multiplication is exact (libm then agrees everywhere).
std::optional<double> exact_power(double a, double b);

}  // namespace ballast::candidate::python
