#include "orchestrator/llm/vector_text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace ballast::orchestrator {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> kValues = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kDigits.size(); ++i)
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<int8_t>(i);
  return values;
}();

std::string base64(const std::vector<uint8_t>& bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t have = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (k < have ? bytes[i + k] : 0u);
    for (size_t k = 0; k < 4; ++k) out += k <= have ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

// Strict: nullopt for another alphabet, missing padding, bits that are left over.
std::optional<std::vector<uint8_t>> bytes_of(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::vector<uint8_t> out;
  out.reserve(text.size() / 4 * 3);
  for (size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const size_t padding = !last || text[i + 3] != '=' ? 0 : text[i + 2] == '=' ? 2 : 1;
    uint32_t group = 0;
    for (size_t k = 0; k < 4; ++k) {
      const int8_t value = k + padding >= 4 ? 0 : kValues[static_cast<unsigned char>(text[i + k])];
      if (value < 0) return std::nullopt;
      group = group << 6 | static_cast<uint32_t>(value);
    }
    if ((group & ((1u << 8 * padding) - 1)) != 0) return std::nullopt;
    for (size_t k = 0; k + padding < 3; ++k)
      out.push_back(static_cast<uint8_t>(group >> (16 - 8 * k) & 255));
  }
  return out;
}

}  // namespace

std::string vector_text(std::span<const float> vector) {
  std::vector<uint8_t> bytes;
  bytes.reserve(vector.size() * 4);
  for (const float x : vector) {
    const auto word = std::bit_cast<uint32_t>(x);
    for (int shift = 0; shift < 32; shift += 8)
      bytes.push_back(static_cast<uint8_t>(word >> shift & 255));
  }
  return base64(bytes);
}

std::optional<std::vector<float>> parse_vector_text(std::string_view text) {
  const auto bytes = bytes_of(text);
  if (!bytes || bytes->empty() || bytes->size() % 4 != 0) return std::nullopt;
  std::vector<float> out;
  out.reserve(bytes->size() / 4);
  for (size_t i = 0; i < bytes->size(); i += 4) {
    uint32_t word = 0;
    for (size_t k = 0; k < 4; ++k) word |= static_cast<uint32_t>((*bytes)[i + k]) << 8 * k;
    out.push_back(std::bit_cast<float>(word));
    if (!std::isfinite(out.back())) return std::nullopt;
  }
  return out;
}

}  // namespace ballast::orchestrator
