// Bad input that only shows when something is trained, and a machine that refuses: the real
// program, trainer and sandbox.
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "run_ballast.h"

namespace ballast::orchestrator {
namespace {

namespace fs = std::filesystem;

class BadJob : public BallastTest {
 protected:
  void SetUp() override {
    if (const std::string why = training_trouble(); !why.empty()) GTEST_SKIP() << why;
  }

  static std::vector<std::string> search(std::vector<std::string> more) {
    std::vector<std::string> out{"search",          "data=synthetic",    "rungs.tokens=4096,8192",
                                 "rungs.seeds=1,2", "score_tokens=4096", "builtins=none,global_lbl",
                                 "builtin_seeds=2"};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  static std::vector<std::string> train(std::vector<std::string> more) {
    std::vector<std::string> out{"train", "data=synthetic", "score_tokens=4096"};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }

  // Waits until the search of search.db has a finished training.
  bool is_busy() {
    for (int i = 0; i < 1200; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      const Ran status = run({"status", "--json"});
      if (status.code == 0 && nlohmann::json::parse(status.out)["evaluations"] > 0) return true;
    }
    return false;
  }
};

TEST_F(BadJob, TextsThatBreakTheContract) {
  write("flat.py", "def balance_loss(r):\n    return r.load.sum()\n");
  write("nan.py",
        "def balance_loss(r):\n    return torch.log(r.load).sum() * r.probs.mean(0)[0]\n");
  write("order.py", "def balance_loss(r):\n    return (r.probs[0] * r.load).sum()\n");
  struct Text {
    const char *name, *said;
  };
  for (const Text& t : {Text{"flat.py", "no gradient"}, Text{"nan.py", "at the state E=8"},
                        Text{"order.py", "CONTRACT_VIOLATION"}}) {
    const Ran ran = run({"check", t.name});
    EXPECT_EQ(ran.code, 3) << ran.err;
    EXPECT_NE(ran.err.find(t.said), std::string::npos) << ran.err;
    expect_complaint(run(train({"--loss", t.name})), 3, t.said);
  }
}

TEST_F(BadJob, TrainingsThatGoWrong) {
  struct Case {
    std::vector<std::string> arguments;
    const char *outcome, *said, *advised;
  };
  const Case cases[] = {
      {{"--loss", "global_lbl", "coefficient=1e30", "tokens=65536"},
       "NONFINITE",
       "step",
       "smaller coefficient"},
      {{"--loss", "none", "tokens=40000000", "limits.job_seconds=1"},
       "TIMEOUT",
       "1",
       "limits.job_seconds"},
      {{"--loss", "none", "preset=base", "tokens=1000000", "limits.job_memory_mb=256"},
       "OOM",
       "256",
       "limits.job_memory_mb"}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.outcome);
    const Ran ran = run(train(c.arguments));
    EXPECT_EQ(ran.code, 1) << ran.err;
    EXPECT_NE(ran.err.find("ended with " + std::string(c.outcome)), std::string::npos) << ran.err;
    EXPECT_NE(ran.err.find(c.said), std::string::npos) << ran.err;
    EXPECT_NE(ran.err.find(c.advised), std::string::npos) << ran.err;
    EXPECT_EQ(ran.out, "");
  }
}

TEST_F(BadJob, ASecondDaemonOnTheSameArchive) {
  const Child first = start(search({"max_evaluations=400"}));
  EXPECT_TRUE(is_busy());
  expect_complaint(run(search({"max_evaluations=4"})), 1, "process " + std::to_string(first.pid));
  EXPECT_EQ(run({"top"}).code, 0) << "reading is not held up";
  const Ran copied = run({"backup", "search.db", "copy.db"});
  EXPECT_EQ(copied.code, 0) << copied.err;
  EXPECT_EQ(run({"verify", "copy.db"}).code, 0);
  kill(first.pid, SIGINT);
  const Ran stopped = finish(first);
  EXPECT_EQ(stopped.code, 130) << stopped.err;
  const Ran sound = run({"verify", "search.db"});
  EXPECT_EQ(sound.code, 0) << sound.err << sound.out;
}

// The trainer beside this copy of the program ends every reply in the middle of a frame.
TEST_F(BadJob, ATornFrame) {
  fs::copy_file(BALLAST_BINARY, folder() / "ballast");
  fs::copy_file(HOSTILE_TRAINER, folder() / "ballast-trainer");
  write("torn.py", "torn");
  binary_ = (folder() / "ballast").string();
  const Ran ran = run({"train", "--loss", "./torn.py", "data=synthetic"});
  EXPECT_EQ(ran.code, 3) << ran.err;
  EXPECT_NE(ran.err.find("torn: "), std::string::npos) << ran.err;
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
}

// A disk of 1 MB is full after a while: the search ends with a message, what it stored is there,
// and it goes on when there is space.
TEST_F(BadJob, AFullDisk) {
  const fs::path disk = folder() / "disk";
  fs::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1100k") != 0)
    GTEST_SKIP() << "this machine allows no mount";
  struct Unmount {
    const fs::path& disk;
    ~Unmount() { umount2(disk.c_str(), MNT_DETACH); }
  } unmount{disk};
  const Ran full = run(search({"archive=disk/search.db", "max_evaluations=400"}));
  EXPECT_EQ(full.code, 1) << full.err;
  EXPECT_NE(full.err.find("the disk is full"), std::string::npos) << full.err;
  const nlohmann::json before = json({"status", "-a", "disk/search.db"});
  EXPECT_GT(before["evaluations"], 0);
  ASSERT_EQ(mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT, "size=64m"), 0);
  EXPECT_EQ(run({"verify", "disk/search.db"}).code, 0);
  const int64_t more = before["evaluations"].get<int64_t>() + 2;
  const Ran after =
      run(search({"archive=disk/search.db", "max_evaluations=" + std::to_string(more)}));
  EXPECT_EQ(after.code, 0) << after.err;
  EXPECT_EQ(json({"status", "-a", "disk/search.db"})["evaluations"], more);
}

// Somebody else's archive in somebody else's folder can be read and not written.
TEST_F(BadJob, AnArchiveThatMayOnlyBeRead) {
  ASSERT_EQ(run(search({"max_evaluations=4"})).code, 0);
  const fs::path shelf = folder() / "shelf";
  fs::create_directory(shelf);
  fs::copy_file(folder() / "search.db", shelf / "search.db");
  if (geteuid() == 0) {  // permissions mean nothing to root: a file system that is read-only does
    if (mount(shelf.c_str(), shelf.c_str(), nullptr, MS_BIND, nullptr) != 0)
      GTEST_SKIP() << "this machine allows no mount";
    if (mount(nullptr, shelf.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0) {
      umount2(shelf.c_str(), MNT_DETACH);
      GTEST_SKIP() << "this machine allows no read-only mount";
    }
  } else {
    chmod((shelf / "search.db").c_str(), 0444);
    chmod(shelf.c_str(), 0555);
  }
  struct Undo {
    const fs::path& shelf;
    ~Undo() {
      umount2(shelf.c_str(), MNT_DETACH);
      chmod(shelf.c_str(), 0755);
    }
  } undo{shelf};
  EXPECT_EQ(run({"top", "-a", "shelf/search.db"}).code, 0);
  EXPECT_EQ(run({"verify", "shelf/search.db"}).code, 0);
  expect_complaint(run(search({"archive=shelf/search.db", "max_evaluations=8"})), 1,
                   "shelf/search.db");
}

}  // namespace
}  // namespace ballast::orchestrator
