// What this machine offers to a sandbox, found out by trying.
#pragma once

#include <string>
#include <vector>

namespace ballast::evaluator {

// Levels (stored with each score):
//   L3  namespaces of all kinds and the lockdown (seccomp; Landlock, too, where the kernel has it)
//   L2  no namespaces; Landlock and seccomp   \.
//   L1  no namespaces; seccomp                 } only when the user accepted that
//   L0  nothing but limits                    /
// L4 would be L3 in a cgroup of its own; no cgroup is used yet, memory is judged by looking at
// /proc.
struct HostReport {
  std::string bubblewrap;          // its path; empty when it was not found
  std::string version;             // "bubblewrap 0.8.0"
  bool namespaces = false;         // the whole recipe worked
  bool own_pid_namespace = false;  // ... inside a PID namespace of ours (process.h)
  bool seccomp = false;
  int landlock = 0;  // its version; 0: none
  std::string level;
  std::vector<std::string> notes;  // what is missing, why, and what to do: a line each
};

// Runs bubblewrap with the recipe of a real job, and tries seccomp and Landlock in child processes.
// `bubblewrap`: path of the program; empty: found on PATH. Takes some tens of milliseconds.
HostReport inspect_host(const std::string& bubblewrap = "");

}  // namespace ballast::evaluator
