#include "orchestrator/verdict.h"

#include <gtest/gtest.h>

#include <cmath>

#include "orchestrator/ledger.h"

namespace ballast::orchestrator {
namespace {

// Rows of a finished search, written down one by one.
struct Story {
  Story() {
    config.build = "test";
    config.builtins = {{"global_lbl", 0.1}, {"none", 0}, {"micro_lbl", 0.1}, {"loss_free", 1}};
    config.rungs = {{1000, 1, SeedBlock::kA}, {2000, 3, SeedBlock::kB}, {2000, 4, SeedBlock::kC}};
    config.coefficient_trials = 1;
    for (const BuiltinConfig& builtin : config.builtins)
      add("builtin:" + builtin.name, builtin.name, builtin.name == "none" ? "none" : "loss");
  }
  void add(const std::string& identity, const std::string& name, const std::string& track) {
    population::CandidateRow row;
    row.identity = identity;
    row.name = name;
    row.track = track;
    candidates.push_back(row);
  }
  // Cross-entropy without excess MaxVio is the objective.
  void measure(const std::string& identity, int rung, int seed, const std::string& coefficient,
               double cross_entropy, double max_vio = 0.1, Outcome outcome = Outcome::kOk) {
    Ledger ledger(config);
    for (const auto& candidate : candidates) ledger.add(candidate, "");
    population::EvaluationRow row;
    row.key = ledger.key({*ledger.find(identity), rung, seed, coefficient});
    row.purpose = "estimate";
    row.outcome = outcome;
    row.metrics.scalars = {
        {"cross_entropy", cross_entropy}, {"max_vio_global", max_vio}, {"l1_imbalance", 0}};
    row.metrics.arrays = {{"layer_max_vio_global", {0.1}}, {"train_layer_max_vio_global", {0.1}}};
    evaluations.push_back(row);
  }
  // All built-ins on three seeds; MaxVio in the order that the literature has.
  void builtins(double noise = 0.01) {
    measure("builtin:global_lbl", 1, 0, "0.1", 2);
    for (int seed = 0; seed < 3; ++seed) {
      const double e = noise * (seed - 1);
      measure("builtin:global_lbl", 2, seed, "0.1", 2 + 0.1 * seed, 0.50 + e);
      measure("builtin:none", 2, seed, "0", 2 + 0.1 * seed + e / 10, 3.0);
      measure("builtin:micro_lbl", 2, seed, "0.1", 2.001 + 0.1 * seed + e / 10, 0.60);
      measure("builtin:loss_free", 2, seed, "1", 2.002 + 0.1 * seed - e / 10, 0.20);
    }
  }
  void candidate(const std::string& identity, const std::vector<double>& differences, int rung) {
    if (rung == 2) {
      add(identity, identity, "loss");
      measure(identity, 1, 0, "0.1", 2 + differences[0]);
    }
    for (int seed = 0; seed < static_cast<int>(differences.size()); ++seed)
      measure(identity, rung, seed, "0.1", 2 + 0.1 * seed + differences[static_cast<size_t>(seed)]);
  }
  void reference_on_c() {
    for (int seed = 0; seed < 4; ++seed)
      measure("builtin:global_lbl", 3, seed, "0.1", 2 + 0.1 * seed);
  }
  Verdict judge() const { return verdict(config, candidates, evaluations); }

