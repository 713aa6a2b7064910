// A search that can be killed with kill -9, and a file for its archive. Needs KILL_CHILD.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "tests/orchestrator/small_search.h"

namespace ballast::orchestrator {

// A whole search in a process of its own (kill_child.cpp), to be killed.
class KilledSearch {
 public:
  // `models`: with language models (null: without), the fake ones or those at this address, which
  // are asked at most so often.
  KilledSearch(const std::string& archive, const char* evaluations, const char* models = nullptr,
               const char* requests = nullptr) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      execl(KILL_CHILD, KILL_CHILD, archive.c_str(), evaluations, models, requests, nullptr);
      _exit(127);
    }
    close(ends[1]);
    fd_ = ends[0];
  }
  ~KilledSearch() {
    kill(pid_, SIGKILL);
    wait();
    close(fd_);
  }
  KilledSearch(const KilledSearch&) = delete;
  KilledSearch& operator=(const KilledSearch&) = delete;

  // The next line, waiting for it; "" at the end.
  std::string line() {
    size_t end;
    while ((end = buffer_.find('\n')) == std::string::npos) {
      char bytes[4096];
      const ssize_t n = read(fd_, bytes, sizeof bytes);
      if (n <= 0) return "";
      buffer_.append(bytes, static_cast<size_t>(n));
    }
    std::string out = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    return out;
  }
  void kill_now() {
    kill(pid_, SIGKILL);
    wait();
  }
  int wait() {
    if (!status_) {
      int status = 0;
      waitpid(pid_, &status, 0);
      status_ = status;
    }
    return *status_;
  }

 private:
  pid_t pid_ = -1;
  int fd_ = -1;
  std::string buffer_;
  std::optional<int> status_;
};

// A file that is gone again at the end.
class ArchiveFile {
 public:
  explicit ArchiveFile(const std::string& name)
      : path_(testing::TempDir() + "kill_" + std::to_string(getpid()) + "_" + name + ".db") {
    remove_archive(path_);
  }
  ~ArchiveFile() { remove_archive(path_); }
  ArchiveFile(const ArchiveFile&) = delete;
  ArchiveFile& operator=(const ArchiveFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace ballast::orchestrator
