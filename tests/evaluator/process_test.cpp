#include "evaluator/process.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdlib>
#include <fstream>

#include "common/error.h"
#include "evaluator/host.h"
#include "evaluator/spawner.h"
#include "evaluator/tree.h"
#include "tests/evaluator/leftovers.h"

namespace ballast::evaluator {
namespace {

ProcessSpec shell(const std::string& script) {
  ProcessSpec spec;
  spec.arguments = {"/bin/sh", "-c", script};
  spec.environment = {"PATH=/usr/bin:/bin"};
  return spec;
}

bool own_namespaces_work() {
  static const bool works = inspect_host().own_pid_namespace;
  return works;
}

// True once nobody holds the writing end of report 0 any more.
bool hung_up(const Process& process) {
  pollfd fd{process.report(0), 0, 0};
  return ::poll(&fd, 1, 0) > 0 && (fd.revents & POLLHUP) != 0;
}

TEST(Process, RunsAProgramToItsEnd) {
  const Finished run = run_to_end(shell("echo out; echo err >&2; exit 3"), 20);
  ASSERT_TRUE(run.exit);
  EXPECT_EQ(run.exit->code, 3);
  EXPECT_FALSE(run.exit->signalled);
  EXPECT_EQ(run.output, "out\n");
  EXPECT_EQ(run.errors, "err\n");
}

TEST(Process, NamesTheSignalThatKilledIt) {
  const Finished run = run_to_end(shell("kill -SEGV $$"), 20);
  ASSERT_TRUE(run.exit);
  EXPECT_TRUE(run.exit->signalled);
  EXPECT_EQ(describe(*run.exit), "died by SIGSEGV");
  EXPECT_EQ(describe({3}), "exit code 3");
  EXPECT_EQ(describe({128 + SIGKILL}), "died by SIGKILL");
  EXPECT_EQ(describe({255}), "exit code 255");
}

TEST(Process, SaysWhichProgramCannotBeStarted) {
  ProcessSpec spec;
  spec.arguments = {"/no/such/program"};
  try {
    Process process(spec);
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "cannot start /no/such/program (execve): No such file or directory");
  }
  EXPECT_FALSE(has_children());
}

TEST(Process, InheritsNothing) {
  const int leak = ::dup(0);  // somebody forgot O_CLOEXEC
  ::setenv("BALLAST_TEST_SECRET", "1", 1);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const Finished run = run_to_end(shell("env | grep -c SECRET; ls /proc/self/fd | wc -l; grep -E "
                                        "'Sig(Blk|Ign)' /proc/self/status"),
                                  20);
  signal(SIGPIPE, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  ::close(leak);
  // ls has 0, 1, 2 and the folder it lists
  EXPECT_EQ(run.output, "0\n4\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(Process, SetsLimits) {
  ProcessSpec spec = shell("ulimit -c; ulimit -n");
  spec.limits = {{RLIMIT_CORE, 0}, {RLIMIT_NOFILE, 123}};
  EXPECT_EQ(run_to_end(spec, 20).output, "0\n123\n");
}

TEST(Process, HasReportPipes) {
  ProcessSpec spec = shell("echo three >&3; echo four >&4");
  spec.reports = 2;
  Process process(spec);
  ASSERT_TRUE(process.wait_exit(20));
  char text[16] = "";
  EXPECT_EQ(::read(process.report(0), text, sizeof text), 6);
  EXPECT_EQ(::read(process.report(1), text, sizeof text), 5);
}

TEST(Process, TellsWhetherItsInputWasRead) {
  Process process(shell("read line; echo done; sleep 1000"));
  EXPECT_EQ(process.unread(), 0u);
  EXPECT_EQ(process.write_some("abc"), 3u);
  EXPECT_EQ(process.write_some("\n"), 1u);
  EXPECT_TRUE(soon([&] { return process.unread() == 0; }));
}

TEST(Process, SurvivesWritingToTheDead) {
  Process process(shell("exec <&-; exit 0"));
  ASSERT_TRUE(process.wait_exit(20));
  EXPECT_EQ(process.write_some("abc"), std::nullopt);  // and no SIGPIPE
}

TEST(Process, WaitsNoLongerThanAsked) {
  Process process(shell("sleep 1000"));
  EXPECT_EQ(process.wait_exit(0.01).has_value(), false);
  EXPECT_EQ(process.poll_exit().has_value(), false);
}

TEST(Process, CountsTimeAndMemory) {
  Process process(shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"));
  const std::optional<Exit> exit = process.wait_exit(100);
  ASSERT_TRUE(exit);
  EXPECT_GT(exit->cpu_seconds, 0);
  EXPECT_GT(exit->peak_bytes, 100'000);
}

TEST(Process, LeavesNeitherDescriptorsNorZombies) {
  const int before = open_descriptors();
  for (int i = 0; i < 100; ++i) {
    Process process(shell(i % 2 == 0 ? "exit 0" : "sleep 1000"));
    if (i % 4 == 0) process.wait_exit(20);
  }
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_FALSE(has_children());
}

TEST(Process, TakesDaemonsWithItInItsOwnNamespace) {
  if (!own_namespaces_work()) GTEST_SKIP() << "no user namespaces here";
  ProcessSpec spec = shell(
      "for i in 1 2 3; do setsid sh -c 'trap \"\" TERM; sleep 1000 & sleep 1000' & done; echo up; "
      "sleep 1000");
  spec.reports = 1;
  spec.own_pid_namespace = true;
  Process process(spec);
  ASSERT_TRUE(soon([&] { return use_of_tree(process.pid()).pids.size() >= 8; }));
  EXPECT_FALSE(hung_up(process));
  process.kill_group();
  ASSERT_TRUE(process.wait_exit(20));
  EXPECT_TRUE(hung_up(process));  // at once: all were dead before the wait returned
}

TEST(Process, KeepsItsUserInItsOwnNamespace) {
  if (!own_namespaces_work()) GTEST_SKIP() << "no user namespaces here";
  ProcessSpec spec = shell("id -u; echo $$");
  spec.own_pid_namespace = true;
  EXPECT_EQ(run_to_end(spec, 20).output, std::to_string(getuid()) + "\n1\n");
}

TEST(Process, DiesWithItsParent) {
  int ends[2];  // held by parent and, as report 0, not by the child: its own pipe tells
  ASSERT_EQ(pipe(ends), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    Process process(shell("sleep 1000"));
    const pid_t pid = process.pid();
    (void)!write(ends[1], &pid, sizeof pid);
    pause();
    _exit(0);
  }
  pid_t child = 0;
  ASSERT_EQ(read(ends[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  EXPECT_EQ(kill(child, 0), 0);
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  EXPECT_TRUE(soon([&] {  // gone, or a zombie that init has not reaped yet
    std::string stat;
    std::getline(std::ifstream("/proc/" + std::to_string(child) + "/stat"), stat);
    return stat.empty() || stat.find(") Z ") != std::string::npos;
  }));
  close(ends[0]);
  close(ends[1]);
}

TEST(Spawner, KeepsProcessesOfThreadsThatEnd) {
  Spawner spawner;
  std::unique_ptr<Process> process;
  std::thread([&] { process = spawner.start(shell("read line; exit 5")); }).join();
  EXPECT_FALSE(process->poll_exit());
  process->write_some("go\n");
  const std::optional<Exit> exit = process->wait_exit(20);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, 5);
}

TEST(Spawner, PassesErrorsOn) {
  Spawner spawner;
  ProcessSpec spec;
  spec.arguments = {"/no/such/program"};
  EXPECT_THROW(spawner.start(spec), Error);
}

TEST(Tree, SumsUpDescendants) {
  Process process(shell("sleep 1000 & sleep 1000 & wait"));
  ASSERT_TRUE(soon([&] { return use_of_tree(process.pid()).pids.size() == 3; }));
  const TreeUse use = use_of_tree(process.pid());
  EXPECT_EQ(use.pids.front(), process.pid());
  EXPECT_GT(use.resident_bytes, 1'000'000);
}

TEST(Tree, IsEmptyForTheDead) {
  Process process(shell("exit 0"));
  const pid_t pid = process.pid();
  ASSERT_TRUE(process.wait_exit(20));
  EXPECT_EQ(use_of_tree(pid).resident_bytes, 0);
}

}  // namespace
}  // namespace ballast::evaluator