  SearchConfig config;
  std::vector<population::CandidateRow> candidates;
  std::vector<population::EvaluationRow> evaluations;
};

std::string joined(const Verdict& v) {
  std::string out;
  for (const std::string& line : v.lines) out += line + "\n";
  return out;
}

TEST(Verdict, FindsTheBuiltinsInOrder) {
  Story story;
  story.builtins();
  const Verdict v = story.judge();
  ASSERT_EQ(v.order.size(), 4u);
  EXPECT_TRUE(v.budget_suffices);
  EXPECT_EQ(v.order[0].more, "none");
  EXPECT_NEAR(v.order[1].difference.mean, 2.5, 1e-12);
  // none - global_lbl: 2.51, 2.5, 2.49; t(0.975, 2) = 4.302653.
  EXPECT_NEAR(v.order[1].difference.low, 2.5 - 4.302653 * 0.01 / std::sqrt(3.0), 1e-6);
  EXPECT_EQ(joined(v).find("budget too small"), std::string::npos);
}

TEST(Verdict, CallsABudgetTooSmallThatDoesNotOrderThem) {
  Story story;
  story.builtins(/*noise=*/0.3);  // MaxVio of global_lbl: 0.2, 0.5, 0.8 against 0.2
  const Verdict v = story.judge();
  EXPECT_FALSE(v.budget_suffices);
  EXPECT_NE(joined(v).find("budget too small"), std::string::npos);
}

TEST(Verdict, CallsABudgetTooSmallThatDidNotMeasureThem) {
  const Story story;
  const Verdict v = story.judge();
  EXPECT_FALSE(v.budget_suffices);
  EXPECT_FALSE(v.smallest_difference);
  EXPECT_FALSE(v.best);
  EXPECT_FALSE(v.winner);
  EXPECT_NE(joined(v).find("no winner"), std::string::npos);
}

TEST(Verdict, DoesNotTrustOnePairOfSeeds) {
  Story story;
  story.builtins();
  std::erase_if(story.evaluations, [&](const population::EvaluationRow& row) {
    return row.key.rung == 2 && row.key.seed != story.evaluations[1].key.seed;
  });
  const Verdict v = story.judge();
  EXPECT_EQ(v.order[0].difference.pairs, 1);
  EXPECT_TRUE(std::isinf(v.order[0].difference.low));
  EXPECT_FALSE(v.budget_suffices);
}

TEST(Verdict, NamesAWinnerWhoseIntervalExcludesZeroOnFreshSeeds) {
  Story story;
  story.builtins();
  story.reference_on_c();
  story.candidate("x", {-0.05, -0.051, -0.049}, 2);
  story.candidate("x", {-0.04, -0.041, -0.039, -0.04}, 3);
  const Verdict v = story.judge();
  ASSERT_TRUE(v.best);
  EXPECT_EQ(v.best->name, "x");
  EXPECT_EQ(v.best->rung, 3);
  EXPECT_TRUE(v.best->fresh);
  EXPECT_EQ(v.best->compared, 1);
  EXPECT_NEAR(v.best->difference.mean, -0.04, 1e-12);
  EXPECT_LT(v.best->difference.high, -0.035);
  EXPECT_TRUE(v.winner);
  EXPECT_NE(joined(v).find("winner: x"), std::string::npos);
  EXPECT_EQ(joined(v).find("no winner"), std::string::npos);
}

TEST(Verdict, NamesNoWinnerWhenTheIntervalHoldsZero) {
  Story story;
  story.builtins();
  story.reference_on_c();
  story.candidate("x", {-0.05, -0.051, -0.049}, 2);
  story.candidate("x", {-0.04, 0.03, -0.06, 0.02}, 3);
  const Verdict v = story.judge();
  EXPECT_LT(v.best->difference.mean, 0);
  EXPECT_GT(v.best->difference.high, 0);
  EXPECT_FALSE(v.winner);
  EXPECT_NE(joined(v).find("no winner: best is x"), std::string::npos);
}

TEST(Verdict, NamesNoWinnerWhenTheBudgetIsTooSmall) {
  Story story;
  story.builtins(/*noise=*/0.3);
  story.reference_on_c();
  story.candidate("x", {-0.5, -0.51, -0.49}, 2);
  story.candidate("x", {-0.5, -0.51, -0.49, -0.5}, 3);
  const Verdict v = story.judge();
  EXPECT_LT(v.best->difference.high, 0);
  EXPECT_FALSE(v.winner);
}

// x is better beyond doubt on fresh seeds, and had two trials of its coefficient.
Story better_with_two_trials() {
  Story story;
  story.builtins();
  story.reference_on_c();
  story.candidate("x", {-0.05, -0.051, -0.049}, 2);
  story.candidate("x", {-0.04, -0.041, -0.039, -0.04}, 3);
  story.measure("x", 1, 0, "0.4", 3);
  return story;
}

TEST(Verdict, NamesNoWinnerBeforeTheReferenceHadAsManyTrials) {
  Story story = better_with_two_trials();
  const Verdict before = story.judge();
  EXPECT_LT(before.best->difference.high, 0);
  EXPECT_EQ(before.best->trials, 2);
  EXPECT_EQ(before.best->reference_trials, 1);
  EXPECT_FALSE(before.best->equal_trials);
  EXPECT_FALSE(before.winner);
  EXPECT_NE(
      joined(before).find("coefficient trials: x had 2, global_lbl 1: nothing is called better"),
      std::string::npos)
      << joined(before);

  story.measure("builtin:global_lbl", 1, 0, "0.4", 2.5);
  const Verdict after = story.judge();
  EXPECT_TRUE(after.best->equal_trials);
  EXPECT_FALSE(after.best->against_refined) << "what it is configured with is its best";
  EXPECT_TRUE(after.winner);
  EXPECT_NE(joined(after).find("coefficient trials: x had 2, global_lbl 2\n"), std::string::npos);
}

// At 0.4 the reference does better: the candidate has to beat it there, on the same seeds.
TEST(Verdict, NamesAWinnerOnlyIfItBeatsTheRefinedReference) {
  Story story = better_with_two_trials();
  story.measure("builtin:global_lbl", 1, 0, "0.4", 1.9);
  Verdict v = story.judge();
  EXPECT_EQ(v.best->refined, "0.4");
  EXPECT_TRUE(std::isinf(v.best->against_refined->high)) << "not measured yet";
  EXPECT_FALSE(v.winner);
  for (const double gain : {0.01, 0.05}) {
    Story measured = story;
    for (int seed = 0; seed < 4; ++seed)
      measured.measure("builtin:global_lbl", 3, seed, "0.4", 2 + 0.1 * seed - gain);
    v = measured.judge();
    EXPECT_NEAR(v.best->against_refined->mean, -0.04 + gain, 1e-12);
    EXPECT_EQ(v.winner, gain < 0.04);
    EXPECT_NE(joined(v).find("at its refined coefficient 0.4"), std::string::npos);
  }
}

TEST(Verdict, DoesNotTakeHalfOfTheRefinedReferencesSeeds) {
  Story story = better_with_two_trials();
  story.measure("builtin:global_lbl", 1, 0, "0.4", 1.9);
  for (int seed = 0; seed < 2; ++seed)
    story.measure("builtin:global_lbl", 3, seed, "0.4", 2 + 0.1 * seed);
  EXPECT_FALSE(story.judge().winner);
}

TEST(Verdict, CountsARefinedReferenceThatFailsAsNoRival) {
  Story story = better_with_two_trials();
  story.measure("builtin:global_lbl", 1, 0, "0.4", 1.9);
  for (int seed = 0; seed < 4; ++seed)
    story.measure("builtin:global_lbl", 3, seed, "0.4", 0, 0, Outcome::kDiverged);
  EXPECT_TRUE(story.judge().winner);
}

// The best of twenty on the seeds that chose it looks better than it is.
TEST(Verdict, WidensTheIntervalOfTheBestOfMany) {
  const auto high = [](int others) {
    Story story;
    story.builtins();
    story.candidate("x", {-0.010, -0.012, -0.011}, 2);
    for (int i = 0; i < others; ++i)
      story.candidate("y" + std::to_string(i), {0.002, 0.001, 0.003}, 2);
    const Verdict v = story.judge();
    EXPECT_EQ(v.best->compared, others + 1);
    EXPECT_FALSE(v.best->fresh);
    EXPECT_EQ(v.best->name, "x");
    return v.best->difference.high;
  };
  EXPECT_LT(high(0), high(19));
}

TEST(Verdict, LeavesOutCandidatesThatFailed) {
  Story story;
  story.builtins();
  story.candidate("x", {-0.010, -0.012}, 2);
  story.measure("x", 2, 2, "0.1", 0, 0, Outcome::kDiverged);
  story.candidate("y", {0.010, 0.012, 0.011}, 2);
  EXPECT_EQ(story.judge().best->name, "y");
}

// Differences of micro_lbl: 0.001 and +-0.001; of loss_free: 0.002 -+0.001; sd 0.001 both. A
// complete estimate has 4 pairs, 3 degrees of freedom: a t-test of such a sample has power 0.8
// at 2.12795 sd (0.799 of 400,000 simulated samples).
TEST(Verdict, StatesTheSmallestDifferenceItCouldHaveSeen) {
  Story story;
  story.builtins(/*noise=*/0.01);
  const Verdict v = story.judge();
  ASSERT_TRUE(v.smallest_difference);
  EXPECT_NEAR(*v.smallest_difference, 2.12795e-3, 1e-7);
}

}  // namespace
}  // namespace ballast::orchestrator
