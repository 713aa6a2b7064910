#include "evaluator/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/clock.h"
#include "common/error.h"

namespace ballast::evaluator {
namespace {

[[noreturn]] void fail(const std::string& what) { throw Error(what + ": " + std::strerror(errno)); }

struct Pipe {
  Fd read, write;
};

// Both ends close on exec and lie above the descriptors that the child will use, so that moving
// them there cannot hit one that is still to be moved.
Pipe make_pipe() {
  constexpr int kLowest = 16;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("making a pipe to a child process");
  const Fd low_read(ends[0]), low_write(ends[1]);
  Pipe pipe{Fd(::fcntl(ends[0], F_DUPFD_CLOEXEC, kLowest)),
            Fd(::fcntl(ends[1], F_DUPFD_CLOEXEC, kLowest))};
  if (!pipe.read.open() || !pipe.write.open()) fail("making a pipe to a child process");
  return pipe;
}

void make_nonblocking(const Fd& fd) {
  if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) fail("setting up a pipe to a child process");
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// Everything the child needs between fork and exec, where it must not allocate.
struct Prepared {
  std::vector<char*> arguments, environment;
  std::vector<std::pair<int, rlimit>> limits;
  std::vector<int> descriptors;  // become 0, 1, 2, ...
  int parents_end;               // the parent's end of the child's stdin
  bool own_pid_namespace;
  std::string uid_map, gid_map;
};

// What the child says through a pipe that closes at exec, if something fails.
struct Trouble {
  char doing[60];
  int error;
};

bool write_file(const char* path, std::string_view text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return written;
}

bool map_own_user(const Prepared& p) {
  // Without this a parent that cannot be traced leaves a child that may not write its own maps.
  return ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 && write_file("/proc/self/setgroups", "deny") &&
         write_file("/proc/self/uid_map", p.uid_map) && write_file("/proc/self/gid_map", p.gid_map);
}

// True once the parent is gone: nobody holds the writing end of this pipe any more.
bool parent_died(int own_end) {
  pollfd end{own_end, 0, 0};
  return ::poll(&end, 1, 0) > 0;
}

// The child, until exec: async-signal-safe calls only. Returns what failed.
const char* become(const Prepared& p) {
  ::close(p.parents_end);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return "tying it to its parent";
  if (parent_died(p.descriptors[0])) ::_exit(127);  // before the line above took effect
  if (p.own_pid_namespace && !map_own_user(p)) return "mapping its user";
  if (::setsid() < 0) return "setsid";
  struct sigaction default_action {};
  default_action.sa_handler = SIG_DFL;
  for (int s = 1; s < NSIG; ++s) ::sigaction(s, &default_action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  if (::sigprocmask(SIG_SETMASK, &none, nullptr) != 0) return "sigprocmask";
  for (size_t i = 0; i < p.descriptors.size(); ++i)
    if (::dup2(p.descriptors[i], static_cast<int>(i)) < 0) return "dup2";
  // Whatever else is open here closes at exec, even if somebody forgot O_CLOEXEC.
  if (::syscall(SYS_close_range, static_cast<unsigned>(p.descriptors.size()), ~0U,
                CLOSE_RANGE_CLOEXEC) != 0)
    return "close_range";
  // Last, since under a sanitizer even these lines allocate.
  for (const auto& [resource, limit] : p.limits)
    if (::setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return "setrlimit";
  ::execve(p.arguments[0], p.arguments.data(), p.environment.data());
  return "execve";
}

// As fork; but with `own_pid_namespace` in new namespaces, which glibc's fork cannot do.
pid_t fork_into(bool own_pid_namespace) {
  if (!own_pid_namespace) return ::fork();
  return static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD, nullptr,
                                      nullptr, nullptr, nullptr));
}

std::string map_of(unsigned id) { return std::to_string(id) + ' ' + std::to_string(id) + " 1"; }

// Waits for the exec of a child; what it reports if that fails.
std::optional<Trouble> trouble_of_child(int pipe) {
  Trouble trouble{};
  ssize_t n;
  do {
    n = ::read(pipe, &trouble, sizeof trouble);
  } while (n < 0 && errno == EINTR);
  if (n != sizeof trouble) return std::nullopt;
  return trouble;
}

double seconds_of(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

// Keeps SIGPIPE away from this thread while it writes.
class NoSigpipe {
 public:
  NoSigpipe() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigpipe() {
    const timespec at_once{0, 0};
    if (broken && !::sigismember(&before_, SIGPIPE)) ::sigtimedwait(&pipe_, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  bool broken = false;

 private:
  sigset_t pipe_, before_;
};

}  // namespace

Process::Process(const ProcessSpec& spec) : own_pid_namespace_(spec.own_pid_namespace) {
  std::vector<Pipe> pipes(3 + static_cast<size_t>(spec.reports));
  for (Pipe& pipe : pipes) pipe = make_pipe();
  Pipe trouble = make_pipe();

  Prepared p{pointers(spec.arguments),
             pointers(spec.environment),
             {},
             {},
             pipes[0].write.get(),
             spec.own_pid_namespace,
             map_of(::geteuid()),
             map_of(::getegid())};
  for (const auto& [resource, value] : spec.limits) p.limits.push_back({resource, {value, value}});
  p.descriptors.push_back(pipes[0].read.get());
  for (size_t i = 1; i < pipes.size(); ++i) p.descriptors.push_back(pipes[i].write.get());

  pid_ = fork_into(spec.own_pid_namespace);
  if (pid_ < 0) fail("starting " + spec.arguments[0]);
  if (pid_ == 0) {
    Trouble report{};
    std::strncpy(report.doing, become(p), sizeof report.doing - 1);
    report.error = errno;
    (void)!::write(trouble.write.get(), &report, sizeof report);
    ::_exit(127);
  }
  trouble.write.reset();
  if (const std::optional<Trouble> t = trouble_of_child(trouble.read.get())) {
    (void)wait_exit(10);
    throw Error("cannot start " + spec.arguments[0] + " (" + t->doing +
                "): " + std::strerror(t->error));
  }
  input_ = std::move(pipes[0].write);
  output_ = std::move(pipes[1].read);
  errors_ = std::move(pipes[2].read);
  for (size_t i = 3; i < pipes.size(); ++i) reports_.push_back(std::move(pipes[i].read));
  make_nonblocking(input_);
  make_nonblocking(output_);
  make_nonblocking(errors_);
  for (const Fd& fd : reports_) make_nonblocking(fd);
}

Process::~Process() {
  if (pid_ <= 0 || exit_) return;
  kill_group();
  // A process that does not die of SIGKILL hangs in the kernel; there is nothing to wait for then.
  (void)wait_exit(10);
}

std::optional<size_t> Process::write_some(std::string_view bytes) {
  NoSigpipe guard;
  const ssize_t n = ::write(input_.get(), bytes.data(), bytes.size());
  if (n >= 0) return static_cast<size_t>(n);
  if (errno == EAGAIN || errno == EINTR) return 0;
  if (errno != EPIPE) fail("writing to a child process");
  guard.broken = true;
  return std::nullopt;
}

size_t Process::unread() const {
  int bytes = 0;
  if (::ioctl(input_.get(), FIONREAD, &bytes) != 0) fail("asking a pipe how full it is");
  return static_cast<size_t>(bytes);
}

std::optional<Exit> Process::poll_exit() {
  if (exit_) return exit_;
  int status = 0;
  rusage usage{};
  const pid_t pid = ::wait4(pid_, &status, WNOHANG, &usage);
  if (pid < 0 && errno != EINTR) fail("waiting for a child process");
  if (pid <= 0) return std::nullopt;
  Exit e;
  e.signalled = WIFSIGNALED(status);
  e.code = e.signalled ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  e.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  e.peak_bytes = int64_t{usage.ru_maxrss} * 1024;
  exit_ = e;
  return exit_;
}

void Process::kill_group() {
  if (exit_) return;  // the number may be somebody else's by now
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
}

std::optional<Exit> Process::wait_exit(double seconds) {
  const Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (exit_ || !handle.open()) return poll_exit();
  pollfd ended{handle.get(), POLLIN, 0};
  timespec left{
      static_cast<time_t>(seconds),
      static_cast<long>((seconds - static_cast<double>(static_cast<time_t>(seconds))) * 1e9)};
  while (::ppoll(&ended, 1, &left, nullptr) < 0 && errno == EINTR) {
  }
  return poll_exit();
}

std::string describe(const Exit& exit) {
  if (exit.code <= 128) return "exit code " + std::to_string(exit.code);
  const char* name = ::sigabbrev_np(exit.code - 128);
  return name != nullptr ? std::string("died by SIG") + name
                         : "exit code " + std::to_string(exit.code);
}

Finished run_to_end(const ProcessSpec& spec, double seconds) {
  Process process(spec);
  process.close_input();
  const SystemClock clock;
  const double deadline = clock.monotonic() + seconds;
  Finished out;
  std::array fds{pollfd{process.output(), POLLIN, 0}, pollfd{process.errors(), POLLIN, 0}};
  const std::array into{&out.output, &out.errors};
  while ((fds[0].fd >= 0 || fds[1].fd >= 0) && clock.monotonic() < deadline) {
    ::poll(fds.data(), fds.size(), 50);
    for (size_t i = 0; i < fds.size(); ++i) {
      char piece[4096];
      const ssize_t n = fds[i].fd < 0 ? 0 : ::read(fds[i].fd, piece, sizeof piece);
      if (n > 0) into[i]->append(piece, static_cast<size_t>(n));
      if (n == 0) fds[i].fd = -1;
    }
  }
  out.exit = process.wait_exit(std::max(0.0, deadline - clock.monotonic()));
  return out;
}

}  // namespace ballast::evaluator
