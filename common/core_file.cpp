#include "common/core_file.h"

#include <sys/resource.h>

namespace ballast {

// A limit of 1 byte is less than the smallest core file, and what keeps the kernel from starting a
// program for core files (core(5), pipes in core_pattern), which a limit of 0 does not.
void write_no_core_file() {
  rlimit core{};
  if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max == 0) return;
  core.rlim_cur = 1;
  setrlimit(RLIMIT_CORE, &core);
}

}  // namespace ballast
