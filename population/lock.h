// One daemon per archive: an flock on FILE.lock, which names its holder. The lock ends with the
// process, however that ends; the file stays.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace ballast::population {

class ArchiveLock {
 public:
  // Throws Error naming the holder when another process (or another Archive of this one) has it.
  explicit ArchiveLock(const std::filesystem::path& archive);
  ~ArchiveLock();
  ArchiveLock(const ArchiveLock&) = delete;
  ArchiveLock& operator=(const ArchiveLock&) = delete;

 private:
  int fd_ = -1;
};

// "process 1234 on HOST" while some process has the archive open for writing. Changes nothing.
std::optional<std::string> lock_holder(const std::filesystem::path& archive);

// Its process id, when it runs on this host.
std::optional<int> lock_holder_pid(const std::filesystem::path& archive);

}  // namespace ballast::population
