#include "prompts/numbers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

namespace ballast::prompts {

std::string number(double x, int decimals) {
  char text[400];
  return {text, std::to_chars(text, std::end(text), x, std::chars_format::fixed, decimals).ptr};
}

std::string difference(const Difference& difference) {
  const std::string seeds =
      std::to_string(difference.pairs) + (difference.pairs == 1 ? " seed" : " seeds");
  const double error = difference.standard_error.value_or(0);
  if (!std::isfinite(error) || error <= 0)
    return number(difference.mean, 6) + " (" + seeds + ", standard error unknown)";
  const int decimals = std::clamp(1 - static_cast<int>(std::floor(std::log10(error))), 0, 12);
  return number(difference.mean, decimals) + " +- " + number(error, decimals) + " (" + seeds + ")";
}

std::string difference(const std::optional<Difference>& value) {
  return value ? difference(*value) : "not measured";
}

std::string sorted_loads(const std::vector<double>& load) {
  constexpr size_t kAll = 16, kSome = 9;
  std::vector<double> sorted = load;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  const size_t shown = sorted.size() <= kAll ? sorted.size() : kSome;
  std::string out;
  for (size_t i = 0; i < shown; ++i) {
    const size_t at = shown == sorted.size() ? i : i * (sorted.size() - 1) / (shown - 1);
    out += (i == 0 ? "" : " ") + number(sorted[at] * static_cast<double>(sorted.size()), 2);
  }
  return out;
}

}  // namespace ballast::prompts
