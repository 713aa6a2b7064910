// The real sandbox with trainers that misbehave (hostile_trainer.cpp).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "common/error.h"
#include "evaluator/bubblewrap.h"
#include "evaluator/fd.h"
#include "tests/evaluator/leftovers.h"
#include "tests/fakes/temporary_folder.h"

namespace ballast::evaluator {
namespace {

namespace fs = std::filesystem;

const HostReport& host() {
  static const HostReport report = inspect_host();
  return report;
}

// A sandbox around a copy of the hostile trainer, and a small corpus. Afterwards nothing may be
// left: neither processes nor descriptors nor children. The parameter: with or without a PID
// namespace around bubblewrap.
class RealSandbox : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!host().namespaces) GTEST_SKIP() << "no user namespaces here: " << host().notes.front();
    if (GetParam() && !host().own_pid_namespace)
      GTEST_SKIP() << "no PID namespace around bubblewrap here";
    folder_ = fakes::make_temporary_folder();
    for (const char* name : {"code", "prose"})
      for (const char* split : {"train", "select", "final"})
        std::ofstream(folder_ / (std::string(name) + '.' + split + ".bin")) << name << ' ' << split;
    limits_.seconds = 100;
    descriptors_ = open_descriptors();
    make(HOSTILE_TRAINER);
  }

  void TearDown() override {
    sandbox_.reset();
    if (folder_.empty()) return;
    EXPECT_TRUE(soon([&] { return !survivors(); }));
    EXPECT_EQ(open_descriptors(), descriptors_);
    EXPECT_FALSE(has_children());
    fs::remove_all(folder_);
  }

  void make(const char* program) {
    sandbox_.reset();
    trainer_ = folder_ / "trainer";
    fs::copy_file(program, trainer_, fs::copy_options::overwrite_existing);
    SandboxConfig config;
    config.trainer = trainer_;
    config.own_pid_namespace = GetParam();
    sandbox_ = make_sandbox(config);
  }

  // Whether any process of a job is alive: bubblewrap names the trainer in its command line, and
  // every process from the trainer down holds a lock on it.
  bool survivors() const {
    const Fd fd(::open(trainer_.c_str(), O_RDONLY | O_CLOEXEC));
    const bool locked = fd.open() && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0;
    return locked || somebody_runs(trainer_);
  }

  TrainJob train_job(const std::string& text) const {
    TrainJob job;
    job.attempt = 3;
    job.spec = preset("tiny");
    job.data = {folder_, "train", {"code", "prose"}};
    job.balancer.source = text;
    return job;
  }
  TrainResult train(const std::string& text, std::stop_token stop = {}) {
    return sandbox_->train(
        train_job(text), limits_, [this](const Progress& p) { seen_.push_back(p); }, stop);
  }
  ScoreResult score(const std::string& text, size_t weight_bytes = 24) {
    ScoreJob job;
    job.attempt = 4;
    job.spec = preset("tiny");
    job.spec.preset = text;
    job.data = {folder_, "select", {"code", "prose"}};
    job.weights.infos = {{"w", "float32", {static_cast<int64_t>(weight_bytes / 4)}}};
    job.weights.bytes.assign(weight_bytes, 'w');
    return sandbox_->score(job, limits_, {});
  }
  ProbeResult probe(const std::string& text) { return sandbox_->probe({5, text, ""}, limits_); }
  // What the trainer saw of the world.
  std::string look(const std::string& what) { return train("look " + what).message; }

  fs::path folder_, trainer_;
  JobLimits limits_;
  std::unique_ptr<Sandbox> sandbox_;
  std::vector<Progress> seen_;
  int descriptors_ = 0;
};

INSTANTIATE_TEST_SUITE_P(, RealSandbox, testing::Bool(), [](const auto& i) {
  return std::string(i.param ? "InOwnPidNamespace" : "Plain");
});

#define EXPECT_ENDS(reply, expected, text)                             \
  do {                                                                 \
    const Reply r = (reply);                                           \
    EXPECT_EQ(to_string(r.outcome), to_string(expected)) << r.message; \
    EXPECT_NE(r.message.find(text), std::string::npos) << r.message;   \
  } while (false)

// --- what works ---------------------------------------------------------------------------------

TEST_P(RealSandbox, Trains) {
  const TrainResult result = train("ok");
  EXPECT_ENDS(result, Outcome::kOk, "");
  EXPECT_EQ(result.attempt, 3);
  EXPECT_EQ(result.metrics.scalars.at("tokens"), 1024);
  EXPECT_EQ(result.weights.bytes, std::string(24, 'x'));
  ASSERT_EQ(seen_.size(), 2u);
  EXPECT_EQ(seen_[1].step, 10);
}

