// A folder of a test's own.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "common/error.h"

namespace ballast::fakes {

// A new, empty folder that nobody else has. Throws Error.
inline std::filesystem::path make_temporary_folder() {
  constexpr int kReplaced = 6;  // characters that mkdtemp puts its own in place of
  std::string pattern =
      (std::filesystem::temp_directory_path() / "ballast-").string() + std::string(kReplaced, 'X');
  if (mkdtemp(pattern.data()) == nullptr)
    throw Error("cannot make the temporary folder " + pattern);
  return pattern;
}

// One that lives as long as the object.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_(make_temporary_folder()) {}
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace ballast::fakes
