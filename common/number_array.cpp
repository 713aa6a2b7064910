#include "common/number_array.h"

#include <algorithm>
#include <charconv>

namespace ballast {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Whether a number that from_chars() takes is JSON's, which has neither "inf", ".5", "1." nor "01".
bool in_json(std::string_view number) {
  if (number.starts_with('-')) number.remove_prefix(1);
  if (number.empty() || !is_digit(number[0])) return false;
  if (number.size() > 1 && number[0] == '0' && is_digit(number[1])) return false;
  const size_t dot = number.find('.');
  return dot == std::string_view::npos || (dot + 1 < number.size() && is_digit(number[dot + 1]));
}

// Takes `c` and the blanks before it from the start of the text.
bool take(std::string_view& text, char c) {
  const size_t at = text.find_first_not_of(" \t\r\n");
  if (at == std::string_view::npos || text[at] != c) return false;
  text.remove_prefix(at + 1);
  return true;
}

}  // namespace

std::vector<double> take_number_array(std::string_view& text) {
  std::vector<double> out;
  if (!take(text, '[')) return out;
  do {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string_view number = text.substr(0, static_cast<size_t>(end - text.data()));
    if (error != std::errc() || !in_json(number)) return {};
    out.push_back(number == "-0" ? 0 : value);  // JSON's whole numbers have one zero
    text.remove_prefix(number.size());
  } while (take(text, ','));
  if (!take(text, ']')) out.clear();
  return out;
}

}  // namespace ballast
