#include "common/lockdown.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>
#include <vector>

#include "common/error.h"
#include "tests/fakes/temporary_folder.h"

namespace ballast {
namespace {

constexpr int kLockdownFailed = 99;

// Runs `action` in a child process that is locked down; returns its exit code, or minus the signal
// that killed it. Nothing of the test framework runs in the child.
int locked(const std::function<int()>& action, const std::vector<std::string>& readable = {}) {
  const pid_t pid = fork();
  if (pid == 0) {
    try {
      lock_down(readable);
    } catch (const Error& e) {
      fprintf(stderr, "%s\n", e.what());
      _exit(kLockdownFailed);
    }
    _exit(action());
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

class Folder : public fakes::TemporaryFolder {
 public:
  std::string file(const char* name) const {
    std::ofstream(path() / name) << name;
    return path() / name;
  }
};

int open_code(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags, 0600);
  return fd >= 0 ? 0 : errno;
}

TEST(Lockdown, LetsOrdinaryWorkGoOn) {
  EXPECT_EQ(locked([] {
              std::vector<double> big(10'000'000, 1.5);  // mmap, munmap
              void* grown = realloc(malloc(1 << 20), 64 << 20);
              free(grown);
              timespec now;
              clock_gettime(CLOCK_MONOTONIC, &now);
              return big.back() == 1.5 ? 7 : 1;
            }),
            7);
}

TEST(Lockdown, LetsExceptionsBeThrown) {
#ifdef BALLAST_SANITIZED
  GTEST_SKIP() << "UBSan makes pipes when an exception is caught";
#endif
  EXPECT_EQ(locked([] {
              try {
                throw Error("caught");
              } catch (const Error&) {
                return 7;
              }
            }),
            7);
}

TEST(Lockdown, LeavesOpenPipesUsable) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_EQ(locked([&] { return write(ends[1], "x", 1) == 1 ? 0 : 1; }), 0);
  char c = 0;
  EXPECT_EQ(read(ends[0], &c, 1), 1);
  EXPECT_EQ(c, 'x');
  close(ends[0]);
  close(ends[1]);
}

struct Attempt {
  const char* name;
  std::function<long()> call;
};

std::vector<Attempt> forbidden() {
  static char* no_strings[] = {nullptr};
  return {
      {"fork", [] { return long{fork()}; }},
      {"execve", [] { return long{execve("/bin/true", no_strings, no_strings)}; }},
      {"execveat",
       [] { return syscall(SYS_execveat, -1, "/bin/true", no_strings, no_strings, 0); }},
      {"clone3", [] { return syscall(SYS_clone3, nullptr, 0); }},
      {"socket", [] { return long{socket(AF_INET, SOCK_STREAM, 0)}; }},
      {"unix socket", [] { return long{socket(AF_UNIX, SOCK_STREAM, 0)}; }},
      {"socketpair",
       [] {
         int s[2];
         return long{socketpair(AF_UNIX, SOCK_STREAM, 0, s)};
       }},
      {"kill parent", [] { return long{kill(getppid(), 0)}; }},
      {"tgkill other", [] { return syscall(SYS_tgkill, 1, 1, 0); }},
      {"ptrace", [] { return syscall(SYS_ptrace, 0, 0, 0, 0); }},
      {"process_vm_readv",
       [] { return syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0); }},
      {"pidfd_open", [] { return syscall(SYS_pidfd_open, 1, 0); }},
      {"unshare", [] { return long{unshare(CLONE_NEWUSER)}; }},
      {"mount", [] { return syscall(SYS_mount, "a", "b", "c", 0, nullptr); }},
      {"io_uring_setup", [] { return syscall(SYS_io_uring_setup, 1, nullptr); }},
      {"bpf", [] { return syscall(SYS_bpf, 0, nullptr, 0); }},
      {"perf_event_open", [] { return syscall(SYS_perf_event_open, nullptr, 0, 0, 0, 0); }},
      {"userfaultfd", [] { return syscall(SYS_userfaultfd, 0); }},
      {"memfd_create", [] { return long{memfd_create("x", 0)}; }},
      {"keyctl", [] { return syscall(SYS_keyctl, 0, 0, 0, 0, 0); }},
      {"ioctl", [] { return syscall(SYS_ioctl, 0, 0x5412, ""); }},  // TIOCSTI
      {"unlink", [] { return long{unlink("/tmp/none")}; }},
      {"mkdir", [] { return long{mkdir("/tmp", 0700)}; }},
      {"truncate", [] { return long{truncate("/tmp/none", 0)}; }},
      {"prctl", [] { return syscall(SYS_prctl, 4, 1, 0, 0, 0); }},  // PR_SET_DUMPABLE
      {"setrlimit", [] { return syscall(SYS_prlimit64, 0, 0, nullptr, nullptr); }},
      {"setsid", [] { return long{setsid()}; }},
      {"executable mmap",
       [] {
         return reinterpret_cast<long>(
             mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
       }},
      {"executable mprotect",
       [] {
         void* page =
             mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         return long{mprotect(page, 4096, PROT_READ | PROT_EXEC)};
       }},
      {"x32 getpid", [] { return syscall(0x40000000 | SYS_getpid); }},
      {"openat2", [] { return syscall(SYS_openat2, AT_FDCWD, "/dev/null", nullptr, 0); }},
  };
}

TEST(Lockdown, KillsForbiddenCalls) {
  for (const Attempt& attempt : forbidden())
    EXPECT_EQ(locked([&] {
                attempt.call();
                return 0;
              }),
              -SIGSYS)
        << attempt.name;
}

TEST(Lockdown, KillsOpeningForWriting) {
  const Folder folder;
  const std::string path = folder.file("a");
  for (const int flags : {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC,
                          O_WRONLY | O_APPEND, O_PATH, O_TMPFILE | O_RDWR})
    EXPECT_EQ(locked([&] { return open_code(path, flags); }, {folder.path()}), -SIGSYS) << flags;
}

TEST(Lockdown, OpensOnlyWhatItWasTold) {
  if (landlock_abi() == 0) GTEST_SKIP() << "this kernel has no Landlock";
  const Folder folder, other;
  const std::string a = folder.file("a"), b = folder.file("b"), c = other.file("c");
  EXPECT_EQ(locked([&] { return open_code(a, O_RDONLY); }, {folder.path()}), 0);
  EXPECT_EQ(locked([&] { return open_code(a, O_RDONLY); }, {a}), 0);
  EXPECT_EQ(locked([&] { return open_code(b, O_RDONLY); }, {a}), EACCES);
  EXPECT_EQ(locked([&] { return open_code(c, O_RDONLY); }, {folder.path()}), EACCES);
  EXPECT_EQ(locked([&] { return open_code("/etc/passwd", O_RDONLY); }, {folder.path()}), EACCES);
  EXPECT_EQ(locked([&] { return open_code(a, O_RDONLY); }, {folder.path(), "/no/such/path"}), 0);
}

TEST(Lockdown, LeavesAbortingVisible) {
  EXPECT_EQ(locked([]() -> int { abort(); }), -SIGABRT);
}

TEST(Lockdown, RefusesWithSeveralThreads) {
  const pid_t pid = fork();
  if (pid == 0) {
    std::thread other([] { pause(); });
    try {
      lock_down();
    } catch (const Error&) {
      _exit(3);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 3);
}

}  // namespace
}  // namespace ballast
