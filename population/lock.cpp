#include "population/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <sstream>
#include <utility>

#include "common/error.h"

namespace ballast::population {
namespace {

std::string lock_name(const std::filesystem::path& archive) { return archive.string() + ".lock"; }

std::string host() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

// The lock file's text is "PID HOST\n".
std::pair<int, std::string> holder_in(int fd) {
  std::array<char, 512> text{};
  const ssize_t bytes = pread(fd, text.data(), text.size() - 1, 0);
  std::istringstream words(bytes > 0 ? text.data() : "");
  int pid = 0;
  std::string where;
  words >> pid >> where;
  return {pid, where};
}

std::string describe(const std::pair<int, std::string>& holder) {
  if (holder.first <= 0) return "another process";
  return "process " + std::to_string(holder.first) + " on " + holder.second;
}

// The holder of a held lock, nothing when it is free.
std::optional<std::pair<int, std::string>> look(const std::filesystem::path& archive) {
  const int fd = open(lock_name(archive).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::optional<std::pair<int, std::string>> holder;
  if (flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) holder = holder_in(fd);
  close(fd);
  return holder;
}

}  // namespace

ArchiveLock::ArchiveLock(const std::filesystem::path& archive) {
  const std::string name = lock_name(archive);
  fd_ = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0)
    throw Error("opening archive " + archive.string() + ": cannot make " + name + ": " +
                strerror(errno));
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const bool held = errno == EWOULDBLOCK;
    const std::string why = held ? "it is in use by " + describe(holder_in(fd_)) +
                                       ": stop that first, or use another archive"
                                 : "cannot lock " + name + ": " + strerror(errno);
    close(fd_);
    throw Error("opening archive " + archive.string() + ": " + why);
  }
  const std::string text = std::to_string(getpid()) + " " + host() + "\n";
  if (ftruncate(fd_, 0) != 0 ||
      pwrite(fd_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    const std::string why = strerror(errno);
    close(fd_);
    throw Error("opening archive " + archive.string() + ": cannot write " + name + ": " + why);
  }
}

ArchiveLock::~ArchiveLock() { close(fd_); }

std::optional<std::string> lock_holder(const std::filesystem::path& archive) {
  const auto holder = look(archive);
  if (!holder) return std::nullopt;
  return describe(*holder);
}

std::optional<int> lock_holder_pid(const std::filesystem::path& archive) {
  const auto holder = look(archive);
  if (!holder || holder->first <= 0 || holder->second != host()) return std::nullopt;
  return holder->first;
}

}  // namespace ballast::population
