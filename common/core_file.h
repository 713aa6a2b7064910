// Core files: a picture of a process's memory that the kernel writes when it crashes.
#pragma once

namespace ballast {

// From now on this process leaves none, whatever the limit was and wherever the system sends them.
// System calls only, so also for a child between fork and exec.
void write_no_core_file();

}  // namespace ballast
