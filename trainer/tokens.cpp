#include "trainer/tokens.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/error.h"

namespace ballast::trainer {

static_assert(std::endian::native == std::endian::little, "token files are read as they lie");

TokenFile::TokenFile(const std::filesystem::path& path) {
  const auto fail = [&](const std::string& why) {
    throw Error("opening token file " + path.string() + ": " + why +
                " (build the corpus with `ballast data build`)");
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(std::strerror(errno));
  struct stat status {};
  const bool known = ::fstat(fd, &status) == 0;
  const auto bytes = known ? static_cast<size_t>(status.st_size) : 0;
  void* map = MAP_FAILED;
  if (bytes > 0 && bytes % sizeof(uint16_t) == 0)
    map = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
  ::close(fd);
  if (bytes == 0 || bytes % sizeof(uint16_t) != 0)
    fail("its size, " + std::to_string(bytes) + " bytes, is not a positive multiple of 2");
  if (map == MAP_FAILED) fail("it cannot be mapped");
  data_ = static_cast<const uint16_t*>(map);
  size_ = bytes / sizeof(uint16_t);
}

TokenFile::~TokenFile() {
  if (data_) ::munmap(const_cast<uint16_t*>(data_), size_ * sizeof(uint16_t));
}

TokenFile::TokenFile(TokenFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Corpus open_corpus(const DataView& view, int64_t least) {
  require(!view.domains.empty(), "the data view names no domain");
  Corpus corpus;
  corpus.domains = view.domains;
  corpus.files.reserve(view.domains.size());
  for (const std::string& domain : view.domains) {
    const std::filesystem::path path =
        std::filesystem::path(view.folder) / (domain + "." + view.split + ".bin");
    corpus.files.emplace_back(path);
    const auto size = static_cast<int64_t>(corpus.files.back().tokens().size());
    if (size < least)
      throw Error("token file " + path.string() + " has " + std::to_string(size) +
                  " tokens, but this job needs " + std::to_string(least) +
                  " of each domain: give more text or a smaller budget");
  }
  return corpus;
}

}  // namespace ballast::trainer
