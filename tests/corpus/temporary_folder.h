// A folder of its own for a test, removed afterwards.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/fakes/temporary_folder.h"

namespace ballast::corpus {

class TemporaryFolder : public fakes::TemporaryFolder {
 public:
  // Writes a file below the folder, making the folders on its way.
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = this->path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
};

inline std::string contents(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// The message of the Error that `action` throws; a failing message when it throws none.
template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "(nothing was thrown)";
}

}  // namespace ballast::corpus
