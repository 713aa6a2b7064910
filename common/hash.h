// SHA-256, for identities and provenance.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace ballast {

std::string sha256_hex(std::string_view bytes);  // 64 lower-case hexadecimal digits

// Of a file's contents, read in pieces. Throws Error naming the file when it cannot be read.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace ballast
