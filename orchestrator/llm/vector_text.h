// A vector as text, so that an embedding is stored, replayed and hashed like any other reply:
// base64 (RFC 4648, padded) of little-endian float32.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::orchestrator {

std::string vector_text(std::span<const float> vector);

// nullopt for anything that vector_text() does not write, an empty vector and numbers that are not
// finite included.
std::optional<std::vector<float>> parse_vector_text(std::string_view text);

}  // namespace ballast::orchestrator
