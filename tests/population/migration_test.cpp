// Forward migrations: with schemas of the test's own, and with files as older versions wrote them.
#include <gtest/gtest.h>

#include "population/open.h"
#include "population/reader.h"
#include "tests/population/fixture.h"

namespace ballast::population {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFirst =
    "CREATE TABLE run (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;"
    "CREATE TABLE result (id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES run (id),"
    "                     value REAL NOT NULL) STRICT;";
constexpr std::string_view kFirstViews =
    "CREATE VIEW best AS SELECT min(value) AS value FROM result;";

// Builds a table anew (SQLite cannot add a CHECK) and adds another.
constexpr std::string_view kSecond =
    "CREATE TABLE result_2 (id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES run (id),"
    "                       value REAL NOT NULL CHECK (value >= 0), unit TEXT NOT NULL) STRICT;"
    "INSERT INTO result_2 SELECT id, run, value, 'nats' FROM result;"
    "DROP TABLE result; ALTER TABLE result_2 RENAME TO result;";
constexpr std::string_view kThird = "CREATE TABLE note (text TEXT NOT NULL) STRICT;";
constexpr std::string_view kNewViews =
    "CREATE VIEW best AS SELECT min(value) AS value, unit FROM result;";

class MigrationTest : public testing::Test {
 protected:
  MigrationTest() {
    const auto db = open_for_writing(path_, {{kFirst}, kFirstViews});
    db->exec("INSERT INTO run VALUES (1, 'r'); INSERT INTO result VALUES (1, 1, 2.5), (2, 1, 1.5)");
  }
  std::vector<std::string> backups() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path()))
      if (entry.path().extension() == ".bak") names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  Folder folder_;
  const fs::path path_ = folder_ / "a.db";
};

TEST_F(MigrationTest, LeadsAnOldFileThroughEveryStepAfterABackup) {
  const auto db = open_for_writing(path_, {{kFirst, kSecond, kThird}, kNewViews});
  EXPECT_EQ(db->integer("PRAGMA user_version"), 3);
  EXPECT_EQ(db->text("SELECT value || ' ' || unit FROM best"), "1.5 nats");
  EXPECT_EQ(db->integer("SELECT count(*) FROM note"), 0);
  EXPECT_EQ(db->integer("PRAGMA foreign_keys"), 1);
  EXPECT_THROW(db->exec("INSERT INTO result VALUES (3, 7, 1.0, 'nats')"), Error);  // no such run
  EXPECT_THROW(db->exec("INSERT INTO result VALUES (3, 1, -1.0, 'nats')"), Error);

  ASSERT_EQ(backups(), std::vector<std::string>{"a.db.v1.bak"});
  Db backup((folder_ / "a.db.v1.bak").string(), Db::Mode::kReadOnly);
  EXPECT_EQ(backup.integer("PRAGMA user_version"), 1);
  EXPECT_EQ(backup.integer("PRAGMA application_id"), kApplicationId);
  EXPECT_EQ(backup.text("SELECT value FROM best"), "1.5");
}

TEST_F(MigrationTest, DoesNothingToAFileOfTheSameVersion) {
  EXPECT_EQ(open_for_writing(path_, {{kFirst}, kFirstViews})->integer("PRAGMA user_version"), 1);
  EXPECT_TRUE(backups().empty());
}

TEST_F(MigrationTest, NeverOverwritesABackup) {
  write_bytes(folder_ / "a.db.v1.bak", "an earlier one");
  open_for_writing(path_, {{kFirst, kSecond}, kNewViews});
  EXPECT_EQ(backups(), (std::vector<std::string>{"a.db.v1.2.bak", "a.db.v1.bak"}));
  EXPECT_EQ(bytes_of(folder_ / "a.db.v1.bak"), "an earlier one");
}

