#include "common/lockdown.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>

#include "common/error.h"

namespace ballast {
namespace {

[[noreturn]] void fail(const std::string& what, int error) {
  throw Error("lockdown: " + what + ": " + std::strerror(error));
}

// --- seccomp ------------------------------------------------------------------------------------

// Whatever the arguments. What LibTorch's CPU kernels, malloc, C++ streams and a clean exit need;
// found by running trainings and scores under this filter (tests/evaluator/trainer_test.cpp).
constexpr std::array kAllowed = {
    // the pipes, and data files that are open
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev),
    SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(fadvise64),
    // memory
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(madvise),
    // locks, clocks, own signals (sigaltstack: AddressSanitizer, at every throw)
    SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    // questions about the process itself
    SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getrandom), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getcpu), SCMP_SYS(sysinfo), SCMP_SYS(getrusage),
    // the end
    SCMP_SYS(exit), SCMP_SYS(exit_group)};

class Filter {
 public:
  explicit Filter(uint32_t default_action) : context_(seccomp_init(default_action)) {
    if (context_ == nullptr) throw Error("lockdown: libseccomp could not make a filter");
  }
  ~Filter() { seccomp_release(context_); }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  void set(scmp_filter_attr attribute, uint32_t value, const char* what) {
    if (const int e = seccomp_attr_set(context_, attribute, value); e < 0) fail(what, -e);
  }
  void allow(int call) {
    if (const int e = seccomp_rule_add(context_, SCMP_ACT_ALLOW, call, 0); e < 0)
      fail("a seccomp rule", -e);
  }
  // Allows `call` when argument number `index`, masked, equals `value`.
  void allow(int call, unsigned index, uint64_t mask, uint64_t value) {
    const scmp_arg_cmp condition{index, SCMP_CMP_MASKED_EQ, mask, value};
    if (const int e = seccomp_rule_add_array(context_, SCMP_ACT_ALLOW, call, 1, &condition); e < 0)
      fail("a seccomp rule", -e);
  }
  void load() {
    if (const int e = seccomp_load(context_); e < 0)
      fail("the seccomp filter cannot be loaded", -e);
  }

 private:
  scmp_filter_ctx context_;
};

void restrict_calls() {
  Filter filter(SCMP_ACT_KILL_PROCESS);
  filter.set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS, "seccomp: foreign system calls");
  filter.set(SCMP_FLTATR_CTL_TSYNC, 1, "seccomp: all threads");
  for (const int call : kAllowed) filter.allow(call);
  filter.allow(SCMP_SYS(mmap), 2, PROT_EXEC, 0);
  filter.allow(SCMP_SYS(mprotect), 2, PROT_EXEC, 0);
  // abort() signals the process itself; nobody else.
  filter.allow(SCMP_SYS(tgkill), 0, ~uint64_t{0}, static_cast<uint64_t>(getpid()));
  // Reading only. Which files, Landlock decides.
  constexpr uint64_t kForbidden =
      ~static_cast<uint64_t>(O_CLOEXEC | O_NONBLOCK | O_LARGEFILE | O_NOCTTY | O_NOFOLLOW);
  filter.allow(SCMP_SYS(openat), 2, kForbidden & UINT32_MAX, O_RDONLY);
  filter.load();
}

// --- Landlock -----------------------------------------------------------------------------------

// The ruleset's attributes up to ABI 6; the kernel is told how much of it this ABI knows.
struct RulesetAttributes {
  uint64_t handled_access_fs = 0;
  uint64_t handled_access_net = 0;  // from ABI 4
  uint64_t scoped = 0;              // from ABI 6
};

RulesetAttributes everything_of(int abi) {
  constexpr uint64_t kBindAndConnect = 3, kAbstractSocketsAndSignals = 3;
  RulesetAttributes all;
  all.handled_access_fs = (uint64_t{1} << 13) - 1;           // ABI 1
  if (abi >= 2) all.handled_access_fs |= uint64_t{1} << 13;  // REFER
  if (abi >= 3) all.handled_access_fs |= uint64_t{1} << 14;  // TRUNCATE
  if (abi >= 5) all.handled_access_fs |= uint64_t{1} << 15;  // IOCTL_DEV
  if (abi >= 4) all.handled_access_net = kBindAndConnect;
  if (abi >= 6) all.scoped = kAbstractSocketsAndSignals;
  return all;
}

size_t size_for(int abi) { return (abi >= 6 ? 3 : abi >= 4 ? 2 : 1) * sizeof(uint64_t); }

struct Fd {
  int fd;
  ~Fd() {
    if (fd >= 0) ::close(fd);
  }
};

void add_rule(int ruleset, const std::string& path) {
  const Fd at{::open(path.c_str(), O_PATH | O_CLOEXEC)};
  if (at.fd < 0 && (errno == ENOENT || errno == ENOTDIR)) return;
  if (at.fd < 0) fail("opening " + path, errno);
  landlock_path_beneath_attr rule{};
  rule.parent_fd = at.fd;
  rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    fail("a Landlock rule for " + path, errno);
}

void restrict_files(const std::vector<std::string>& readable) {
  const int abi = landlock_abi();
  if (abi == 0) return;
  const RulesetAttributes attributes = everything_of(abi);
  const Fd ruleset{
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size_for(abi), 0))};
  if (ruleset.fd < 0) fail("a Landlock ruleset", errno);
  for (const std::string& path : readable) add_rule(ruleset.fd, path);
  add_rule(ruleset.fd, "/dev/urandom");  // ATen's seeds
  if (::syscall(SYS_landlock_restrict_self, ruleset.fd, 0) != 0) fail("Landlock", errno);
}

int threads_of_this_process() {
  const std::unique_ptr<DIR, int (*)(DIR*)> tasks(::opendir("/proc/self/task"), ::closedir);
  if (!tasks) fail("reading /proc/self/task", errno);
  int count = 0;
  while (const dirent* entry = ::readdir(tasks.get())) count += entry->d_name[0] != '.';
  return count;
}

}  // namespace

int landlock_abi() {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

void lock_down(const std::vector<std::string>& readable) {
  if (const int n = threads_of_this_process(); n != 1)
    throw Error("lockdown: the process has " + std::to_string(n) +
                " threads, and Landlock would restrict only one; set OMP_NUM_THREADS=1");
  const rlimit no_core{0, 0};
  if (::setrlimit(RLIMIT_CORE, &no_core) != 0) fail("RLIMIT_CORE", errno);
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) fail("PR_SET_DUMPABLE", errno);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("PR_SET_NO_NEW_PRIVS", errno);
  restrict_files(readable);
  restrict_calls();
}

}  // namespace ballast
