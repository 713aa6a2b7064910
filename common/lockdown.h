// The second half of the sandbox, taken by the job itself: once LibTorch is loaded and warm and
// before the first byte of a job is read, the process gives up everything a training does not need.
// In its own library, ballast_lockdown, so that nothing else of common/ needs libseccomp.
#pragma once

#include <string>
#include <vector>

namespace ballast {

// Where the sandbox shows a job its data (evaluator/bubblewrap.h).
inline constexpr const char* kSandboxData = "/data";

// From here on, for all threads of the process and for good:
//   - a system call outside a short list (lockdown.cpp) kills the process with SIGSYS, which the
//     sandbox reports as SANDBOX_VIOLATION. No new program, process, thread or socket, no signal to
//     others, no executable memory, no file opened for writing;
//   - files can be opened, for reading only, if they are or lie below one of `readable`, which may
//   name
//     files or folders; paths that do not exist are skipped. Anything else fails with EACCES. That
//     is Landlock's work: on a kernel without it (5.12 or older) only the view of files that the
//     sandbox made stands in the way. Trainers read data files after the job has come, hence this
//     exception;
//   - no new privileges, no core dumps, no ptrace by processes of the same user.
// Pipes and files that are open already stay usable.
// REQUIRES: one thread (Landlock restricts only the calling one). Throws Error when there are more
// or when any part cannot be put in force; the process must then end.
void lock_down(const std::vector<std::string>& readable = {kSandboxData});

// The version of Landlock that this kernel offers; 0 without it.
int landlock_abi();

}  // namespace ballast