TEST_P(RealSandbox, ScoresWeightsOfManyFrames) {
  const size_t bytes = 40u << 20;
  const ScoreResult result = score("ok", bytes);
  EXPECT_ENDS(result, Outcome::kOk, "");
  EXPECT_EQ(result.attempt, 4);
  EXPECT_EQ(result.metrics.scalars.at("weight_bytes"), static_cast<double>(bytes));
}

TEST_P(RealSandbox, ProbesInOneWarmProcess) {
  const ProbeResult a = probe("look read /proc/self/stat"), b = probe("look read /proc/self/stat");
  EXPECT_ENDS(a, Outcome::kDiverged, "read: ");
  EXPECT_EQ(a.attempt, 5);
  EXPECT_EQ(a.message.substr(0, 10), b.message.substr(0, 10));  // the same process
  EXPECT_ENDS(probe("ok"), Outcome::kOk, "");
}

TEST_P(RealSandbox, PassesOnWhatTheTrainerFound) {
  EXPECT_ENDS(train("say loss is nan"), Outcome::kDiverged, "loss is nan");
}

TEST_P(RealSandbox, StatesItsLevel) { EXPECT_EQ(sandbox_->level(), "L3"); }

// --- what a job sees ----------------------------------------------------------------------------

TEST_P(RealSandbox, ShowsOnlyTheFilesOfTheJob) {
  EXPECT_EQ(look("read /data/code.train.bin"), "read: code train");
  EXPECT_EQ(look("list /"), look("list /"));
  EXPECT_ENDS(score("look read /data/prose.select.bin"), Outcome::kDiverged, "read: prose select");
  std::istringstream names(look("list /data"));
  std::set<std::string> data{std::istream_iterator<std::string>(names), {}};
  EXPECT_EQ(data, (std::set<std::string>{"code.train.bin", "prose.train.bin"}));
  EXPECT_ENDS(score("look read /data/prose.train.bin"), Outcome::kDiverged, "No such file");
  EXPECT_ENDS(score("look read /data/prose.final.bin"), Outcome::kDiverged, "No such file");
  EXPECT_EQ(probe("look list /data").message, "");
}

TEST_P(RealSandbox, HidesTheMachine) {
  for (const char* path :
       {"/etc/passwd", "/root", "/home", "/usr/bin/env", "/bin/sh", "/etc/hostname"})
    EXPECT_EQ(look(std::string("read ") + path), "No such file or directory") << path;
  EXPECT_EQ(look("read " + (folder_ / "code.final.bin").string()), "No such file or directory");
  EXPECT_EQ(look("host"), "job");
  EXPECT_EQ(look("user"), "65534 65534");
  std::istringstream names(look("list /"));
  for (std::string name; names >> name;)
    EXPECT_TRUE((
        std::set<std::string>{"data", "dev", "job", "lib", "lib64", "libs", "proc", "sys"}.contains(
            name)))
        << name;
}

TEST_P(RealSandbox, ShowsOnlyItsOwnProcesses) {
  std::istringstream names(look("list /proc"));
  int pids = 0;
  for (std::string name; names >> name;)
    pids += name.find_first_not_of("0123456789") == std::string::npos;
  EXPECT_EQ(pids, 2);  // bubblewrap's process 1, and the trainer
}

TEST_P(RealSandbox, GivesAnEmptyEnvironment) {
  ::setenv("BALLAST_TEST_API_KEY", "secret", 1);
  std::istringstream names(look("environment"));
  for (std::string entry; names >> entry;)
    EXPECT_TRUE((std::set<std::string>{"OMP_NUM_THREADS=1", "MKL_NUM_THREADS=1", "LC_ALL=C",
                                       "LD_LIBRARY_PATH=/libs", "PWD=/"}
                     .contains(entry)))
        << entry;
}

TEST_P(RealSandbox, LeaksNoDescriptors) {
  const Fd secret(::open("/etc/passwd", O_RDONLY));  // no O_CLOEXEC
  std::istringstream names(look("descriptors"));
  const std::set<std::string> seen{std::istream_iterator<std::string>(names), {}};
  EXPECT_EQ(seen, (std::set<std::string>{"0", "1", "2", "3",
                                         "4"}));  // 3: the lock; 4: the folder it lists
}

TEST_P(RealSandbox, HasNoNetwork) { EXPECT_EQ(look("connect"), "Network is unreachable"); }

TEST_P(RealSandbox, HasNothingToWriteTo) {
  for (const char* path : {"/", "/data", "/libs", "/dev", "/proc", "/lib64"})
    EXPECT_NE(look(std::string("write ") + path), "written") << path;
  EXPECT_EQ(look("write /data"), "Read-only file system");
  EXPECT_EQ(look("write /tmp"), "No such file or directory");
  EXPECT_EQ(look("mount"), "Operation not permitted");
}

