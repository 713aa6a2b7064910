#include "population/utf8.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ballast::population {
namespace {

// Bytes of the well-formed character at text[at], 0 when there is none.
size_t character(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const auto follows = [&](size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return follows(1) ? 2 : 0;
  const unsigned second = byte(1);
  if (lead < 0xF0) {
    if (lead == 0xE0 && second < 0xA0) return 0;   // overlong
    if (lead == 0xED && second >= 0xA0) return 0;  // surrogate
    return follows(1) && follows(2) ? 3 : 0;
  }
  if (lead > 0xF4 || (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second >= 0x90)) return 0;
  return follows(1) && follows(2) && follows(3) ? 4 : 0;
}

// Past what is plain ASCII from text[at] on, in steps of eight bytes.
size_t skip_ascii(std::string_view text, size_t at) {
  constexpr uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  for (; at + sizeof(uint64_t) <= text.size(); at += sizeof(uint64_t)) {
    uint64_t bytes;
    std::memcpy(&bytes, text.data() + at, sizeof bytes);
    // Subtracting 1 from a NUL sets its high bit; in the lowest one nothing has been borrowed.
    if (((bytes | (bytes - kOnes)) & kHighs) != 0) break;
  }
  return at;
}

}  // namespace

bool is_plain_utf8(std::string_view text) {
  for (size_t at = skip_ascii(text, 0); at < text.size();) {
    const size_t bytes = character(text, at);
    if (bytes == 0) return false;
    at = skip_ascii(text, at + bytes);
  }
  return true;
}

std::string to_plain_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t bytes = character(text, at);
    if (bytes == 0)
      out += "\xEF\xBF\xBD";
    else
      out += text.substr(at, bytes);
    at += bytes == 0 ? 1 : bytes;
  }
  return out;
}

}  // namespace ballast::population
