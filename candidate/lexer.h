// Python's tokens: indentation, logical lines, brackets, numbers, strings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "candidate/fail.h"

namespace ballast::candidate {

enum class Tok : uint8_t {
  kName,  // keywords too
  kInt,
  kFloat,
  kString,
  kOp,       // operators, brackets, separators: `text` tells which
  kNewline,  // end of a logical line
  kIndent,
  kDedent,
  kEnd,
};

struct Token {
  Tok kind = Tok::kEnd;
  Position at;
  std::string_view text;  // the characters in the source; empty for layout tokens
  int64_t integer = 0;    // kInt
  double number = 0;      // kFloat
  std::string string;     // kString, escapes resolved
};

// Throws Fail. The tokens point into `source`. The last one is kEnd, after balanced indents.
std::vector<Token> lex(std::string_view source, const Limits& limits);

}  // namespace ballast::candidate
