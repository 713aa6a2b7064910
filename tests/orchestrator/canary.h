// A key that no real provider ever gave out, and where a test looks for it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>

namespace ballast::orchestrator {

inline const std::string kCanary = "sk-canary-7f3a9c51d2e84b06";

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// In no file below the folder but the one named "key". Gives the number of files looked at.
inline int expect_no_canary_below(const std::filesystem::path& folder) {
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().filename() == "key") continue;
    ++files;
    EXPECT_EQ(bytes_of(entry.path()).find(kCanary), std::string::npos) << entry.path();
  }
  return files;
}

// Looks at the environments and command lines of all programs that descend from a process, again
// and again while it lives. Of the process itself nothing is looked at, nor of its clones that have
// not become another program yet: they share its environment, which holds the key.
class EnvironmentWatch {
 public:
  explicit EnvironmentWatch(pid_t pid) : pid_(pid), thread_([this] { watch(); }) {}
  ~EnvironmentWatch() { stop(); }
  EnvironmentWatch(const EnvironmentWatch&) = delete;
  EnvironmentWatch& operator=(const EnvironmentWatch&) = delete;

  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  // After stop(): how many looks held the environment that jobs get, and how many the key.
  int clean() const { return clean_; }
  int dirty() const { return dirty_; }

 private:
  void watch() {
    while (!stopping_) {
      look();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  void look() {
    std::map<pid_t, pid_t> parents;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const pid_t pid = std::atoi(entry.path().filename().c_str());
      if (pid <= 0) continue;
      const std::string stat = bytes_of(entry.path() / "stat");  // "PID (NAME) STATE PARENT ..."
      const size_t end = stat.rfind(')');
      if (end != std::string::npos && end + 4 < stat.size())
        parents[pid] = std::atoi(stat.c_str() + end + 4);
    }
    for (const auto& [pid, parent] : parents)
      if (descends(pid, parents)) look_at("/proc/" + std::to_string(pid) + "/");
  }
  bool descends(pid_t pid, const std::map<pid_t, pid_t>& parents) const {
    while (pid > 1 && pid != pid_) {
      const auto it = parents.find(pid);
      if (it == parents.end()) return false;
      pid = it->second;
      if (pid == pid_) return true;
    }
    return false;
  }
  void look_at(const std::string& folder) {
    const std::string name =
        bytes_of(folder + "comm");  // before the rest: it only ever changes once
    if (name != "bwrap\n" && name != "ballast-trainer\n") return;
    const std::string environment = bytes_of(folder + "environ");
    clean_ += environment.find("OMP_NUM_THREADS=1") != std::string::npos;
    dirty_ += (environment + bytes_of(folder + "cmdline")).find(kCanary) != std::string::npos;
  }

  const pid_t pid_;
  std::atomic<bool> stopping_{false};
  int clean_ = 0, dirty_ = 0;  // of the thread until it has ended
  std::thread thread_;
};

}  // namespace ballast::orchestrator
