// One child process with pipes to it. Written on clone and execve, not on a library: what is needed
// between the two (namespaces, death with the parent, limits, a session of its own, no inherited
// descriptor) no spawning library offers together.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evaluator/fd.h"

namespace ballast::evaluator {

struct ProcessSpec {
  std::vector<std::string> arguments;            // [0] is the program's absolute path
  std::vector<std::string> environment;          // "NAME=value"; all the child gets
  std::vector<std::pair<int, uint64_t>> limits;  // RLIMIT_..., soft and hard
  int reports = 0;  // pipes from the child beyond stdout and stderr: its descriptors 3, 4, ...
  // The child becomes process 1 of a PID namespace (in a user namespace where it keeps its user).
  // Its death, whatever the reason, is then the death of all its descendants: the kernel kills and
  // reaps them before the child itself can be waited for. bubblewrap's own --die-with-parent leaves
  // processes behind when it is killed while it starts (a fifth of 400 kills within its first 80
  // ms).
  bool own_pid_namespace = false;
};

// How a process ended.
struct Exit {
  int code = 0;  // exit code; 128 + signal when `signalled`
  bool signalled = false;
  double cpu_seconds =
      0;  // user and system, of the child and what it waited for: without what died
          // with it in a PID namespace of its own, which the kernel does not count
  int64_t peak_bytes = 0;  // largest resident size of any single one of them
};

class Process {
 public:
  // Returns once the program runs. Throws Error naming it when it cannot be started. The child
  // starts with default signals, in a session of its own, with `limits`, and with no descriptor
  // beyond its pipes; it is killed when the *thread* that called this ends (that is how
  // PR_SET_PDEATHSIG works), so start it from a thread that outlives it: spawner.h.
  explicit Process(const ProcessSpec& spec);
  ~Process();  // kills and reaps
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool own_pid_namespace() const { return own_pid_namespace_; }

  // Our ends; non-blocking.
  int input() const { return input_.get(); }    // the child's stdin
  int output() const { return output_.get(); }  // its stdout
  int errors() const { return errors_.get(); }  // its stderr
  int report(int i) const { return reports_[static_cast<size_t>(i)].get(); }

  // Writes what the pipe takes at this moment; 0 when it is full, nullopt when nobody reads any
  // more. Never raises SIGPIPE.
  std::optional<size_t> write_some(std::string_view bytes);
  // Bytes written that the child has not read yet.
  size_t unread() const;
  void close_input() { input_.reset(); }

  // Whether it has ended; reaps it then. Does not wait.
  std::optional<Exit> poll_exit();
  // Kills the child and whatever is still in its process group. Does not wait.
  void kill_group();
  // Waits at most so long for the end.
  std::optional<Exit> wait_exit(double seconds);

 private:
  pid_t pid_ = -1;
  bool own_pid_namespace_ = false;
  Fd input_, output_, errors_;
  std::vector<Fd> reports_;
  std::optional<Exit> exit_;
};

// "died by SIGSEGV", "exit code 3".
std::string describe(const Exit& exit);

struct Finished {
  std::optional<Exit> exit;  // nullopt: it took too long and was killed
  std::string output, errors;
};
// Runs a short program, without input, to its end.
Finished run_to_end(const ProcessSpec& spec, double seconds);

}  // namespace ballast::evaluator