TEST_F(MigrationTest, LeavesTheFileAsItWasWhenAStepFails) {
  constexpr std::string_view bad = "CREATE TABLE extra (x) ; INSERT INTO nowhere VALUES (1);";
  const std::string error = error_of([&] {
    open_for_writing(path_, {{kFirst, kSecond, bad}, kNewViews});
  });
  EXPECT_NE(error.find("from schema 1 to 3 failed"), std::string::npos) << error;
  EXPECT_NE(error.find("no such table: nowhere"), std::string::npos) << error;
  const auto db = open_for_writing(path_, {{kFirst}, kFirstViews});
  EXPECT_EQ(db->integer("PRAGMA user_version"), 1);
  EXPECT_EQ(db->text("SELECT value FROM best"), "1.5");
  EXPECT_EQ(db->integer("SELECT count(*) FROM sqlite_schema WHERE name IN ('extra', 'result_2')"),
            0);
}

TEST_F(MigrationTest, RefusesAStepThatLeavesRowsPointingToNothing) {
  const std::string error = error_of([&] {
    open_for_writing(path_, {{kFirst, "DELETE FROM run;"}, kFirstViews});
  });
  EXPECT_NE(error.find("rows of table result point to nothing"), std::string::npos) << error;
  EXPECT_EQ(open_for_writing(path_, {{kFirst}, kFirstViews})->integer("SELECT count(*) FROM run"),
            1);
}

TEST_F(MigrationTest, LetsAReaderAskAnOlderFile) {
  const auto db = open_for_reading(path_, {{kFirst, kSecond}, kNewViews});
  EXPECT_EQ(db->text("SELECT value FROM best"), "1.5");
}

TEST_F(MigrationTest, CanBeTriedAgainAfterABackupThatWasKilled) {
  write_bytes(path_.string() + ".bak.new", "half a backup");
  open_for_writing(path_, {{kFirst, kSecond}, kNewViews});
  EXPECT_EQ(backups(), std::vector<std::string>{"a.db.v1.bak"});
}

// tests/population/fixtures/vN.sql is what version N wrote; it must open in every later build.
fs::path file_of_version(const Folder& folder, int64_t version) {
  const std::string name = "v" + std::to_string(version);
  fs::path path = folder / (name + ".db");
  Db(path.string(), Db::Mode::kCreate)
      .exec(bytes_of(std::string(BALLAST_FIXTURES) + "/" + name + ".sql"));
  return path;
}

// Of what version the backup is that a migration left beside the file; 0: there is none.
int64_t version_of_backup(const fs::path& path, int64_t version) {
  const fs::path backup = path.string() + ".v" + std::to_string(version) + ".bak";
  return fs::exists(backup) ? read_header(backup).version : 0;
}

TEST(Fixture, OfVersion1OpensAndIsRead) {
  const Folder folder;
  const fs::path path = file_of_version(folder, 1);
  ASSERT_EQ(read_header(path).version, 1);

  const FixedClock clock;
  Archive archive(path, clock);
  ASSERT_TRUE(archive.run());
  EXPECT_EQ(archive.run()->reference, "builtin:global_lbl");
  EXPECT_EQ(archive.candidates().size(), 3u);
  EXPECT_EQ(archive.proposals().size(), 2u);
  EXPECT_EQ(archive.evaluations().size(), 6u);
  EXPECT_EQ(archive.estimates().size(), 3u);
  EXPECT_EQ(archive.state("next_proposal"), "2");
  EXPECT_TRUE(archive.memberships().empty());
  archive.add_membership({archive.candidates().back().identity, 1, 0, 2});  // version 2
  EXPECT_EQ(archive.memberships().size(), 1u);
  archive.add_draft({.number = 1, .op = "edit", .model = "small", .variant = "v1"});  // version 3
  EXPECT_EQ(archive.drafts().size(), 1u);
  const Reader reader(path);
  const std::vector<LeaderboardRow> board = reader.leaderboard();
  ASSERT_EQ(board.size(), 3u);
  EXPECT_EQ(board[0].name, "mutate-000001");
  EXPECT_EQ(board[0].mean_difference, -0.02);
  EXPECT_EQ(version_of_backup(path, 1), 1);
  EXPECT_EQ(archive.migration(), "migrated from schema 1 to " +
                                     std::to_string(current_schema().version()) +
                                     "; as it was: " + path.string() + ".v1.bak");
}

