// Forward migrations: with schemas of the test's own, and with a file as version 1 wrote it.
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

// tests/population/fixtures/v1.sql is what version 1 wrote; it must open in every later build.
TEST(Fixture, OfVersion1OpensAndIsRead) {
  const Folder folder;
  const fs::path path = folder / "v1.db";
  Db(path.string(), Db::Mode::kCreate).exec(bytes_of(std::string(BALLAST_FIXTURES) + "/v1.sql"));
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
  const Reader reader(path);
  const std::vector<LeaderboardRow> board = reader.leaderboard();
  ASSERT_EQ(board.size(), 3u);
  EXPECT_EQ(board[0].name, "mutate-000001");
  EXPECT_EQ(board[0].mean_difference, -0.02);
  EXPECT_EQ(fs::exists(path.string() + ".v1.bak"), current_schema().version() > 1);
}

}  // namespace
}  // namespace ballast::population
