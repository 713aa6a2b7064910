#include "evaluator/host.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "common/core_file.h"
#include "common/error.h"
#include "evaluator/replies.h"
#include "evaluator/view.h"

namespace ballast::evaluator {
namespace {

constexpr double kTrialSeconds = 20;

std::string find_on_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = folder + '/' + name;
    if (folder.starts_with('/') && ::access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

// What `action` does to a child process: minus the signal that killed it, else its exit code.
// `action` makes system calls only.
int in_child(int (*action)()) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    write_no_core_file();  // it is killed on purpose, and holds whatever we do
    ::_exit(action());
  }
  if (pid < 0) return 1;
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

// A filter that kills on getppid, and then getppid.
int try_seccomp() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{4, code};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
    return 2;
  ::syscall(SYS_getppid);
  return 3;
}

int landlock_version() {
  return static_cast<int>(
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
}

// Forbids reading files, and then reads one. 0: it was refused, as it should be.
int try_landlock() {
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE;
  const long ruleset =
      ::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes.handled_access_fs, 0);
  if (ruleset < 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
  if (::syscall(SYS_landlock_restrict_self, static_cast<int>(ruleset), 0) != 0) return 2;
  return ::open("/proc/self/stat", O_RDONLY) < 0 && errno == EACCES ? 0 : 3;
}

// Runs bubblewrap itself in the view of a job. Empty when that worked, else why not.
std::string try_namespaces(HostReport& host, bool own_pid_namespace) {
  try {
    View view;
    view.program = host.bubblewrap;
    view.arguments = {"--version"};
    view.libraries = libraries_of(host.bubblewrap);
    ProcessSpec spec;
    spec.arguments = bubblewrap_command(host.bubblewrap, view);
    spec.environment = job_environment();
    spec.reports = 1;
    spec.own_pid_namespace = own_pid_namespace;
    const Finished run = run_to_end(spec, kTrialSeconds);
    if (!run.exit) return "bubblewrap does not end";
    if (run.exit->code != 0) return one_line(run.errors) + " (" + describe(*run.exit) + ')';
    host.version = one_line(run.output);
    return "";
  } catch (const Error& e) {
    return e.what();
  }
}

bool file_says(const char* path, const std::string& text) {
  std::string found;
  return std::ifstream(path) >> found && found == text;
}

std::string how_to_allow_namespaces() {
  if (file_says("/proc/sys/user/max_user_namespaces", "0"))
    return "user namespaces are switched off: as root, sysctl user.max_user_namespaces=10000";
  if (file_says("/proc/sys/kernel/unprivileged_userns_clone", "0"))
    return "user namespaces are switched off: as root, sysctl kernel.unprivileged_userns_clone=1";
  if (file_says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"))
    return "AppArmor restricts user namespaces: as root, sysctl "
           "kernel.apparmor_restrict_unprivileged_userns=0";
  return "in a container, start it so that user namespaces are allowed (for Docker: --security-opt "
         "seccomp=unconfined --security-opt apparmor=unconfined --security-opt "
         "systempaths=unconfined)";
}

void inspect_namespaces(HostReport& host) {
  if (host.bubblewrap.empty()) {
    host.notes.push_back("bubblewrap is missing: install the package bubblewrap");
    return;
  }
  const std::string inside_ours = try_namespaces(host, true);
  host.namespaces = host.own_pid_namespace = inside_ours.empty();
  if (host.namespaces) return;
  const std::string alone = try_namespaces(host, false);
  host.namespaces = alone.empty();
  if (host.namespaces)
    host.notes.push_back(
        "no PID namespace around bubblewrap (" + inside_ours +
        "): if this program is killed, a job that is just starting may be left behind");
  else
    host.notes.push_back("bubblewrap does not work here (" + alone + "); " +
                         how_to_allow_namespaces());
}

std::string level_of(const HostReport& host) {
  if (!host.seccomp) return "L0";  // the lockdown cannot be taken
  if (host.namespaces) return "L3";
  return host.landlock > 0 ? "L2" : "L1";
}

}  // namespace

HostReport inspect_host(const std::string& bubblewrap) {
  HostReport host;
  host.bubblewrap = bubblewrap.empty() ? find_on_path("bwrap") : bubblewrap;
  inspect_namespaces(host);
  host.seccomp = in_child(try_seccomp) == -SIGSYS;
  if (!host.seccomp)
    host.notes.push_back("seccomp filters do not work in this kernel or container");
  const int version = landlock_version();
  host.landlock = version > 0 && in_child(try_landlock) == 0 ? version : 0;
  if (host.landlock == 0)
    host.notes.push_back(
        "Landlock is not available (kernel older than 5.13, or switched off): the view of files "
        "alone keeps jobs from other files");
  host.level = level_of(host);
  return host;
}

}  // namespace ballast::evaluator
