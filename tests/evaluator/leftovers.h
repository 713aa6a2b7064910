// Looks for what a test may have left behind: descriptors, children, processes.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>

namespace ballast::evaluator {

inline int open_descriptors() {
  using Folder = std::filesystem::directory_iterator;
  return static_cast<int>(std::distance(Folder("/proc/self/fd"), Folder()));
}

// A child of this process that nobody waited for, dead or alive.
inline bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD; }

// Whether it becomes true within some seconds. Not a claim about time: it only bounds how long a
// failing test waits.
inline bool soon(const std::function<bool()>& condition, double seconds = 20) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// A process of this machine whose command line holds `text`.
inline bool somebody_runs(const std::string& text) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos ||
        name == std::to_string(getpid()))
      continue;
    // A process may end while it is read; operator<< turns that into a short answer, not an
    // exception.
    std::ostringstream line;
    line << std::ifstream(entry.path() / "cmdline", std::ios::binary).rdbuf();
    if (line.str().find(text) != std::string::npos) return true;
  }
  return false;
}

}  // namespace ballast::evaluator
