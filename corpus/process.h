// Runs one program of the system (apt-get, dpkg-deb) to its end.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ballast::corpus {

struct Finished {
  int status = 0;  // exit code; 128 + signal when it was killed
  std::string output;
  std::string errors;
  // The most telling line of `errors`: that the disk is full, else apt's first error, else the
  // last line.
  std::string reason() const;
};

// In `folder`, with LC_ALL=C and no input. Throws Error when the program does not exist.
Finished run_program(const std::vector<std::string>& arguments,
                     const std::filesystem::path& folder);

}  // namespace ballast::corpus
