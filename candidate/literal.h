// Pieces of the lexer that look at characters: encoding, numbers, strange characters.
#pragma once

#include <cstdint>
#include <string_view>

#include "candidate/fail.h"

namespace ballast::candidate {

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Fails on bytes that are not UTF-8, and on control characters that no Python source has.
void check_encoding(std::string_view source);

struct Literal {
  size_t length = 0;  // bytes of the source
  bool integral = false;
  int64_t integer = 0;
  double number = 0;
};
// The number at the start of `text`, as Python reads it. REQUIRES: text starts with a digit or
// ".digit"
Literal read_number(std::string_view text, Position at);

bool is_string_prefix(std::string_view name);                    // r, b, u, f and their pairs
void check_string_prefix(std::string_view prefix, Position at);  // fails on f and b strings

// `rest` starts with a character that begins no token.
[[noreturn]] void fail_on_character(std::string_view rest, Position at);

}  // namespace ballast::candidate
