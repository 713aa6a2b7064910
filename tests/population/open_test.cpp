#include "population/open.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "population/lock.h"
#include "population/reader.h"
#include "tests/population/fixture.h"

namespace ballast::population {
namespace {

namespace fs = std::filesystem;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class OpenTest : public testing::Test {
 protected:
  Folder folder_;
  FixedClock clock_;
  const fs::path path_ = folder_ / "a.db";

  void make(int candidates = 3) const {
    Archive archive(path_, clock_);
    archive.begin_run(a_run());
    archive.together([&] {
      for (int i = 0; i < candidates; ++i) {
        CandidateRow c = a_candidate(identity('a'));
        const std::string number = std::to_string(i);
        c.identity.replace(0, number.size(), number);
        archive.add_candidate(c);
      }
    });
  }

  // Archive and Reader both refuse the file, with `part` in their message, and leave every byte.
  void expect_refused(const std::string& part) const {
    const std::string before = bytes_of(path_);
    const std::string error = error_of([&] { Archive archive(path_, clock_); });
    EXPECT_TRUE(has(error, part)) << error;
    EXPECT_TRUE(has(error, path_.string())) << error;
    EXPECT_EQ(bytes_of(path_), before);
    const std::string reader_error = error_of([&] {
      const Reader reader(path_);
      reader.counts();
    });
    EXPECT_TRUE(has(reader_error, path_.string())) << reader_error;
    EXPECT_EQ(bytes_of(path_), before);
  }
};

TEST_F(OpenTest, MarksTheFileAsOursAndSettlesItsSafety) {
  make();
  EXPECT_EQ(read_header(path_).kind, FileKind::kArchive);
  EXPECT_EQ(read_header(path_).version, current_schema().version());
  const auto db = open_for_writing(path_);
  EXPECT_EQ(db->text("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(db->integer("PRAGMA synchronous"), 2);
  EXPECT_EQ(db->integer("PRAGMA foreign_keys"), 1);
  EXPECT_EQ(db->integer("PRAGMA trusted_schema"), 0);
  EXPECT_EQ(db->integer("SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND "
                        "type = 'table' AND name NOT LIKE 'sqlite%' AND NOT strict"),
            0);
}

TEST_F(OpenTest, MakesTheFolderOfANewArchive) {
  const fs::path deep = folder_ / "runs/one/a.db";
  const Archive archive(deep, clock_);
  EXPECT_TRUE(fs::exists(deep));
}

TEST_F(OpenTest, RefusesAFileThatIsNoDatabase) {
  write_bytes(path_, "# notes\nnothing to see\n");
  expect_refused("not an archive");
  EXPECT_FALSE(fs::exists(path_.string() + ".lock"));
}

TEST_F(OpenTest, RefusesAnotherProgramsDatabase) {
  Db(path_.string(), Db::Mode::kCreate).exec("CREATE TABLE bookmark (url)");
  expect_refused("another program");
  EXPECT_FALSE(fs::exists(path_.string() + ".lock"));
}

TEST_F(OpenTest, RefusesANewerArchive) {
  make();
  Db(path_.string(), Db::Mode::kReadWrite).exec("PRAGMA user_version = 99");
  expect_refused("newer Ballast (schema 99");
}

// The version in the file's header is the old one while the new one waits in the write-ahead log.
TEST_F(OpenTest, RefusesANewerArchiveWhoseVersionIsInTheLog) {
  make();
  {
    Db db(path_.string(), Db::Mode::kReadWrite);
    db.checkpoint_on_close(false);
    db.exec("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 99");
  }
  ASSERT_EQ(read_header(path_).version, current_schema().version());
  expect_refused("newer Ballast (schema 99");
}

TEST_F(OpenTest, RefusesADamagedArchive) {
  make(500);
  std::string bytes = bytes_of(path_);
  ASSERT_GT(bytes.size(), 100u * 1024);
  std::fill(bytes.begin() + 4096, bytes.begin() + 64 * 1024, '\xAA');
  write_bytes(path_, bytes);
  expect_refused("damaged");
}

// Only a look at every page finds this one: opening and migrating never come to these rows.
TEST_F(OpenTest, RefusesAnArchiveDamagedWhereOpeningDoesNotLook) {
  make(500);
  std::string bytes = bytes_of(path_);
  std::fill(bytes.end() - 16 * 1024, bytes.end(), '\xAA');
  write_bytes(path_, bytes);
  const std::string error = error_of([&] { Archive archive(path_, clock_); });
  EXPECT_TRUE(has(error, "damaged")) << error;
  EXPECT_TRUE(has(error, "not changed")) << error;
  EXPECT_EQ(bytes_of(path_), bytes);
}

TEST_F(OpenTest, RefusesATruncatedArchive) {
  make(500);
  write_bytes(path_, bytes_of(path_).substr(0, 40 * 1024));
  expect_refused("damaged");
}

TEST_F(OpenTest, RefusesAFolder) {
  fs::create_directory(path_);
  EXPECT_TRUE(has(error_of([&] { Archive archive(path_, clock_); }), "not a file"));
}

TEST_F(OpenTest, TreatsAnEmptyFileAsNew) {
  write_bytes(path_, "");
  make();
  EXPECT_EQ(Archive(path_, clock_).candidates().size(), 3u);
}

TEST_F(OpenTest, FinishesACreationThatWasKilled) {
  write_bytes(path_.string() + ".new", "half a file");
  write_bytes(path_.string() + ".new-journal", "half a journal");
  make();
  EXPECT_FALSE(fs::exists(path_.string() + ".new"));
}

// A log without its file holds somebody's data: SQLite would mix it into the new archive.
TEST_F(OpenTest, RefusesToMakeAnArchiveBesideALogOfAnother) {
  write_bytes(path_.string() + "-wal", "frames");
  EXPECT_TRUE(has(error_of([&] { Archive archive(path_, clock_); }), "-wal is there"));
  EXPECT_EQ(bytes_of(path_.string() + "-wal"), "frames");
}

TEST_F(OpenTest, RefusesASecondArchiveInTheSameProcess) {
  const Archive first(path_, clock_);
  const std::string error = error_of([&] { Archive second(path_, clock_); });
  EXPECT_TRUE(has(error, "in use by process " + std::to_string(getpid()))) << error;
}

// The whole life of another daemon: it holds the archive, is named, and is killed.
TEST_F(OpenTest, RefusesASecondDaemonUntilTheFirstIsGone) {
  make();
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const Archive archive(path_, clock_);
    if (write(ready[1], "r", 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_EQ(lock_holder_pid(path_), child);
  const std::string error = error_of([&] { Archive archive(path_, clock_); });
  EXPECT_TRUE(has(error, "in use by process " + std::to_string(child))) << error;
  EXPECT_EQ(Reader(path_).writer_pid(), child);

  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(lock_holder_pid(path_), std::nullopt);
  EXPECT_NO_THROW(Archive(path_, clock_).candidates());
  close(ready[0]);
  close(ready[1]);
}

}  // namespace
}  // namespace ballast::population
