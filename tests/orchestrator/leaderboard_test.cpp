// Order, groups and intervals of the leaderboard; texts of a running search.
#include "orchestrator/leaderboard.h"

#include <gtest/gtest.h>

#include <cmath>

#include "orchestrator/search_display.h"

namespace ballast::orchestrator {
namespace {

using population::LeaderboardRow;

LeaderboardRow row(std::string identity, int rung, double difference, std::string track = "loss") {
  LeaderboardRow out;
  out.identity = std::move(identity);
  out.name = "name of " + out.identity;
  out.track = std::move(track);
  out.rung = rung;
  out.mean_difference = difference;
  out.pairs = 3;
  out.standard_error = 0.01;
  return out;
}

TEST(Leaderboard, PutsBuiltInsFirstThenRungThenDifference) {
  const std::vector<Ranked> rows =
      ranked({row("a", 1, -9), row("b", 2, 0.5), row("c", 2, -0.5), row("builtin:none", 2, 3)});
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].row.identity, "builtin:none");
  EXPECT_EQ(rows[0].rank, 0);
  EXPECT_EQ(rows[1].row.identity, "c");
  EXPECT_EQ(rows[2].row.identity, "b");
  EXPECT_EQ(rows[3].row.identity, "a");
  EXPECT_EQ(rows[3].rank, 3);
}

TEST(Leaderboard, IntervalIsStudentsAndInfiniteForOnePair) {
  const evaluator::Interval three = interval_of(estimate_of(3, 1.0, 0.5, std::nullopt));
  EXPECT_NEAR(three.low, 1 - 4.302653 * 0.5, 1e-5);
  EXPECT_NEAR(three.high, 1 + 4.302653 * 0.5, 1e-5);
  EXPECT_TRUE(std::isinf(interval_of(estimate_of(1, 1.0, std::nullopt, std::nullopt)).low));
}

// Three seeds, error 0.01: variance 3e-4, 2 degrees of freedom. The pool: variance 9e-4, worth 4.
// Shrunk: (4 * 9e-4 + 2 * 3e-4) / 6 = 7e-4, error sqrt(7e-4 / 3) = 0.0152753, 6 degrees of freedom:
// t = 2.446912.
TEST(Leaderboard, ShrinksErrorsToThePooledVariance) {
  const evaluator::VariancePrior pool{9e-4, 4, 100};
  const std::vector<Ranked> rows = ranked({row("a", 2, -0.05), row("b", 2, -0.04)}, pool);
  EXPECT_NEAR(rows[0].estimate->standard_error, 0.0152753, 1e-7);
  const evaluator::Interval interval = interval_of(rows[0].estimate);
  EXPECT_NEAR(interval.low, -0.05 - 2.446912 * 0.0152753, 1e-6);
  const std::string text = leaderboard_text(rows, {}, 10);
  EXPECT_NE(text.find("-0.0500 ± 0.0153"), std::string::npos) << text;
  EXPECT_NE(leaderboard_json(rows).find("\"shrunk_standard_error\": 0.01527"), std::string::npos);
}

TEST(Leaderboard, ListsTracksApart) {
  const std::string text = leaderboard_text(
      ranked({row("aaaaaaaaaa", 2, -1), row("bbbbbbbbbb", 2, -2, "bias")}), {}, 10);
  const size_t loss = text.find("track loss\n"), bias = text.find("track loss+bias\n");
  ASSERT_NE(loss, std::string::npos) << text;
  ASSERT_NE(bias, std::string::npos) << text;
  EXPECT_LT(loss, text.find("aaaaaaaa"));
  EXPECT_LT(text.find("aaaaaaaa"), bias);
  EXPECT_LT(bias, text.find("bbbbbbbb"));
  EXPECT_EQ(leaderboard_text({}, {}, 10), "nothing has been measured yet\n");
}

SearchStatus status() {
  SearchStatus s;
  s.phase = "search";
  s.seconds = 90;
  s.max_seconds = 900;
  s.evaluations = 12;
  s.measured = 1;
  s.failed_evaluations = 2;
  s.best = BestSoFar{"abc", "mutate-000003", 2, 3, -0.0123, 0.004};
  s.running = {{"tune-000009", 1, 7, 0.1, 50, 100, 2.5, 3}};
  return s;
}

TEST(SearchDisplay, SaysHowFarItIsInOneLine) {
  EXPECT_EQ(progress_text(status()),
            "1 min 30 s of 15 min 00 s | 1 candidate, 12 trainings (2 failed) | best "
            "mutate-000003 -0.0123 ± 0.0040 (rung 2) | now tune-000009 50 %");
}

TEST(SearchDisplay, TakesTheBudgetThatRunsOutFirst) {
  SearchStatus s = status();
  EXPECT_DOUBLE_EQ(*budget_used(s), 0.1);
  s.max_evaluations = 16;
  EXPECT_DOUBLE_EQ(*budget_used(s), 0.75);
  s.seconds = 810;
  EXPECT_DOUBLE_EQ(*budget_used(s), 0.9);
  s.max_seconds = 0;
  s.max_evaluations = 0;
  EXPECT_EQ(budget_used(s), std::nullopt);
}

}  // namespace
}  // namespace ballast::orchestrator