// --- how jobs go wrong --------------------------------------------------------------------------

TEST_P(RealSandbox, NamesCrashes) {
  EXPECT_ENDS(train("crash"), Outcome::kCrash, "died by SIGSEGV");
  EXPECT_ENDS(train("abort"), Outcome::kCrash, "died by SIGABRT");
  EXPECT_ENDS(train("exit 0"), Outcome::kCrash, "ended without a reply (exit code 0)");
  EXPECT_ENDS(score("exit 7"), Outcome::kCrash, "exit code 7");
  EXPECT_ENDS(train("complain"), Outcome::kCrash, "exit code 9): the reason");
}

TEST_P(RealSandbox, NamesNonsense) {
  EXPECT_ENDS(train("garbage"), Outcome::kCrash, "exceeds the limit");
  EXPECT_ENDS(train("torn"), Outcome::kCrash, "ended inside a frame");
  EXPECT_ENDS(train("torn-weights"), Outcome::kCrash, "ended inside a frame");
  EXPECT_ENDS(train("too-many-weights"), Outcome::kCrash, "do not add up to 24 bytes");
  EXPECT_ENDS(train("huge-weights"), Outcome::kCrash, "bytes of weights for a model");
  EXPECT_ENDS(train("wrong-attempt"), Outcome::kCrash, "attempt 4, while 3 is running");
  EXPECT_ENDS(train("wrong-kind"), Outcome::kCrash, "spoke nonsense");
  EXPECT_ENDS(score("wrong-kind"), Outcome::kCrash, "spoke nonsense");
  EXPECT_ENDS(train("deep"), Outcome::kCrash, "nested too deep");
  EXPECT_ENDS(train("claims-timeout"), Outcome::kCrash, "claims the outcome TIMEOUT");
}

TEST_P(RealSandbox, StopsFloods) {
  EXPECT_ENDS(train("flood"), Outcome::kCrash, "flooded its output");
  EXPECT_ENDS(train("flood-errors"), Outcome::kCrash, "flooded its error output");
  limits_.seconds = 0.5;  // bubblewrap's processes still hold the pipe
  EXPECT_ENDS(train("close-output"), Outcome::kTimeout, "longer than 0.5 s");
}

TEST_P(RealSandbox, StopsWhatTakesTooLong) {
  limits_.seconds = 0.5;
  EXPECT_ENDS(train("hang"), Outcome::kTimeout, "longer than 0.5 s");
  EXPECT_ENDS(train("spin"), Outcome::kTimeout, "longer than 0.5 s");
  EXPECT_ENDS(score("stop-self"), Outcome::kTimeout, "longer than 0.5 s");
}

TEST_P(RealSandbox, StopsWhatStandsStill) {
  limits_.stall_seconds = 0.3;
  EXPECT_ENDS(train("stall"), Outcome::kTimeout, "no step for 0.3 s");
  EXPECT_EQ(seen_.back().step, 3);
  EXPECT_ENDS(train("stammer"), Outcome::kTimeout, "no step for 0.3 s");
}

TEST_P(RealSandbox, JudgesMemoryFromOutside) {
  limits_.memory_bytes = int64_t{200} << 20;
  EXPECT_ENDS(train("allocate 100000"), Outcome::kOom, "200 MiB");
  EXPECT_ENDS(probe("allocate 100000"), Outcome::kOom, "200 MiB");
  limits_.memory_bytes = int64_t{1000} << 20;
  limits_.seconds = 1;
  EXPECT_ENDS(train("allocate 300"), Outcome::kTimeout, "");
}

TEST_P(RealSandbox, StopsJobsThatBreed) {
  EXPECT_ENDS(train("breed 40"), Outcome::kSandboxViolation, "started processes");
}

TEST_P(RealSandbox, TakesOrphansDown) {
  for (const char* text : {"orphans", "orphans exit"}) {
    EXPECT_EQ(train(text).outcome, text == std::string("orphans") ? Outcome::kOk : Outcome::kCrash);
    // At once with a PID namespace of our own: the kernel has reaped them. Else soon.
    EXPECT_TRUE(GetParam() ? !survivors() : soon([&] { return !survivors(); }));
  }
}

TEST_P(RealSandbox, SeesForbiddenSystemCalls) {
  EXPECT_ENDS(train("locked socket"), Outcome::kSandboxViolation, "forbidden system call");
  EXPECT_ENDS(probe("locked fork"), Outcome::kSandboxViolation, "forbidden system call");
  EXPECT_ENDS(train("locked data"), Outcome::kDiverged, "read: code train");
  if (host().landlock > 0) {
    EXPECT_ENDS(train("locked passwd"), Outcome::kDiverged, "Permission denied");
  }
}

