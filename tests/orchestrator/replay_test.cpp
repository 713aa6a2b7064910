// Searches that are repeated from their archives: with one worker and with several, stopped, killed
// and tampered with.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "common/rng.h"
#include "orchestrator/digest.h"
#include "orchestrator/replay_run.h"
#include "population/db.h"
#include "population/reader.h"
#include "tests/orchestrator/killed_search.h"
#include "tests/orchestrator/replayed.h"

namespace ballast::orchestrator {
namespace {

// Stops a search after so many events of a kind.
class StopAfter : public SearchObserver {
 public:
  StopAfter(SearchEventKind kind, int count) : kind_(kind), left_(count) {}
  void event(const SearchEvent& e) override {
    if (e.kind == kind_ && --left_ == 0) stop_.request_stop();
  }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  SearchEventKind kind_;
  int left_;
  std::stop_source stop_;
};

TEST(Replay, GivesTheSameDigestThreeTimes) {
  const ArchiveFile file("replayed");
  SmallSearch search(small_config(90), file.path(), /*resume=*/true);
  search.run();
  const population::Record record = record_of(file.path());
  for (int i = 0; i < 3; ++i) {
    const ReplayEnd end = replay(record, search.config());
    expect_same(end, search.last_digest());
    EXPECT_EQ(end.evaluations, 90);
    EXPECT_EQ(end.proposals, static_cast<int64_t>(record.proposals.size()));
  }
}

TEST(Replay, GivesTheSameDigestThreeTimesOfARunThatWasKilledAndResumed) {
  const ArchiveFile file("killed_replay");
  Rng rng(3, "kills of a replayed run");
  const char* const targets[] = {"P", "T", "C"};
  for (int kill = 0; kill < 9; ++kill) {
    KilledSearch child(file.path(), "90");
    int64_t left = 1 + rng.below(4);
    while (left > 0) {
      const std::string line = child.line();
      ASSERT_FALSE(line.empty()) << "it ended before it was killed";
      left -= line.starts_with(targets[kill % 3]);
    }
    usleep(static_cast<useconds_t>(rng.below(3000)));
    child.kill_now();
  }
  std::string digest;
  {
    KilledSearch child(file.path(), "90");
    for (std::string line = child.line(); !line.empty(); line = child.line())
      if (line.starts_with("end ")) digest = line.substr(4);
    ASSERT_EQ(child.wait(), 0);
  }
  const population::Record record = record_of(file.path());
  EXPECT_GE(record.sessions.size(), 9u);
  for (int i = 0; i < 3; ++i) expect_same(replay(record, small_config(90)), digest);
}

TEST(Replay, KnowsTheOrderInWhichSeveralWorkersCameBack) {
  const ArchiveFile file("workers_replay");
  SearchConfig config = small_config(120, /*workers=*/3);
  SmallSearch search(config, file.path(), /*resume=*/true);
  search.sandbox.latency = 0.001;
  std::atomic<int> calls = 0;
  search.sandbox.train_script = [&](const TrainJob&) -> std::optional<Reply> {
    std::this_thread::sleep_for(std::chrono::microseconds(700 * (++calls % 5)));
    return std::nullopt;
  };
  // Stopped in the middle of a decision, while it waits, and in the middle of a start.
  for (const SearchEventKind kind : {SearchEventKind::kProposed, SearchEventKind::kFinished,
                                     SearchEventKind::kStarted, SearchEventKind::kFinishing}) {
    for (const int count : {3, 7}) {
      StopAfter observer(kind, count);
      EXPECT_EQ(search.run(observer.token(), observer).reason, "interrupted");
    }
  }
  search.run();
  const population::Record record = record_of(file.path());
  for (int i = 0; i < 3; ++i) expect_same(replay(record, config), search.last_digest());
}

// Seconds that only the search's own events move.
class Ticking : public SearchObserver {
 public:
  void event(const SearchEvent& e) override {
    if (e.kind == SearchEventKind::kFinishing) clock.advance(10);
  }
  fakes::ManualClock clock;
};

TEST(Replay, StopsWhereTheTimeWasUsedUp) {
  const ArchiveFile file("seconds_replay");
  SearchConfig config = small_config(0, /*workers=*/2);
  config.max_seconds = 205;
  SystemClock wall;
  SmallSearch search(config, file.path(), /*resume=*/true);
  class Both : public Clock {
   public:
    explicit Both(const Clock& ticks) : ticks_(ticks) {}
    int64_t wall_ns() const override { return system_.wall_ns(); }
    double monotonic() const override { return ticks_.monotonic(); }

   private:
    SystemClock system_;
    const Clock& ticks_;
  };
  Ticking ticking;
  const Both clock(ticking.clock);
  search.clock = &clock;
  EXPECT_EQ(search.run({}, ticking).reason, "max_seconds");
  search.config().max_seconds = 410;
  EXPECT_EQ(search.run({}, ticking).reason, "max_seconds");
  expect_same(replay(record_of(file.path()), config), search.last_digest());
}

// Each change of the archive is found, and the row is named.
TEST(Replay, FindsAChangedRow) {
  const ArchiveFile file("tampered");
  SmallSearch search(small_config(60), file.path(), /*resume=*/true);
  search.run();
  struct Case {
    const char *sql, *named;
  };
  const Case cases[] = {
      {"UPDATE metric SET value = value - 0.5 WHERE name = 'cross_entropy' AND evaluation = "
       "(SELECT max(id) FROM evaluation WHERE rung = 2 AND outcome = 'OK')",
       ""},
      {"UPDATE candidate SET unit = unit * 2 WHERE name = 'plain'", "candidate plain: unit"},
      {"UPDATE proposal SET detail = detail || '!' WHERE id = 7", "proposal 7: detail"},
      {"UPDATE estimate SET mean_difference = mean_difference - 0.25 WHERE rung = 2", "rung 2"},
      {"UPDATE evaluation SET coefficient = '0.123' WHERE id = 30", "evaluation 30"},
      {"UPDATE evaluation SET seed = seed + 1 WHERE id = 12", "evaluation 12"},
      {"UPDATE evaluation SET outcome = 'CRASH' WHERE id = 25", ""},
      {"UPDATE run SET seed = 8", "the run: seed is 8"},
      {"DELETE FROM proposal_parent WHERE proposal = (SELECT max(proposal) FROM proposal_parent); "
       "DELETE FROM proposal WHERE id = (SELECT max(id) FROM proposal)",
       "proposal"}};
  for (const Case& c : cases) {
    const std::string copy = file.path() + ".copy";
    std::filesystem::copy_file(file.path(), copy,
                               std::filesystem::copy_options::overwrite_existing);
    {
      population::Db db(copy, population::Db::Mode::kReadWrite);
      db.exec(c.sql);
    }
    const ReplayEnd end = replay(record_of(copy), small_config(60));
    EXPECT_NE(end.difference, "") << c.sql;
    EXPECT_NE(end.difference.find(c.named), std::string::npos) << c.sql << "\n" << end.difference;
    EXPECT_NE(end.recorded, end.repeated);
    remove_archive(copy);
  }
}

TEST(Replay, EndsWhenItIsToldTo) {
  const ArchiveFile file("interrupted_replay");
  SmallSearch search(small_config(60), file.path(), /*resume=*/true);
  search.run();
  const population::Record record = record_of(file.path());
  fakes::FakeSandbox probes;
  const SystemClock clock;
  population::Archive out(":memory:", clock);
  std::stop_source stop;
  int64_t seen = 0;
  const ReplayEnd end = replay_run(
      record, [](const population::SessionRow&) { return small_config(60); }, probes, out,
      [&](const ReplayProgress& p) {
        if ((seen = p.evaluations) == 10) stop.request_stop();
      },
      stop.get_token());
  EXPECT_TRUE(end.interrupted);
  EXPECT_EQ(end.evaluations, 10);
}

}  // namespace
}  // namespace ballast::orchestrator
