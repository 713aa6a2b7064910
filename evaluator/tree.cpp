#include "evaluator/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "evaluator/fd.h"

namespace ballast::evaluator {
namespace {

// Longest list of children read: enough for 3,000 of them; a job with more than a few is killed
// anyway.
constexpr size_t kLongest = 32 * 1024;

std::string read_proc(pid_t pid, const char* name) {
  char path[96];
  std::snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  const Fd fd(::open(path, O_RDONLY | O_CLOEXEC));
  std::string text;
  char piece[1024];
  while (fd.open() && text.size() < kLongest) {
    const ssize_t n = ::read(fd.get(), piece, sizeof piece);
    if (n <= 0) break;
    text.append(piece, static_cast<size_t>(n));
  }
  return text;
}

int64_t resident_of(pid_t pid) {
  int64_t size = 0, resident = 0;
  if (std::sscanf(read_proc(pid, "statm").c_str(), "%" SCNd64 " %" SCNd64, &size, &resident) != 2)
    return 0;
  static const int64_t page = ::sysconf(_SC_PAGESIZE);
  return resident * page;
}

void add_numbers(const std::string& text, std::vector<pid_t>& out) {
  for (const char* at = text.c_str(); *at != '\0';) {
    char* end = nullptr;
    const long number = std::strtol(at, &end, 10);
    if (end == at) return;
    out.push_back(static_cast<pid_t>(number));
    at = end + std::strspn(end, " ");
  }
}

// The kernel lists children by the thread that forked them.
std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> out;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(tasks.c_str()), ::closedir);
  while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr)
    if (entry->d_name[0] != '.')
      add_numbers(read_proc(pid, ("task/" + std::string(entry->d_name) + "/children").c_str()),
                  out);
  return out;
}

}  // namespace

TreeUse use_of_tree(pid_t root) {
  constexpr size_t kMost = 4096;
  TreeUse use;
  use.pids.push_back(root);
  for (size_t i = 0; i < use.pids.size() && use.pids.size() < kMost; ++i) {
    const pid_t pid = use.pids[i];
    use.resident_bytes += resident_of(pid);
    for (const pid_t child : children_of(pid)) use.pids.push_back(child);
  }
  return use;
}

}  // namespace ballast::evaluator
