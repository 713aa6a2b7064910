// docs/archive.md: every query on the page runs, and the page names every table and column of a
// view.
#include <gtest/gtest.h>

#include "population/db.h"
#include "population/reader.h"
#include "tests/population/fixture.h"

namespace ballast::population {
namespace {

std::vector<std::string> queries_in(const std::string& page) {
  std::vector<std::string> out;
  const std::string open = "```sql\n";
  for (size_t at = page.find(open); at != std::string::npos; at = page.find(open, at)) {
    at += open.size();
    out.push_back(page.substr(at, page.find("```", at) - at));
  }
  return out;
}

TEST(Docs, QueriesRunAndNamesAreComplete) {
  const std::string page = bytes_of(BALLAST_DOCS "/archive.md");
  const Folder folder;
  const std::filesystem::path path = folder / "a.db";
  Db(path.string(), Db::Mode::kCreate).exec(bytes_of(BALLAST_FIXTURES "/v1.sql"));
  const FixedClock clock;
  { const Archive migrated(path, clock); }
  const Reader reader(path);

  const std::vector<std::string> queries = queries_in(page);
  EXPECT_GE(queries.size(), 5u);
  for (const std::string& query : queries) EXPECT_NO_THROW(reader.sql(query, 100)) << query;

  const Table names =
      reader.sql("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')", 99);
  EXPECT_GE(names.rows.size(), 15u);
  for (const auto& row : names.rows) {
    const std::string name = std::get<std::string>(row[0]);
    EXPECT_NE(page.find("`" + name + "`"), std::string::npos) << name << " is not on the page";
  }
  for (const char* view : {"leaderboard", "lineage", "pareto", "measured", "costs"})
    for (const std::string& column : reader.sql(std::string("SELECT * FROM ") + view, 1).columns)
      EXPECT_NE(page.find(column), std::string::npos) << view << "." << column;
}

}  // namespace
}  // namespace ballast::population
