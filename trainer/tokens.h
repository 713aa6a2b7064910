// Token files: DOMAIN.SPLIT.bin, unsigned 16-bit little-endian, no header (docs/data.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "common/job.h"

namespace ballast::trainer {

// One mapped file. The map lives as long as the object; the file must not shrink meanwhile.
class TokenFile {
 public:
  // Throws Error naming the file when it cannot be opened or is no token file.
  explicit TokenFile(const std::filesystem::path& path);
  ~TokenFile();
  TokenFile(TokenFile&& other) noexcept;
  TokenFile(const TokenFile&) = delete;
  TokenFile& operator=(const TokenFile&) = delete;
  TokenFile& operator=(TokenFile&&) = delete;

  std::span<const uint16_t> tokens() const { return {data_, size_}; }

 private:
  const uint16_t* data_ = nullptr;
  size_t size_ = 0;  // tokens
};

// The domains of a view, in its order.
struct Corpus {
  std::vector<std::string> domains;
  std::vector<TokenFile> files;
};

// Opens FOLDER/DOMAIN.SPLIT.bin of every domain. Throws Error when one is missing or has fewer than
// `least` tokens.
Corpus open_corpus(const DataView& view, int64_t least);

}  // namespace ballast::trainer
