#include "candidate/literal.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

namespace ballast::candidate {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Length of the UTF-8 sequence at the start of `text`, and its code point; 0 when it is none.
size_t decode(std::string_view text, uint32_t& code) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    code = first;
    return 1;
  }
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  code = first & (0xFFu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  return code < kSmallest[length] || code > 0x10FFFF || surrogate ? 0 : length;
}

std::string hexadecimal(uint32_t value, int digits) {
  std::string text(static_cast<size_t>(digits), '0');
  for (int i = digits - 1; i >= 0; --i, value >>= 4)
    text[static_cast<size_t>(i)] = "0123456789ABCDEF"[value & 15];
  return text;
}

// Digits of `base` with single underscores between them, without the underscores.
size_t digits(std::string_view text, size_t start, int base, std::string& out) {
  size_t i = start;
  const auto is_one = [&](size_t at) {
    if (at >= text.size()) return false;
    const char c = lower(text[at]);
    return base == 16 ? is_digit(c) || (c >= 'a' && c <= 'f') : c >= '0' && c < '0' + base;
  };
  while (is_one(i) || (i > start && i < text.size() && text[i] == '_' && is_one(i + 1))) {
    if (text[i] != '_') out += text[i];
    ++i;
  }
  return i;
}

// A decimal text beyond the range of doubles: infinity or 0, as in Python.
double out_of_range(const std::string& text) {
  const size_t e = text.find_first_of("eE");
  const std::string mantissa = text.substr(0, e);
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  const size_t first = mantissa.find_first_of("123456789");
  if (first == std::string::npos) return 0;
  const bool large_exponent = e != std::string::npos && text.size() - e > 8;
  const bool negative = e != std::string::npos && text[e + 1] == '-';
  if (large_exponent) return negative ? 0 : std::numeric_limits<double>::infinity();
  const int exponent = e == std::string::npos ? 0 : std::stoi(text.substr(e + 1));
  return static_cast<int>(point) - static_cast<int>(first) + exponent > 0
             ? std::numeric_limits<double>::infinity()
             : 0;
}

Literal read_based(std::string_view text, int base, Position at) {
  std::string clean;
  Literal literal;
  literal.integral = true;
  literal.length = digits(text, text.size() > 2 && text[2] == '_' ? 3 : 2, base, clean);
  if (clean.empty()) fail(at, "a number ends before its first digit");
  const auto [end, error] =
      std::from_chars(clean.data(), clean.data() + clean.size(), literal.integer, base);
  if (error != std::errc() || end != clean.data() + clean.size())
    fail(at, "this whole number does not fit in 64 bits", "write it as a float");
  return literal;
}

Literal read_decimal(std::string_view text, Position at) {
  Literal literal;
  std::string clean;
  size_t i = digits(text, 0, 10, clean);
  const size_t whole = clean.size();
  literal.integral = true;
  if (i < text.size() && text[i] == '.') {
    literal.integral = false;
    clean += '.';
    i = digits(text, i + 1, 10, clean);
  }
  if (i < text.size() && lower(text[i]) == 'e') {
    std::string exponent = "e";
    size_t j = i + 1;
    if (j < text.size() && (text[j] == '+' || text[j] == '-')) {
      if (text[j] == '-') exponent += '-';
      ++j;
    }
    const size_t end = digits(text, j, 10, exponent);
    if (end > j) {
      literal.integral = false;
      clean += exponent;
      i = end;
    }
  }
  literal.length = i;
  const char* const last = clean.data() + clean.size();
  if (literal.integral) {
    if (whole > 1 && clean[0] == '0' && clean.find_first_not_of('0') != std::string::npos)
      fail(at, "a whole number must not start with 0");
    if (std::from_chars(clean.data(), last, literal.integer).ec != std::errc())
      fail(at, "this whole number does not fit in 64 bits", "write it as a float");
    return literal;
  }
  if (clean[0] == '.') clean.insert(0, "0");
  const auto result = std::from_chars(clean.data(), clean.data() + clean.size(), literal.number);
  if (result.ec != std::errc()) literal.number = out_of_range(clean);
  return literal;
}

}  // namespace

void check_encoding(std::string_view source) {
  Position at;
  for (size_t i = 0; i < source.size();) {
    uint32_t code = 0;
    const size_t length = decode(source.substr(i), code);
    if (length == 0)
      fail(at, "byte 0x" + hexadecimal(static_cast<unsigned char>(source[i]), 2) + " is not UTF-8",
           "save the text as UTF-8");
    const bool blank = code == '\t' || code == '\n' || code == '\f' || code == '\r';
    if ((code < 0x20 && !blank) || code == 0x7F)
      fail(at, "control character 0x" + hexadecimal(code, 2) + " in the source", "remove it");
    i += length;
    ++at.column;
    if (code == '\n' || (code == '\r' && (i >= source.size() || source[i] != '\n')))
      at = {at.line + 1, 1};
  }
}

Literal read_number(std::string_view text, Position at) {
  const char second = text.size() > 1 ? lower(text[1]) : '\0';
  const bool based = text[0] == '0' && (second == 'x' || second == 'o' || second == 'b');
  const Literal literal = based ? read_based(text,
                                             second == 'x'   ? 16
                                             : second == 'o' ? 8
                                                             : 2,
                                             at)
                                : read_decimal(text, at);
  const char next = literal.length < text.size() ? text[literal.length] : '\0';
  if (lower(next) == 'j') fail(at, "complex numbers are not in the language");
  if (next == '_' || is_digit(next) || (lower(next) >= 'a' && lower(next) <= 'z')) {
    // Python reads `1if x else y`; nobody writes it.
    fail(at, "a number runs into a name", "put a space or an operator between them");
  }
  return literal;
}

bool is_string_prefix(std::string_view name) {
  if (name.empty() || name.size() > 2) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return std::string_view("rbuf").find(lower(c)) != std::string_view::npos;
  });
}

void check_string_prefix(std::string_view prefix, Position at) {
  for (const char c : prefix)
    if (lower(c) == 'f' || lower(c) == 'b')
      fail(at, std::string(1, c) + "-strings are not in the language",
           "strings are only needed where PyTorch takes one, as in reduction='sum'");
}

[[noreturn]] void fail_on_character(std::string_view rest, Position at) {
  uint32_t code = 0;
  const size_t length = decode(rest, code);
  std::string hint;
  switch (code) {
    case '!':
      hint = "write `not x`, or `!=`";
      break;
    case 0x2018:
    case 0x2019:
    case 0x201C:
    case 0x201D:
      hint = "use straight quotes";
      break;
    case 0x2212:
    case 0x2013:
      hint = "write -";
      break;
    case 0xD7:
    case 0xB7:
      hint = "write *";
      break;
    case '`':
      hint = "leave out the Markdown around the code";
      break;
    case 0xA0:
      hint = "use an ordinary space";
      break;
    default:
      if (code >= 0x80) hint = "names are made of ASCII letters, digits and _";
  }
  const bool printable = code > 0x20 && code != 0xA0 && !(code >= 0x80 && code < 0xA0);
  fail(at,
       "character " + (printable ? "'" + std::string(rest.substr(0, length)) + "'" : "") +
           (code >= 0x80
                ? (printable ? " (U+" : "U+") + hexadecimal(code, 4) + (printable ? ")" : "")
                : "") +
           " cannot stand here",
       hint);
}

}  // namespace ballast::candidate
