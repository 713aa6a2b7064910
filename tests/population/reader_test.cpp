#include "population/reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "population/db.h"
#include "tests/population/child.h"
#include "tests/population/fixture.h"

namespace ballast::population {
namespace {

namespace fs = std::filesystem;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class ReaderTest : public testing::Test {
 protected:
  Folder folder_;
  FixedClock clock_;
  const fs::path path_ = folder_ / "a.db";

  void fill(Archive& archive) const {
    archive.begin_run(a_run());
    archive.add_candidate(a_candidate("builtin:none", "none"));
    archive.add_candidate(a_candidate(identity('a'), "mutate-000001"));
    archive.add_proposal(
        {"mutate", {"builtin:none"}, identity('a'), Outcome::kOk, "accepted", "", ""});
    archive.add_proposal(
        {"mutate", {"builtin:none"}, "", Outcome::kStaticReject, "static", "", ""});
    evaluate(archive, a_key(identity('a')), some_metrics());
    evaluate(archive, a_key(identity('a'), 2), {}, Outcome::kCrash);
    archive.begin_evaluation(a_key(identity('a'), 3), "estimate", 1000);
    archive.put_estimate({identity('a'), 1, "0.01", 1, 0.0, std::nullopt});
    archive.put_state("n", "1");
    archive.add_event("start", "one");
    archive.add_event("stop", "two");
  }
};

TEST_F(ReaderTest, ReadsWhatAWriterHasCommitted) {
  Archive archive(path_, clock_);
  const Reader reader(path_);
  EXPECT_EQ(reader.run(), std::nullopt);
  fill(archive);
  EXPECT_EQ(reader.run()->seed, 1u);
  EXPECT_EQ(reader.writer_pid(), getpid());
  EXPECT_EQ(reader.candidates().size(), 2u);
  EXPECT_EQ(reader.candidate(identity('a'))->name, "mutate-000001");
  EXPECT_EQ(reader.identities("aaaaaa"), std::vector<std::string>{identity('a')});
  EXPECT_TRUE(reader.identities("b_%").empty());
  EXPECT_EQ(reader.evaluations(identity('a')).at(0).metrics, some_metrics());
  EXPECT_EQ(reader.estimates(identity('a')).size(), 1u);
  EXPECT_TRUE(reader.estimates("builtin:none").empty());
  EXPECT_EQ(reader.state("n"), "1");
  EXPECT_EQ(reader.events(1).at(0).detail, "two");
  EXPECT_EQ(reader.events(9).size(), 2u);
}

TEST_F(ReaderTest, Counts) {
  Archive archive(path_, clock_);
  fill(archive);
  const Counts counts = Reader(path_).counts();
  EXPECT_EQ(counts.candidates, 2);
  EXPECT_EQ(counts.estimates, 1);
  EXPECT_EQ(counts.proposals, (std::map<std::string, int64_t>{{"accepted", 1}, {"static", 1}}));
  EXPECT_EQ(counts.accepted, (std::map<std::string, int64_t>{{"mutate", 1}}));
  EXPECT_EQ(counts.evaluations, (std::map<std::string, int64_t>{{"OK", 1}, {"CRASH", 1}}));
  EXPECT_EQ(counts.unfinished, 1);
  EXPECT_EQ(counts.seconds, 3.0);
}

TEST_F(ReaderTest, TellsSessionsThatEndedFromThoseThatWereKilled) {
  {
    Archive archive(path_, clock_);
    archive.begin_run(a_run());
  }
  Archive archive(path_, clock_);
  archive.begin_run(a_run());
  archive.end_run("max_seconds");
  const std::vector<SessionRow> sessions = Reader(path_).sessions();
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_EQ(sessions[0].ended_ns, std::nullopt);
  EXPECT_EQ(sessions[1].reason, "max_seconds");
  EXPECT_EQ(sessions[1].ended_ns, clock_.wall_ns());
}

TEST_F(ReaderTest, ReadsAnArchiveNobodyHasOpen) {
  {
    Archive archive(path_, clock_);
    fill(archive);
  }
  const Reader reader(path_);
  EXPECT_EQ(reader.writer_pid(), std::nullopt);
  EXPECT_EQ(reader.candidates().size(), 2u);
}

// A process that may only read: file and folder belong to somebody else.
TEST_F(ReaderTest, ReadsAnArchiveInAFolderItMayNotWrite) {
  {
    Archive archive(path_, clock_);
    fill(archive);
  }
  for (const char* suffix : {"-wal", "-shm"}) fs::remove(path_.string() + suffix);
  chmod(folder_.path().c_str(), 0555);
  const std::string result = in_child([&]() -> std::string {
    if (getuid() == 0 && setuid(65534) != 0) return "cannot become nobody";
    const size_t candidates = Reader(path_).candidates().size();
    return candidates == 2 ? "" : "found " + std::to_string(candidates) + " candidates";
  });
  chmod(folder_.path().c_str(), 0755);
  EXPECT_EQ(result, "");
  EXPECT_FALSE(fs::exists(path_.string() + "-shm"));
}

TEST_F(ReaderTest, NeverBlocksTheWriterAndIsNeverBlocked) {
  Archive archive(path_, clock_);
  fill(archive);
  Db pinned(path_.string(), Db::Mode::kReadOnly);  // a reader in the middle of something
  pinned.exec("BEGIN");
  ASSERT_EQ(pinned.integer("SELECT count(*) FROM event"), 2);

  const std::string text(2000, 'x');
  for (int i = 0; i < 3; ++i)  // more than the 4 MiB after which a commit folds the log back
    archive.together([&] {
      for (int j = 0; j < 1000; ++j) archive.add_event("filler", text);
    });
  archive.checkpoint();  // returns, though the log cannot be emptied
  EXPECT_EQ(pinned.integer("SELECT count(*) FROM event"), 2);
  EXPECT_GT(fs::file_size(path_.string() + "-wal"), 6'000'000u);

  archive.together([&] {
    archive.add_event("open", "not committed yet");
    EXPECT_EQ(Reader(path_).sql("SELECT count(*) FROM event", 1).rows[0][0], Cell(int64_t{3002}));
  });
  pinned.end_reading();
  archive.checkpoint();
  EXPECT_EQ(fs::file_size(path_.string() + "-wal"), 0u);
}

TEST_F(ReaderTest, LeavesTheWriterToKeepItsLogShortByItself) {
  Archive archive(path_, clock_);
  const std::string text(2000, 'x');
  for (int i = 0; i < 20; ++i) {
    archive.together([&] {
      for (int j = 0; j < 500; ++j) archive.add_event("filler", text);
    });
    EXPECT_EQ(Reader(path_).events(1).size(), 1u);
  }
  EXPECT_GT(fs::file_size(path_), 15'000'000u) << "the log was not folded back into the file";
  EXPECT_LT(fs::file_size(path_.string() + "-wal"), 8'000'000u);
}

TEST_F(ReaderTest, GivesEveryKindOfCell) {
  { const Archive archive(path_, clock_); }
  const Table table =
      Reader(path_).sql("SELECT 1 AS a, 0.5 AS b, 'x' AS c, x'00ff' AS d, NULL AS e", 9);
  EXPECT_EQ(table.columns, (std::vector<std::string>{"a", "b", "c", "d", "e"}));
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(std::get<int64_t>(table.rows[0][0]), 1);
  EXPECT_EQ(std::get<double>(table.rows[0][1]), 0.5);
  EXPECT_EQ(std::get<std::string>(table.rows[0][2]), "x");
  EXPECT_EQ(std::get<BlobCell>(table.rows[0][3]).bytes, std::string("\0\xff", 2));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(table.rows[0][4]));
}

TEST_F(ReaderTest, CutsLongAnswersAndSaysSo) {
  { const Archive archive(path_, clock_); }
  const Reader reader(path_);
  EXPECT_TRUE(reader.sql("VALUES (1), (2), (3)", 2).cut);
  EXPECT_EQ(reader.sql("VALUES (1), (2), (3)", 2).rows.size(), 2u);
  EXPECT_FALSE(reader.sql("VALUES (1), (2), (3)", 3).cut);
}

TEST_F(ReaderTest, RefusesToWrite) {
  {
    Archive archive(path_, clock_);
    fill(archive);
  }
  const std::string before = bytes_of(path_);
  const Reader reader(path_);
  for (const char* text :
       {"DELETE FROM event", "INSERT INTO event VALUES (9, 9, 'a', 'b') RETURNING id",
        "UPDATE run SET seed = 7", "DROP TABLE event", "BEGIN", "PRAGMA user_version = 9",
        "ATTACH 'other.db' AS other"})
    EXPECT_THROW(reader.sql(text, 9), Error) << text;
  EXPECT_EQ(reader.sql("SELECT count(*) FROM event", 1).rows[0][0], Cell(int64_t{2}));
  EXPECT_EQ(bytes_of(path_), before);
}

TEST_F(ReaderTest, StopsAQueryThatTakesTooLong) {
  { const Archive archive(path_, clock_); }
  const Reader reader(path_, 0.01);
  const std::string error = error_of([&] {
    reader.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n", 1);
  });
  EXPECT_TRUE(has(error, "time limit")) << error;
}

TEST_F(ReaderTest, SaysThatThereIsNoSuchArchive) {
  EXPECT_TRUE(has(error_of([&] { const Reader reader(path_); }), "no such archive"));
  EXPECT_FALSE(fs::exists(path_));
}

}  // namespace
}  // namespace ballast::population