TEST_P(RealSandbox, BlamesNobodyForAKillFromOutside) {
  EXPECT_ENDS(train("kill-self"), Outcome::kInfra, "killed from outside");
}

TEST_P(RealSandbox, BlamesNobodyForATrainerThatDoesNotStart) {
  make(BROKEN_TRAINER);
  EXPECT_ENDS(train("ok"), Outcome::kInfra, "did not start (exit code 1): no lockdown here");
  EXPECT_ENDS(probe("ok"), Outcome::kInfra, "no lockdown here");
  make(DEAF_TRAINER);
  limits_.start_seconds = 0.3;
  EXPECT_ENDS(train("ok"), Outcome::kInfra, "did not start within 0.3 s");
}

TEST_P(RealSandbox, BlamesNobodyForASandboxThatDoesNotStart) {
  fs::remove(trainer_);  // bubblewrap finds nothing to show
  EXPECT_ENDS(train("ok"), Outcome::kInfra, "could not set up the sandbox: bwrap: ");
}

TEST_P(RealSandbox, Cancels) {
  std::stop_source stop;
  const TrainResult result = sandbox_->train(
      train_job("hang"), limits_, [&](const Progress&) { stop.request_stop(); }, stop.get_token());
  EXPECT_ENDS(result, Outcome::kCancelled, "stopped");
}

TEST_P(RealSandbox, ReplacesTheProbeProcess) {
  EXPECT_ENDS(probe("crash"), Outcome::kCrash, "SIGSEGV");
  EXPECT_ENDS(probe("ok"), Outcome::kOk, "");
  limits_.seconds = 0.3;
  EXPECT_ENDS(probe("hang"), Outcome::kTimeout, "0.3 s");
  limits_.seconds = 100;
  EXPECT_ENDS(probe("ok"), Outcome::kOk, "");
  EXPECT_ENDS(probe("exit 0"), Outcome::kCrash, "exit code 0");
  EXPECT_ENDS(probe("leftover"), Outcome::kOk,
              "");  // and a second answer, which must answer nothing else
  EXPECT_ENDS(probe("say mine"), Outcome::kDiverged, "mine");
}

TEST_P(RealSandbox, RunsJobsOfSeveralThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> fine = 0;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&, i] {
      const std::string text = "say " + std::to_string(i);
      const Reply r = i % 2 == 0 ? Reply(sandbox_->train(train_job(text), limits_, nullptr, {}))
                                 : Reply(probe(text));
      fine += r.message == std::to_string(i);
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(fine, 6);
}

// --- mistakes of the caller ---------------------------------------------------------------------

TEST_P(RealSandbox, NamesAMissingDataFile) {
  TrainJob job = train_job("ok");
  job.data.domains.push_back("poems");
  try {
    sandbox_->train(job, limits_, nullptr, {});
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("poems.train.bin"), std::string::npos);
  }
}

TEST_P(RealSandbox, ShowsNoOtherSplitToATraining) {
  TrainJob job = train_job("ok");
  job.data.split = "select";
  EXPECT_THROW(sandbox_->train(job, limits_, nullptr, {}), Error);
  job = train_job("ok");
  job.data.domains = {"../code"};
  EXPECT_THROW(sandbox_->train(job, limits_, nullptr, {}), Error);
}

TEST_P(RealSandbox, NamesADeviceItCannotShow) {
  TrainJob job = train_job("ok");
  job.device = "cuda:0";
  EXPECT_THROW(sandbox_->train(job, limits_, nullptr, {}), Error);
}

// --- the daemon dies ----------------------------------------------------------------------------

// Kills a process that runs jobs, at moments from before bubblewrap's start to deep in the job.
TEST_P(RealSandbox, LeavesNothingWhenItsProcessIsKilled) {
  if (!GetParam()) GTEST_SKIP() << "only a PID namespace of its own promises this";
  std::minstd_rand random(7);
  sandbox_.reset();
  for (int i = 0; i < 30; ++i) {
    const pid_t daemon = fork();
    if (daemon == 0) {
      SandboxConfig config;
      config.trainer = trainer_;
      const std::unique_ptr<Sandbox> sandbox = make_sandbox(config);
      std::thread prober([&] { sandbox->probe({1, "hang", ""}, limits_); });
      sandbox->train(train_job(i % 2 == 0 ? "hang" : "orphans"), limits_, nullptr, {});
      prober.join();
      _exit(0);
    }
    // Half of the time in its start, half of the time in its work.
    if (i % 3 == 0) {
      EXPECT_TRUE(soon([&] { return survivors(); }));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 120'000));
    kill(daemon, SIGKILL);
    waitpid(daemon, nullptr, 0);
    ASSERT_TRUE(soon([&] { return !survivors(); })) << "kill " << i;
  }
}

}  // namespace
}  // namespace ballast::evaluator
