#include "orchestrator/operator_choice.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "orchestrator/standing.h"
#include "tests/orchestrator/game.h"

namespace ballast::orchestrator {
namespace {

const std::vector<bool> kNone(4, false);

// Parent p and children a, b, measured; at rung 1 only but for p and a.
struct Family {
  Family() : game(config()) {
    game.run();
    p = game.add("p", "seed"), a = game.add("a"), b = game.add("b", "tune");
    game.objective = [this](const Want& want) {
      const double wobble = want.seed == 0 ? 0.01 : -0.01;
      if (want.entry == p) return want.rung == 1 ? 1.9 : 1.80 + wobble;
      if (want.entry == a) return want.rung == 1 ? 1.8 : 1.75 - wobble;
      return want.entry == b ? 2.5 : 2.0;
    };
    game.run();
  }
  static SearchConfig config() {
    SearchConfig config = config_of();
    config.eta = 1.5;  // two of three climb
    config.rungs.pop_back();
    return config;
  }
  std::optional<ArmOutcome> outcome(const Made& made) const {
    return outcome_of(result_of(game.ledger, made), variance_prior(game.ledger));
  }

  Game game;
  size_t p = 0, a = 0, b = 0;
};

TEST(OperatorOutcome, IsTheDifferenceFromTheParentOnCommonSeedsOfTheHighestRung) {
  const Family f;
  ASSERT_TRUE(f.game.entry(f.a).estimates[1] && f.game.entry(f.p).estimates[1]);
  const auto outcome = f.outcome({"mutate", f.a, f.p});
  ASSERT_TRUE(outcome);
  // Seed by seed: 1.81 - 1.74 and 1.79 - 1.76; variance 0.0008. Differences from the reference vary
  // by 0.0002 for p and a alike: two variances, no shrinkage, so the error is their own.
  EXPECT_NEAR(*outcome->improvement, 0.05, 1e-12);
  EXPECT_NEAR(outcome->standard_error, std::sqrt(0.0008 / 2), 1e-12);
  EXPECT_NEAR(*outcome->improvement_over_baseline, 0.05, 1e-12);  // the parent beats the reference
  EXPECT_EQ(outcome->cost, 3 * 10);                               // three trials of 10 tokens
}

TEST(OperatorOutcome, TakesTheFirstRungWhereTheChildDidNotClimb) {
  const Family f;
  const auto outcome = f.outcome({"tune", f.b, f.p});
  EXPECT_NEAR(*outcome->improvement, 1.9 - 2.5, 1e-12);
  EXPECT_NEAR(outcome->standard_error, std::sqrt(0.0002), 1e-12) << "of one pair, from the pool";
}

// The baseline is the better of parent and reference: better than a bad parent is not enough.
TEST(OperatorOutcome, CountsAgainstTheReferenceWhereTheParentIsWorse) {
  Family f;
  const auto outcome = f.outcome({"tune", f.a, f.b});
  EXPECT_NEAR(*outcome->improvement, 2.5 - 1.8, 1e-12);
  EXPECT_NEAR(*outcome->improvement_over_baseline, 0.2, 1e-12);  // 2.0 - 1.8 at rung 1
}

TEST(OperatorOutcome, IsHopelessForARejectedOrFailedChildAndUnknownBeforeTheFirstRungIsDone) {
  Family f;
  const auto rejected = f.outcome({"tune", std::nullopt, f.p});
  EXPECT_FALSE(rejected->improvement);
  EXPECT_NEAR(rejected->standard_error, std::sqrt(0.0002), 1e-12);
  EXPECT_EQ(rejected->cost, 0);

  const size_t c = f.game.add("c");
  EXPECT_FALSE(f.outcome({"mutate", c, f.p}));
  f.game.run(1);
  EXPECT_FALSE(f.outcome({"mutate", c, f.p})) << "one trial of three";
  f.game.run();
  f.game.objective = [](const Want&) { return NAN; };
  const size_t d = f.game.add("d");
  f.game.run();
  ASSERT_TRUE(f.game.entry(d).failed);
  const auto failed = f.outcome({"mutate", d, f.p});
  EXPECT_FALSE(failed->improvement);
  EXPECT_EQ(failed->cost, 3 * 10) << "its trainings were paid for";
}

TEST(OperatorOutcome, ComparesTheChildOfAFailedParentWithTheReference) {
  Family f;
  const size_t bad = f.game.add("bad", "seed");
  const auto before = f.game.objective;
  f.game.objective = [](const Want&) { return NAN; };
  f.game.run();
  ASSERT_TRUE(f.game.entry(bad).failed);
  const auto outcome = f.outcome({"mutate", f.a, bad});
  EXPECT_NEAR(*outcome->improvement, 0.25, 1e-12);
}

// A hopeless child earns -s phi(0) sqrt 2, and so does one that was thrown away: an arm that only
// makes what is not new does not look better than one that tries.
TEST(BanditOf, PaysARejectionLikeAHopelessChild) {
  const Family f;
  const Bandit bandit = bandit_of(f.game.ledger, std::vector<Made>{{"drop", std::nullopt, f.p},
                                                                   {"tune", f.b, f.p},
                                                                   {"seed", f.p, std::nullopt}});
  ASSERT_EQ(bandit.arms.size(), 4u);  // tune, mutate, splice, drop
  const double hopeless = -std::sqrt(0.0002) / std::sqrt(std::numbers::pi);
  EXPECT_NEAR(bandit.arms[3].reward, 0.99 * hopeless, 1e-12);
  EXPECT_NEAR(bandit.arms[0].reward, hopeless, 1e-9);  // 42 standard errors worse
  EXPECT_EQ(bandit.arms[0].submitted, 1);
  EXPECT_EQ(bandit.arms[1].submitted, 0);
  const std::vector<ArmStatus> status = arm_status(f.game.ledger.config(), bandit);
  EXPECT_EQ(status[0].name, "tune");
  EXPECT_EQ(status[0].share, 0.5);
  EXPECT_NEAR(*status[0].mean_reward, hopeless, 1e-9);
  EXPECT_FALSE(status[1].mean_reward);
}

// What is kept between two looks is what a look without it would find, whoever is measured
// meanwhile.
TEST(ArmHistory, FindsWhatALedgerThatNobodyLookedAtBeforeSays) {
  for (const char* rule : {"posterior", "ucb_paper", "ucb_code"}) {
    SearchConfig config = config_of();
    config.bandit = rule;
    config.eta = 1.6;
    Game game(config);
    game.run();
    game.objective = [](const Want& want) {
      if (want.entry % 7 == 3) return std::nan("");
      return 2 + 0.1 * std::sin(static_cast<double>(5 * want.entry + 3 * want.rung) + want.seed);
    };
    const std::vector<std::string> ops{"tune", "mutate", "splice", "drop"};
    std::vector<Made> made{{"seed", game.add("p", "seed"), std::nullopt}};
    ArmHistory history;
    Rng rng(1, "arms");
    int ended = 0;
    for (int i = 0; i < 200; ++i) {
      const auto& op = ops[static_cast<size_t>(rng.below(4))];
      const size_t parent =
          2 +
          static_cast<size_t>(rng.below(static_cast<int64_t>(game.ledger.entries().size() - 2)));
      if (rng.below(3) == 0) made.push_back({op, std::nullopt, parent});
      if (rng.below(2) == 0) made.push_back({op, game.add("c" + std::to_string(i), op), parent});
      game.run(static_cast<int>(rng.below(4)));
      if (rng.below(2) == 0) continue;  // not looked at each time
      const Bandit kept = history.bandit(game.ledger, made);
      ASSERT_EQ(kept, bandit_of(game.ledger, made)) << rule << " " << i;
      ended = 0;
      for (const Arm& arm : kept.arms) ended += static_cast<int>(arm.completed);
    }
    EXPECT_GT(ended, 100) << rule;
  }
}

// 917 later outcomes leave less than a ten-thousandth; the others of an arm are counted all the
// same.
TEST(BanditOf, ForgetsWhatTheDiscountHasMadeNothingOf) {
  const Family f;
  std::vector<Made> made(100, {"tune", f.b, f.p});
  made.insert(made.end(), 916, {"drop", std::nullopt, f.p});
  const Bandit just = bandit_of(f.game.ledger, made);
  EXPECT_NEAR(just.arms[0].weight, std::pow(0.99, 916), 1e-12);
  made.push_back({"drop", std::nullopt, f.p});
  const Bandit gone = bandit_of(f.game.ledger, made);
  EXPECT_EQ(gone.arms[0].weight, 0);
  EXPECT_EQ(gone.arms[0].completed, 100);
  EXPECT_FALSE(arm_status(f.game.ledger.config(), gone)[0].mean_reward);
  EXPECT_EQ(gone.arms[3].weight, just.arms[3].weight * 0.99 + 1);
}

SearchConfig four_operators(const std::string& rule) {
  SearchConfig config;
  config.bandit = rule;
  config.bandit_floor = 0.1;
  config.operators = {{"tune", 1}, {"mutate", 2}, {"splice", 0}, {"drop", 1}};
  return config;
}

// How often each is chosen in a long search where only mutate's children are worth anything.
std::vector<int> counts_of(const SearchConfig& config, int proposals) {
  const BanditConfig settings{.policy =
                                  parse_bandit_policy(config.bandit).value_or(BanditPolicy{})};
  Bandit bandit;
  bandit.arms.resize(4);
  std::vector<int> counts(4, 0);
  for (int i = 0; i < proposals; ++i) {
    Rng rng(3, "choice", static_cast<uint64_t>(i));
    const size_t k = *choose_operator(config, bandit, kNone, kNone, rng);
    ++counts[k];
    submit(bandit, k);
    const double improvement = k == 1 ? 0.05 : -0.05;
    complete(bandit, settings, k, {improvement, 0.01, improvement, 1});
  }
  return counts;
}

TEST(ChooseOperator, KeepsEachOnesShareAndNeverAsksOneOfWeightZero) {
  for (const char* rule : {"posterior", "ucb_paper", "ucb_code"}) {
    SCOPED_TRACE(rule);
    for (const int proposals : {10, 40, 400}) {
      const std::vector<int> counts = counts_of(four_operators(rule), proposals);
      for (const size_t k : {0u, 3u}) EXPECT_GE(counts[k], proposals / 10 - 1);
      EXPECT_EQ(counts[2], 0);
    }
  }
  EXPECT_GT(counts_of(four_operators("posterior"), 400)[1], 300) << "the best gets the rest";
}

TEST(ChooseOperator, WithFixedFollowsTheWeights) {
  const std::vector<int> counts = counts_of(four_operators("fixed"), 4000);
  EXPECT_EQ(counts[2], 0);
  EXPECT_NEAR(counts[1], 2000, 130);  // 4 standard deviations
  EXPECT_NEAR(counts[0], 1000, 110);
}

TEST(ChooseOperator, LeavesOutThoseThatFoundNothingToChange) {
  const SearchConfig config = four_operators("ucb_paper");
  Bandit bandit;
  bandit.arms.resize(4);
  std::vector<bool> tried(4, false);
  std::vector<size_t> order;
  Rng rng(1);
  for (int i = 0; i < 3; ++i) {
    order.push_back(*choose_operator(config, bandit, tried, kNone, rng));
    tried[order.back()] = true;
  }
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order, (std::vector<size_t>{0, 1, 3}));
  EXPECT_NE(*choose_operator(config, bandit, tried, kNone, rng), 2u)
      << "all tried: one of them again";
}

}  // namespace
}  // namespace ballast::orchestrator
