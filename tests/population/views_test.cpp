// The views people query: names, and values worked out by hand.
#include <gtest/gtest.h>

#include "population/reader.h"
#include "tests/population/fixture.h"

namespace ballast::population {
namespace {

// a: best by rung 1 alone, climbed to rung 2. b: worse. ref: the reference. bias: another track.
class ViewsTest : public testing::Test {
 protected:
  ViewsTest() {
    archive_.begin_run(a_run());
    archive_.add_candidate({.identity = kRef,
                            .name = "global_lbl",
                            .source = "",
                            .track = "loss",
                            .unit = 1,
                            .order_dependent = false,
                            .fingerprint = {}});
    archive_.add_candidate(a_candidate(kA, "tune-000001"));
    archive_.add_candidate(a_candidate(kB, "mutate-000002"));
  }

  const std::string kRef = "builtin:global_lbl";
  const std::string kA = identity('a'), kB = identity('b'), kC = identity('c');
  Folder folder_;
  FixedClock clock_;
  const std::filesystem::path path_ = folder_ / "a.db";
  Archive archive_{path_, clock_};
};

TEST_F(ViewsTest, LeaderboardHasThePromisedColumnsFirst) {
  const std::vector<std::string> columns =
      Reader(path_).sql("SELECT * FROM leaderboard", 1).columns;
  const std::vector<std::string> promised = {
      "identity",        "name",           "track",         "rung",           "evaluations",
      "mean_difference", "standard_error", "cross_entropy", "max_vio_global", "coefficient"};
  ASSERT_GE(columns.size(), promised.size());
  EXPECT_TRUE(std::equal(promised.begin(), promised.end(), columns.begin()));
}

TEST_F(ViewsTest, LeaderboardShowsEachCandidateAtItsHighestRung) {
  for (const uint64_t seed : {uint64_t{1}, uint64_t{2}}) {
    evaluate(archive_, a_key(kRef, seed), some_metrics(2.0, 0.5), Outcome::kOk, "reference");
    evaluate(archive_, a_key(kA, seed), some_metrics(1.5, 0.25));
    evaluate(archive_, a_key(kA, seed, "0.01", 2), some_metrics(seed == 1 ? 1.0 : 1.5, 0.125));
  }
  evaluate(archive_, a_key(kB), some_metrics(3.0));
  evaluate(archive_, a_key(kB, 1, "0.1"), {}, Outcome::kDiverged, "coefficient");
  archive_.put_estimate({kRef, 1, "0.01", 2, 0.25, 0.5});  // shown as 0 and NULL all the same
  archive_.put_estimate({kA, 1, "0.01", 2, -0.75, 0.25});
  archive_.put_estimate({kA, 2, "0.01", 2, -0.5, 0.125});
  archive_.put_estimate({kB, 1, "0.01", 1, 1.0, std::nullopt});

  const std::vector<LeaderboardRow> board = Reader(path_).leaderboard();
  ASSERT_EQ(board.size(), 3u);
  EXPECT_EQ(board[0].identity, kA);
  EXPECT_EQ(board[0].rung, 2);
  EXPECT_EQ(board[0].evaluations, 2);
  EXPECT_EQ(board[0].mean_difference, -0.5);
  EXPECT_EQ(board[0].standard_error, 0.125);
  EXPECT_EQ(board[0].cross_entropy, 1.25);
  EXPECT_EQ(board[0].max_vio_global, 0.125);
  EXPECT_EQ(board[0].coefficient, 0.01);
  EXPECT_EQ(board[0].seconds, 6.0);
  EXPECT_EQ(board[0].sandbox_level, "L3");
  EXPECT_EQ(board[1].identity, kRef);
  EXPECT_EQ(board[1].mean_difference, 0.0);
  EXPECT_EQ(board[1].standard_error, std::nullopt);
  EXPECT_EQ(board[2].identity, kB);
  EXPECT_EQ(board[2].standard_error, std::nullopt);
  EXPECT_EQ(board[2].cross_entropy, 3.0);
  EXPECT_EQ(board[2].coefficients_tried, 2);
  EXPECT_EQ(board[2].failures, 1);
}

TEST_F(ViewsTest, LeaderboardLeavesOutOtherCoefficientsFullTrainingsAndFailures) {
  evaluate(archive_, a_key(kA, 1), some_metrics(1.0), Outcome::kOk, "coefficient");
  evaluate(archive_, a_key(kA, 1, "0.03"), some_metrics(9.0), Outcome::kOk, "coefficient");
  evaluate(archive_, a_key(kA, 2), some_metrics(9.0), Outcome::kOk, "train");
  evaluate(archive_, a_key(kA, 3), {}, Outcome::kTimeout, "estimate");
  archive_.begin_evaluation(a_key(kA, 4), "estimate", 1000);
  archive_.put_estimate({kA, 1, "0.01", 1, 0.0, std::nullopt});
  EXPECT_EQ(Reader(path_).leaderboard().at(0).evaluations, 1);
  EXPECT_EQ(Reader(path_).leaderboard().at(0).cross_entropy, 1.0);

  // Fresh seeds, once there are any, replace those the coefficient was chosen on.
  evaluate(archive_, a_key(kA, 11), some_metrics(2.0));
  evaluate(archive_, a_key(kA, 12), some_metrics(3.0), Outcome::kOk, "champion");
  EXPECT_EQ(Reader(path_).leaderboard().at(0).evaluations, 2);
  EXPECT_EQ(Reader(path_).leaderboard().at(0).cross_entropy, 2.5);
}

// A metric that is not finite is no number in anybody's mean, and the others still count.
TEST_F(ViewsTest, LeaderboardMeansLeaveOutWhatIsNotFinite) {
  Metrics odd = some_metrics(1.0);
  odd.scalars["domain_expert_mi"] = std::numeric_limits<double>::quiet_NaN();
  evaluate(archive_, a_key(kA, 1), odd);
  archive_.put_estimate({kA, 1, "0.01", 1, 0.0, std::nullopt});
  EXPECT_EQ(Reader(path_).leaderboard().at(0).domain_expert_mi, std::nullopt);
  EXPECT_EQ(Reader(path_).leaderboard().at(0).cross_entropy, 1.0);
}

TEST_F(ViewsTest, LeaderboardIsEmptyBeforeThereIsAnEstimate) {
  evaluate(archive_, a_key(kA), some_metrics());
  EXPECT_TRUE(Reader(path_).leaderboard().empty());
}

TEST_F(ViewsTest, LineageCountsGenerationsAlongTheMainParent) {
  archive_.add_proposal({"tune", {kRef}, kA, Outcome::kOk, "accepted", "", ""});
  archive_.add_proposal({"mutate", {kA}, kB, Outcome::kOk, "accepted", "", ""});
  archive_.add_proposal({"mutate", {kRef}, kB, Outcome::kOk, "identity", "known", ""});
  archive_.add_candidate(a_candidate(kC, "splice-000003"));
  archive_.add_proposal({"splice", {kB, kRef}, kC, Outcome::kOk, "accepted", "", ""});

  const std::vector<LineageRow> rows = Reader(path_).lineage(kC);
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[0].identity, kC);
  EXPECT_EQ(rows[0].generation, 3);
  EXPECT_EQ(rows[0].op, "splice");
  EXPECT_EQ(rows[0].parent, kB);
  EXPECT_EQ(rows[1].parent, kRef);
  EXPECT_EQ(rows[1].position, 1);
  EXPECT_EQ(rows[2].identity, kB);
  EXPECT_EQ(rows[2].parent_name, "tune-000001");
  EXPECT_EQ(rows[3].identity, kRef);
  EXPECT_EQ(rows[3].generation, 0);
  EXPECT_EQ(rows[3].parent, "");
  EXPECT_EQ(rows[4].identity, kA);
  EXPECT_TRUE(Reader(path_).lineage(identity('9')).empty());
}

TEST_F(ViewsTest, ParetoKeepsWhatNothingOfItsTrackBeats) {
  CandidateRow other = a_candidate(kC, "bias");
  other.track = "bias";
  archive_.add_candidate(other);
  const auto add = [&](const std::string& id, double ce, double vio, double mi) {
    evaluate(archive_, a_key(id), some_metrics(ce, vio, mi));
    archive_.put_estimate({id, 1, "0.01", 1, ce, std::nullopt});
  };
  add(kRef, 2.0, 0.25, 0.5);
  add(kA, 2.5, 0.25, 0.5);   // as balanced and specialised as the reference, and worse otherwise
  add(kB, 3.0, 0.125, 0.5);  // worse but better balanced
  add(kC, 9.0, 9.0, 0.0);    // alone in its track
  archive_.add_candidate(a_candidate(identity('d')));
  add(identity('d'), 4.0, 0.5, 0.75);  // worse in both, but its experts know the domains apart
  const Table front = Reader(path_).sql("SELECT track, identity FROM pareto", 10);
  ASSERT_EQ(front.rows.size(), 4u);
  EXPECT_EQ(std::get<std::string>(front.rows[0][0]), "bias");
  EXPECT_EQ(std::get<std::string>(front.rows[1][1]), kRef);
  EXPECT_EQ(std::get<std::string>(front.rows[2][1]), kB);
  EXPECT_EQ(std::get<std::string>(front.rows[3][1]), identity('d'));
}

// Two with the same figures do not beat one another.
TEST_F(ViewsTest, ParetoKeepsEquals) {
  for (const std::string& id : {kA, kB}) {
    evaluate(archive_, a_key(id), some_metrics());
    archive_.put_estimate({id, 1, "0.01", 1, 0.0, std::nullopt});
  }
  EXPECT_EQ(Reader(path_).sql("SELECT * FROM pareto", 10).rows.size(), 2u);
}

}  // namespace
}  // namespace ballast::population