TEST(Fixture, OfAnyVersionIsCopiedAsTheNewestAndStaysAsItIs) {
  const Folder folder;
  const FixedClock clock;
  for (int64_t version = 1; version < current_schema().version(); ++version) {
    const fs::path path = file_of_version(folder, version);
    const std::string before = bytes_of(path);
    const fs::path copy = folder / ("copy" + std::to_string(version) + ".db");
    EXPECT_EQ(copy_archive(path, copy), version);
    EXPECT_EQ(read_header(copy).version, current_schema().version());
    EXPECT_GE(Reader(copy).leaderboard().size(), 2u);
    EXPECT_EQ(bytes_of(path), before);
    EXPECT_EQ(version_of_backup(path, version) + version_of_backup(copy, version), 0);
    EXPECT_EQ(Archive(copy, clock).migration(), "");
  }
}

TEST(Fixture, OfVersion2OpensWithItsCallsWhichBelongToNoDraft) {
  const Folder folder;
  const fs::path path = file_of_version(folder, 2);
  ASSERT_EQ(read_header(path).version, 2);

  const FixedClock clock;
  Archive archive(path, clock);
  EXPECT_EQ(version_of_backup(path, 2), 2);
  EXPECT_TRUE(archive.drafts().empty());
  EXPECT_EQ(archive.proposals()[0].calls, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(archive.memberships().size(), 1u);
  const std::vector<CallRow> calls = archive.calls();
  ASSERT_EQ(calls.size(), 4u);
  for (const CallRow& call : calls) {
    EXPECT_FALSE(call.draft);
    EXPECT_FALSE(call.handled_ns);
  }
  EXPECT_EQ(calls[0].user, "Improve this.");
  EXPECT_EQ(calls[0].usd, 0.125);
  EXPECT_EQ(calls[2].outcome, "LOST");
  EXPECT_EQ(calls[2].usd, 1.5) << "nobody knows what it cost";
  EXPECT_EQ(archive.llm_spending().usd, 3.375);
  const std::vector<CostRow> costs = Reader(path).costs();
  ASSERT_EQ(costs.size(), 3u);
  EXPECT_EQ(costs[1].op, "repair");
  EXPECT_EQ(costs[1].improvements, 1);

  archive.lose_open_calls();  // what a search does next
  archive.add_draft({.number = 1, .op = "edit", .model = "big", .variant = "v1"});
  CallRow next = calls[3];
  next.draft = 1;
  const int64_t id = archive.begin_call(next);
  archive.finish_call(id, {.outcome = "OK", .message = "", .reply = "x", .request_id = ""});
  EXPECT_TRUE(archive.arrivals().empty());
  EXPECT_EQ(archive.calls_of_draft(1).at(0).ordinal, 0);
  EXPECT_TRUE(Reader(path).damage().empty());
}

// Migrating through every step and beginning anew lead to the same tables.
TEST(Fixture, OfEveryVersionBecomesWhatANewFileIs) {
  const Folder folder;
  const auto layout = [](const fs::path& path) {
    return Db(path.string(), Db::Mode::kReadOnly)
        .text(
            "SELECT group_concat(name || ' ' || ifnull(sql, ''), ';') FROM (SELECT name, sql "
            "FROM sqlite_schema ORDER BY name)");
  };
  open_for_writing(folder / "new.db");
  const std::string expected = layout(folder / "new.db");
  EXPECT_NE(expected.find("llm_call_draft"), std::string::npos);
  for (int64_t version = 1; version < current_schema().version(); ++version) {
    const fs::path path = file_of_version(folder, version);
    open_for_writing(path);
    EXPECT_EQ(layout(path), expected) << version;
  }
}

}  // namespace
}  // namespace ballast::population
