// Text as the archive keeps it: UTF-8 without NUL, which every tool that opens the file can read.
#pragma once

#include <string>
#include <string_view>

namespace ballast::population {

// True for well-formed UTF-8 (Unicode 15, table 3-7: no overlong forms, no surrogates) without NUL.
bool is_plain_utf8(std::string_view text);

// The same text with U+FFFD for each byte that is NUL or belongs to no well-formed character.
std::string to_plain_utf8(std::string_view text);

}  // namespace ballast::population
