#include "orchestrator/llm/number_arrays.h"

#include <algorithm>
#include <charconv>

namespace ballast::orchestrator {
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

// Takes an array from the start of the text, all but its first bracket; empty: there is none.
std::vector<double> take_array(std::string_view& text) {
  std::vector<double> out;
  do {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string_view number = text.substr(0, static_cast<size_t>(end - text.data()));
    if (error != std::errc() || !in_json(number)) return {};
    out.push_back(number == "-0" ? 0 : value);  // JSON's whole numbers have one zero
    text.remove_prefix(number.size());
  } while (take(text, ','));
  return take(text, ']') ? out : std::vector<double>();
}

}  // namespace

NumberArrays take_number_arrays(std::string_view text, std::string_view key) {
  NumberArrays out;
  const std::string quoted = '"' + std::string(key) + '"';
  for (size_t found = 0; (found = text.find(quoted)) != std::string_view::npos;) {
    std::string_view rest = text.substr(found + quoted.size());
    if (!take(rest, ':')) {  // a text that reads like the key
      out.rest += text.substr(0, found + quoted.size());
    } else {
      if (!take(rest, '[')) return {};
      std::vector<double> array = take_array(rest);
      if (array.empty()) return {};
      out.arrays.push_back(std::move(array));
      out.rest += text.substr(0, found);
      out.rest += quoted + ":[]";
    }
    text = rest;
  }
  if (out.arrays.empty()) return {};
  out.rest += text;
  return out;
}

}  // namespace ballast::orchestrator
