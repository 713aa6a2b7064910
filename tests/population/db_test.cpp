#include "population/db.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/population/fixture.h"

namespace ballast::population {
namespace {

class DbTest : public testing::Test {
 protected:
  DbTest() { db_.exec("CREATE TABLE t (x ANY) STRICT"); }
  void insert(int64_t x) { Statement(db_, "INSERT INTO t VALUES (?1)").bind(x).run(); }
  int64_t rows() { return db_.integer("SELECT count(*) FROM t"); }
  Db db_{":memory:", Db::Mode::kCreate};
};

TEST_F(DbTest, GivesBackEveryType) {
  const std::string blob("\0\xff\0", 3);
  Statement in(db_, "INSERT INTO t VALUES (?1), (?2), (?3), (?4), (?5)");
  in.bind(-7, 0.1, "text", Bytes{blob}, std::optional<double>()).run();
  Statement out(db_, "SELECT x FROM t ORDER BY rowid");
  ASSERT_TRUE(out.step());
  EXPECT_EQ(out.integer(0), -7);
  ASSERT_TRUE(out.step());
  EXPECT_EQ(out.real(0), 0.1);
  ASSERT_TRUE(out.step());
  EXPECT_EQ(out.text(0), "text");
  ASSERT_TRUE(out.step());
  EXPECT_EQ(out.bytes(0), blob);
  ASSERT_TRUE(out.step());
  EXPECT_TRUE(out.is_null(0));
  EXPECT_FALSE(out.step());
}

TEST_F(DbTest, StoresEmptyTextAsTextAndEmptyBytesAsBytes) {
  Statement(db_, "INSERT INTO t VALUES (?1), (?2)").bind(std::string_view(), Bytes{}).run();
  EXPECT_EQ(db_.text("SELECT group_concat(typeof(x)) FROM t"), "text,blob");
}

TEST_F(DbTest, RefusesNumbersThatAreNotFinite) {
  for (const double x : {NAN, INFINITY, -INFINITY})
    EXPECT_THROW(Statement(db_, "INSERT INTO t VALUES (?1)").bind(x), Error);
  EXPECT_EQ(rows(), 0);
}

TEST_F(DbTest, RefusesAForgottenParameter) {
  EXPECT_THROW(Statement(db_, "INSERT INTO t VALUES (?1), (?2)").bind(1), Error);
}

TEST_F(DbTest, RefusesTwoStatementsAtOnce) {
  EXPECT_THROW(Statement(db_, "SELECT 1; DROP TABLE t"), Error);
  EXPECT_NO_THROW(Statement(db_, "SELECT 1; ").step());
}

TEST_F(DbTest, NamesTheFileAndTheTroubleInAnError) {
  const std::string error = error_of([&] { db_.exec("SELECT wrong FROM t"); });
  EXPECT_NE(error.find(":memory:"), std::string::npos) << error;
  EXPECT_NE(error.find("no such column: wrong"), std::string::npos) << error;
}

TEST_F(DbTest, UsesOneTextTwiceAtTheSameTime) {
  insert(1);
  insert(2);
  Statement outer(db_, "SELECT x FROM t ORDER BY x");
  ASSERT_TRUE(outer.step());
  Statement inner(db_, "SELECT x FROM t ORDER BY x");
  ASSERT_TRUE(inner.step());
  ASSERT_TRUE(inner.step());
  EXPECT_EQ(inner.integer(0), 2);
  EXPECT_EQ(outer.integer(0), 1);
}

TEST_F(DbTest, RunsAgainWithOtherParameters) {
  Statement in(db_, "INSERT INTO t VALUES (?1)");
  in.bind(1).run();
  in.bind("two").run();
  EXPECT_EQ(db_.text("SELECT group_concat(x) FROM t"), "1,two");
}

TEST_F(DbTest, RollsBackWhatIsNotCommitted) {
  {
    const Transaction tx(db_);
    insert(1);
  }
  EXPECT_EQ(rows(), 0);
  Transaction tx(db_);
  insert(2);
  tx.commit();
  EXPECT_EQ(rows(), 1);
}

TEST_F(DbTest, CommitsNestedTransactionsWithTheOutermost) {
  {
    const Transaction outer(db_);
    Transaction inner(db_);
    insert(1);
    inner.commit();
  }
  EXPECT_EQ(rows(), 0);
}

TEST_F(DbTest, CommitsNothingWhenAnInnerTransactionWasRolledBack) {
  Transaction outer(db_);
  insert(1);
  { const Transaction inner(db_); }
  EXPECT_THROW(outer.commit(), Error);
}

TEST_F(DbTest, StopsAQueryAtItsTimeLimit) {
  db_.time_limit(0.01);
  const std::string error = error_of([&] {
    db_.integer(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");
  });
  EXPECT_NE(error.find("longer than its time limit"), std::string::npos) << error;
  db_.time_limit(0);
  EXPECT_EQ(rows(), 0);
}

// Another program's short write is waited for; a program that keeps the lock is an Error that says
// so.
TEST(Db, SaysThatAnotherProgramHoldsTheLock) {
  const Folder folder;
  const std::string path = (folder / "x.db").string();
  Db one(path, Db::Mode::kCreate);
  one.exec("CREATE TABLE t (x); BEGIN IMMEDIATE");
  Db two(path, Db::Mode::kReadWrite);
  two.exec("PRAGMA busy_timeout = 1");
  const std::string error = error_of([&] { const Transaction tx(two); });
  EXPECT_NE(error.find("another program holds a lock"), std::string::npos) << error;
  EXPECT_NE(error.find(path), std::string::npos) << error;
}

}  // namespace
}  // namespace ballast::population
