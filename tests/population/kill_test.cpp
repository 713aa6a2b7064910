// kill -9 of a real writer at random moments. An outside ledger, the pipe, decides what must be
// there.
#include <gtest/gtest.h>
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "common/hash.h"
#include "common/rng.h"
#include "population/db.h"
#include "tests/population/child.h"
#include "tests/population/fixture.h"

namespace ballast::population {
namespace {

constexpr int kKills = 50, kMostKills = 500;
constexpr const char* kPhases[] = {"proposal", "begin", "training", "commit"};

std::string identity_of(int n) { return sha256_hex(std::to_string(n)); }
Metrics metrics_of(int n) { return some_metrics(n + 0.5, 1.0 / (n + 1)); }

void pause_ms(double ms) {
  const timespec time{0, static_cast<long>(ms * 1e6)};
  if (time.tv_nsec > 0) nanosleep(&time, nullptr);
}

bool ends_with_line(const std::string& said, const std::string& start) {
  if (!said.ends_with('\n')) return false;
  const size_t before = said.rfind('\n', said.size() - 2);
  return said.compare(before == std::string::npos ? 0 : before + 1, start.size(), start) == 0;
}

// One line "try PHASE N" before and "ack PHASE N" after each write; a line is one write(2), so a
// killed writer leaves whole lines.
class Ledger {
 public:
  explicit Ledger(int fd) : fd_(fd) {}
  void say(const std::string& word, const std::string& phase, int n) const {
    const std::string line = word + " " + phase + " " + std::to_string(n) + "\n";
    if (write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(1);
  }

 private:
  int fd_;
};

// A search in small: resumes where the archive stands, then proposes, trains and commits for ever.
[[noreturn]] void write_for_ever(const std::filesystem::path& path, const Ledger& ledger) {
  const FixedClock clock;
  ledger.say("try", "open", 0);
  Archive archive(path, clock);
  archive.begin_run(a_run());
  ledger.say("ack", "open", 0);
  for (int n = 0;; ++n) {
    const std::string id = identity_of(n);
    if (!archive.candidate(id)) {
      ledger.say("try", "proposal", n);
      archive.together([&] {
        archive.add_proposal({"mutate", {}, id, Outcome::kOk, "accepted", "", ""});
        archive.add_candidate(a_candidate(id));
      });
      ledger.say("ack", "proposal", n);
    }
    const auto known = archive.evaluation(a_key(id));
    if (known && known->outcome) continue;
    ledger.say("try", "begin", n);
    const int64_t row = archive.begin_evaluation(a_key(id), "estimate", 1000);
    ledger.say("ack", "begin", n);
    ledger.say("try", "training", n);
    pause_ms(2);
    ledger.say("ack", "training", n);
    ledger.say("try", "commit", n);
    archive.finish_evaluation(row, archive.attempt(row), Outcome::kOk, "", metrics_of(n), 1, "L3");
    ledger.say("ack", "commit", n);
  }
}

// When to kill: `ms` after the writer has said `lines` lines and, unless `phase` is empty, has said
// that it enters this phase. Counted in lines, so that a slow machine gets as far as a fast one;
// aimed at phases, because one that a fast disk is through in 30 us is hit by few random kills.
struct Moment {
  int64_t lines = 0;
  std::string phase;
  double ms = 0;
};

// Starts the writer, kills it at the moment, and gives all that it said.
std::string run_and_kill(const std::filesystem::path& path, const Moment& moment) {
  int channel[2];
  if (pipe(channel) != 0) return "";
  const pid_t child = fork();
  if (child == 0) {
    close(channel[0]);
    try {
      write_for_ever(path, Ledger(channel[1]));
    } catch (const std::exception& e) {
      const std::string line = std::string("error ") + e.what() + "\n";
      _exit(write(channel[1], line.data(), line.size()) > 0 ? 2 : 1);
    }
  }
  close(channel[1]);
  std::string said;
  char byte = 0;
  const auto reached = [&] {
    return std::count(said.begin(), said.end(), '\n') >= moment.lines &&
           (moment.phase.empty() || ends_with_line(said, "try " + moment.phase));
  };
  while (!reached() && read(channel[0], &byte, 1) == 1) said += byte;
  pause_ms(moment.ms);
  kill(child, SIGKILL);
  said += drain(channel[0]);
  close(channel[0]);
  waitpid(child, nullptr, 0);
  return said;
}

class KillTest : public testing::Test {
 protected:
  // Takes note of what was acknowledged, and complains of a finished evaluation begun again.
  void read_ledger(const std::string& said) {
    std::istringstream lines(said);
    std::string last = "start";
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string word, phase;
      int n = 0;
      words >> word >> phase >> n;
      ASSERT_TRUE(word == "try" || word == "ack") << line;
      if (word == "ack") acknowledged_[phase].insert(n);
      if (word == "try" && phase == "begin") {
        ASSERT_FALSE(acknowledged_["commit"].contains(n))
            << "finished evaluation " << n << " again";
      }
      last = word == "try" ? phase : "between";
    }
    ++killed_in_[last];
  }

