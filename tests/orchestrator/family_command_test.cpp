// lineage, diff, verify and backup of an archive that a search with fakes has left.
#include <filesystem>

#include "population/db.h"
#include "population/reader.h"
#include "run_ballast.h"
#include "tests/orchestrator/small_search.h"

namespace ballast::orchestrator {
namespace {

class FamilyCommand : public BallastTest {
 protected:
  FamilyCommand() {
    SmallSearch search(small_config(120), path(), /*resume=*/true);
    search.run();
    digest_ = search.last_digest();
    record_ = population::Reader(path()).record();
  }
  std::string path() const { return (folder() / "search.db").string(); }

  // A candidate made from another one that was measured, and what made it.
  const population::ProposalRow& birth() const {
    std::map<std::string, int> measured;
    for (const auto& row : record_.estimates) ++measured[row.identity];
    for (const auto& row : record_.proposals)
      if (row.reason == "accepted" && !row.parents.empty() && measured.contains(row.identity) &&
          measured.contains(row.parents[0]))
        return row;
    throw std::runtime_error("no child was measured");
  }
  void change(const std::string& sql) const {
    population::Db(path(), population::Db::Mode::kReadWrite).exec(sql);
  }

  std::string digest_;
  population::Record record_;
};

TEST_F(FamilyCommand, LineageNamesParentsChildrenAndWhatWasDone) {
  const population::ProposalRow& child = birth();
  const nlohmann::json up = json({"lineage", child.identity});
  EXPECT_EQ(up["candidate"]["identity"], child.identity);
  EXPECT_EQ(up["candidate"]["operator"], child.op);
  EXPECT_EQ(up["candidate"]["change"], child.detail);
  EXPECT_EQ(up["ancestors"][0]["identity"], child.parents[0]);
  for (const auto& row : record_.estimates) {
    if (row.identity == child.identity) {
      EXPECT_EQ(up["candidate"]["rung"].get<int>() >= row.rung, true);
      if (up["candidate"]["rung"] == row.rung) {
        EXPECT_EQ(up["candidate"]["mean_difference"], row.mean_difference);
      }
    }
  }
  const nlohmann::json down = json({"lineage", child.parents[0]});
  bool found = false;
  for (const auto& row : down["descendants"]) found = found || row["identity"] == child.identity;
  EXPECT_TRUE(found) << down.dump(2);
  const Ran text = run({"lineage", child.identity.substr(0, 10)});
  EXPECT_EQ(text.code, 0);
  EXPECT_NE(text.out.find("ancestor"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find(child.detail), std::string::npos) << text.out;
}

TEST_F(FamilyCommand, DiffShowsTextsAndPairedDifferences) {
  const population::ProposalRow& child = birth();
  const nlohmann::json j = json({"diff", child.parents[0], child.identity});
  const std::string diff = j["diff"];
  EXPECT_EQ(diff.substr(0, 4), "--- ");
  EXPECT_NE(diff.find("\n-"), std::string::npos);
  EXPECT_NE(diff.find("\n+"), std::string::npos);
  const nlohmann::json& ce = j["metrics"]["cross_entropy"];
  EXPECT_NEAR(ce["difference"].get<double>(), ce["b"].get<double>() - ce["a"].get<double>(), 1e-12);
  EXPECT_GE(ce["pairs"], 1);
  const Ran text = run({"diff", child.parents[0], child.identity});
  EXPECT_EQ(text.code, 0);
  EXPECT_NE(text.out.find("cross_entropy"), std::string::npos) << text.out;
  const Ran same = run({"diff", child.identity, child.identity});
  EXPECT_NE(same.out.find("the texts are the same"), std::string::npos) << same.out;
  EXPECT_EQ(run({"diff", "global_lbl", child.identity}).code, 0) << "a built-in has no text";
}

TEST_F(FamilyCommand, VerifyAcceptsASoundArchiveAndGivesItsDigest) {
  const nlohmann::json j = json({"verify", "search.db"});
  EXPECT_EQ(j["sound"], true) << j.dump(2);
  EXPECT_EQ(j["digest"], digest_);
  EXPECT_NE(run({"verify", "search.db"}).out.find("digest " + digest_), std::string::npos);
}

TEST_F(FamilyCommand, VerifyFindsEveryKindOfProblem) {
  struct Case {
    const char *sql, *said;
  };
  const Case cases[] = {
      {"UPDATE candidate SET source = replace(source, 'return', 'return 2.0 *') WHERE name = "
       "'plain'",
       "candidate plain: its text"},
      {"UPDATE candidate SET name = 'other' WHERE name = 'none'", "builtin:none is named other"},
      {"UPDATE proposal SET source = 'def' WHERE id = 1", "proposal 1: its text"},
      {"UPDATE estimate SET mean_difference = mean_difference + 0.1 WHERE rung = 2 AND candidate = "
       "(SELECT id FROM candidate WHERE name = 'none')",
       "the estimate of none at rung 2"},
      {"DELETE FROM metric WHERE name = 'cross_entropy' AND evaluation = 3", "evaluation 3 is OK"},
      {"PRAGMA foreign_keys = 0; DELETE FROM candidate WHERE name = 'loss_free'", "points to"}};
  const std::string good = read("search.db");
  for (const Case& c : cases) {
    write("search.db", good);
    change(c.sql);
    const Ran ran = run({"verify", "search.db"});
    EXPECT_EQ(ran.code, 1) << c.sql;
    EXPECT_NE(ran.out.find(c.said), std::string::npos) << c.sql << "\n" << ran.out;
    EXPECT_NE(ran.err.find("not sound"), std::string::npos) << ran.err;
    const Ran json = run({"verify", "search.db", "--json"});
    EXPECT_EQ(json.code, 1);
    EXPECT_EQ(nlohmann::json::parse(json.out)["sound"], false);
  }
}

TEST_F(FamilyCommand, BackupCopiesAsOfOneMomentWhileAWriterIsAtWork) {
  const SystemClock clock;
  population::Archive writer(path(), clock);
  writer.add_event("before", "is in the copy, though only in the write-ahead log");
  const nlohmann::json j = json({"backup", "search.db", "copy.db"});
  EXPECT_EQ(j["digest"], digest_);
  writer.add_event("after", "is not");
  const population::Record copy = population::Reader(folder() / "copy.db").record();
  EXPECT_EQ(copy.events.back().kind, "before");
  EXPECT_FALSE(std::filesystem::exists(folder() / "copy.db-wal"));
  EXPECT_FALSE(std::filesystem::exists(folder() / "copy.db.new"));
  population::Archive opened(folder() / "copy.db", clock);  // a search could go on in it
  opened.add_event("again", "");
  expect_complaint(run({"backup", "search.db", "copy.db"}), 1, "the file exists");
}

}  // namespace
}  // namespace ballast::orchestrator
