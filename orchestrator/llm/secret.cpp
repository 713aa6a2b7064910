#include "orchestrator/llm/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "common/core_file.h"
#include "common/error.h"

namespace ballast::orchestrator {
namespace {

constexpr size_t kMaxBytes = 4096;

[[noreturn]] void refuse(const std::string& from, const std::string& why) {
  throw Error("the key from " + from + ": " + why, ExitCode::kUsage);
}

// Closes itself, so that an Error leaves no descriptor to a key open.
struct File {
  int fd;
  ~File() {
    if (fd >= 0) close(fd);
  }
};

}  // namespace

Secret::~Secret() {
  if (bytes_) explicit_bzero(bytes_.get(), size_);
}

void Secret::redact(std::string& text) const {
  constexpr size_t kShortest = 12;
  constexpr std::string_view kInstead = "[key]";
  if (size_ < kShortest) return;
  for (size_t at = text.find(reveal()); at != std::string::npos; at = text.find(reveal(), at)) {
    text.replace(at, size_, kInstead);
    at += kInstead.size();
  }
}

std::shared_ptr<const Secret> Secret::made_of(std::string_view text, const std::string& from) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) refuse(from, "there is none");
  text = text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
  if (text.size() > kMaxBytes) refuse(from, "longer than 4096 bytes, so it is no key");
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; }))
    refuse(from, "it holds a blank or a character that is not visible ASCII");
  write_no_core_file();  // which would hold it
  const auto secret = std::make_shared<Secret>();
  secret->bytes_ = std::make_unique<char[]>(text.size());
  secret->size_ = text.size();
  std::copy(text.begin(), text.end(), secret->bytes_.get());
  return secret;
}

std::shared_ptr<const Secret> Secret::from_environment(const std::string& name) {
  const std::string from = "the environment variable " + name;
  const char* text = std::getenv(name.c_str());
  if (text == nullptr) refuse(from, "it is not set: `export " + name + "=...`, or use key_file");
  return made_of(text, from);
}

std::shared_ptr<const Secret> Secret::from_file(const std::filesystem::path& path) {
  const std::string from = path.string();
  const File file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
  if (file.fd < 0) refuse(from, std::string("it cannot be opened: ") + strerror(errno));
  struct stat about {};
  if (fstat(file.fd, &about) != 0 || !S_ISREG(about.st_mode)) refuse(from, "it is no regular file");
  if (about.st_uid != geteuid() && about.st_uid != 0) refuse(from, "it belongs to somebody else");
  if ((about.st_mode & 077) != 0)
    refuse(from, "others may read or write it: `chmod 600 " + from + "`");
  std::array<char, kMaxBytes + 64> buffer{};
  const ssize_t bytes = read(file.fd, buffer.data(), buffer.size());
  if (bytes < 0) refuse(from, std::string("it cannot be read: ") + strerror(errno));
  struct Wipe {
    std::array<char, kMaxBytes + 64>& buffer;
    ~Wipe() { explicit_bzero(buffer.data(), buffer.size()); }
  } wipe{buffer};
  return made_of({buffer.data(), static_cast<size_t>(bytes)}, from);
}

}  // namespace ballast::orchestrator