  void check_archive() {
    {
      Db db(path_.string(), Db::Mode::kReadWrite);
      ASSERT_EQ(db.text("PRAGMA integrity_check"), "ok");
      ASSERT_EQ(db.text("SELECT \"table\" FROM pragma_foreign_key_check"), "");
      // Both rows of a proposal, or neither.
      ASSERT_EQ(db.integer("SELECT count(*) FROM candidate"),
                db.integer("SELECT count(*) FROM proposal"));
      ASSERT_EQ(db.integer("SELECT count(*) FROM evaluation WHERE outcome IS NULL AND id IN "
                           "(SELECT evaluation FROM metric)"),
                0);
    }
    const FixedClock clock;
    const Archive archive(path_, clock);
    std::map<std::string, EvaluationRow> rows;
    for (EvaluationRow& row : archive.evaluations()) rows[row.key.identity] = row;
    for (const int n : acknowledged_["proposal"])
      ASSERT_TRUE(archive.candidate(identity_of(n))) << "lost proposal " << n;
    for (const int n : acknowledged_["begin"])
      ASSERT_TRUE(rows.contains(identity_of(n))) << "lost the start of evaluation " << n;
    for (const int n : acknowledged_["commit"]) {
      ASSERT_EQ(rows[identity_of(n)].outcome, Outcome::kOk) << "lost evaluation " << n;
      ASSERT_EQ(rows[identity_of(n)].metrics, metrics_of(n)) << "changed evaluation " << n;
    }
  }

  Folder folder_;
  const std::filesystem::path path_ = folder_ / "a.db";
  std::map<std::string, std::set<int>> acknowledged_;  // by phase
  std::map<std::string, int> killed_in_;               // by phase
};

TEST_F(KillTest, AtRandomMomentsLosesNothingAndRepeatsNothingFinished) {
  Rng rng(7, "kill test");
  const auto phase_left_out = [&] {
    return std::any_of(std::begin(kPhases), std::end(kPhases),
                       [&](const char* phase) { return killed_in_[phase] == 0; });
  };
  for (int i = 0; i < kKills || (phase_left_out() && i < kMostKills); ++i) {
    SCOPED_TRACE(testing::Message() << "kill " << i);
    const bool aimed = i % 2 == 1;
    const std::string said = run_and_kill(
        path_, {rng.below(30), aimed ? kPhases[i / 2 % 4] : "", aimed ? 0 : rng.uniform(0, 5)});
    ASSERT_NO_FATAL_FAILURE(read_ledger(said));
    if (std::filesystem::exists(path_)) {
      ASSERT_NO_FATAL_FAILURE(check_archive());
    }
  }
  for (const auto& [phase, kills] : killed_in_) RecordProperty("killed_in_" + phase, kills);
  RecordProperty("finished", static_cast<int>(acknowledged_["commit"].size()));
  // The test proves nothing about a phase in which nobody was killed.
  for (const char* phase : kPhases) EXPECT_GT(killed_in_[phase], 0) << phase;
  EXPECT_GT(acknowledged_["commit"].size(), 50u);
}

}  // namespace
}  // namespace ballast::population
