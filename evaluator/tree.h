// What a process and all its descendants use, read from /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace ballast::evaluator {

struct TreeUse {
  int64_t resident_bytes = 0;  // summed; pages that several share count several times
  std::vector<pid_t> pids;     // the root first
};

// Processes that end meanwhile are left out; no error then.
TreeUse use_of_tree(pid_t root);

}  // namespace ballast::evaluator
