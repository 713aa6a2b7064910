#include "orchestrator/plan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "orchestrator/elites.h"
#include "orchestrator/seeds.h"
#include "orchestrator/standing.h"
#include "tests/orchestrator/game.h"

namespace ballast::orchestrator {
namespace {

using Texts = std::vector<std::string>;

TEST(Plan, RunsTheReferenceForPairingAndTheBuiltinsOnBlockBFirst) {
  Game game(config_of());
  game.add("x");
  EXPECT_EQ(game.run(5), (Texts{"global_lbl 1/0@0.1", "global_lbl 2/0@0.1", "global_lbl 2/1@0.1",
                                "none 2/0@0", "none 2/1@0"}));
}

TEST(Plan, TriesCoefficientsAroundTheReferencesOneAfterTheOther) {
  Game game(config_of());
  game.run();
  game.add("x");
  EXPECT_EQ(game.begin(), "x 1/0@0.1");
  EXPECT_EQ(game.begin(), "") << "the next trial depends on the first";
}

TEST(Plan, StartsABiasRuleAtTheBuiltInOnesCoefficient) {
  SearchConfig config = config_of();
  config.builtins.push_back({"loss_free", 0.5});
  Game game(config);
  game.ledger.add(row("builtin:loss_free", "bias"), "");
  game.run();
  game.ledger.add(row("x", "bias"), "mutate");
  EXPECT_EQ(game.next(), "x 1/0@0.5");
}

TEST(Plan, ChoosesTheBestCoefficientOnBlockAAndEstimatesThereOnBlockB) {
  SearchConfig config = config_of();
  config.eta = 1.5;
  Game game(config);
  game.objective = [&](const Want& want) {
    return 2 + std::pow(std::log(evaluator::coefficient_value(want.coefficient) / 0.4), 2);
  };
  game.run();
  game.add("x"), game.add("y");
  const Texts ran = game.run();
  EXPECT_EQ(game.entry(2).coefficient, "0.4");
  EXPECT_NE(std::find(ran.begin(), ran.end(), "x 2/1@0.4"), ran.end());
  EXPECT_EQ(game.entry(2).estimates[0]->pairs, 1);
  EXPECT_EQ(game.entry(2).estimates[1]->pairs, 2);
}

// Coefficients are chosen on A, differences estimated on B, champions measured on C: no seed is in
// two.
TEST(Seeds, BlocksShareNone) {
  for (uint64_t run = 0; run < 50; ++run) {
    std::set<uint64_t> seen;
    for (const SeedBlock block : {SeedBlock::kA, SeedBlock::kB, SeedBlock::kC})
      for (int i = 0; i < 64; ++i)
        EXPECT_TRUE(seen.insert(block_seed(run, block, i)).second) << run << " " << i;
  }
}

// The evaluations of one block have seeds of their own.
TEST(Ledger, GivesEveryBlockItsOwnSeeds) {
  const Game game(config_of());
  const uint64_t a = game.ledger.key({0, 1, 0, "0.1"}).seed;
  const uint64_t b = game.ledger.key({0, 2, 0, "0.1"}).seed;
  const uint64_t c = game.ledger.key({0, 3, 0, "0.1"}).seed;
  EXPECT_TRUE(a != b && b != c && a != c);
  SearchConfig other = config_of();
  other.seed = 2;
  EXPECT_NE(Ledger(other).config().seed, game.ledger.config().seed);
  EXPECT_NE(Game(other).ledger.key({0, 1, 0, "0.1"}).seed, a);
}

TEST(Ledger, KnowsItsOwnKeysAndNoOthers) {
  const Game game(config_of());
  const Want want{0, 2, 1, "0.1"};
  const population::EvaluationKey key = game.ledger.key(want);
  EXPECT_EQ(game.ledger.want_of(key), want);
  for (const auto& change : std::vector<std::function<void(population::EvaluationKey&)>>{
           [](auto& k) { k.build = "other"; }, [](auto& k) { k.spec_hash = "other"; },
           [](auto& k) { k.seed += 1; }, [](auto& k) { k.rung = 9; },
           [](auto& k) { k.identity = "other"; }, [](auto& k) { k.device_class = "cuda"; }}) {
    population::EvaluationKey changed = key;
    change(changed);
    EXPECT_FALSE(game.ledger.want_of(changed));
  }
}

// Asynchronous halving with eta 3: one of three climbs, and nobody before there are three.
TEST(Promotion, LetsTheBestThirdClimb) {
  Game game(config_of());
  game.run();
  std::vector<double> value{2.3, 2.1, 2.2, 1.9, 2.5, 2.6};
  std::vector<size_t> entries;
  game.objective = [&](const Want& want) { return want.entry < 2 ? 2.0 : value[want.entry - 2]; };
  entries.push_back(game.add("x0"));
  entries.push_back(game.add("x1"));
  game.run();
  EXPECT_TRUE(promotable(game.ledger, 1).empty());
  entries.push_back(game.add("x2"));
  while (game.next().starts_with("x2 1")) game.run(1);
  EXPECT_EQ(promotable(game.ledger, 1), std::vector<size_t>{entries[1]});
  game.run();
  EXPECT_TRUE(promotable(game.ledger, 1).empty()) << "it has climbed";
  // A better newcomer climbs only when one in three may.
  entries.push_back(game.add("x3"));
  while (game.next().starts_with("x3 1")) game.run(1);
  EXPECT_EQ(promotable(game.ledger, 1), std::vector<size_t>{entries[3]});
}

TEST(Plan, PutsClimbersBeforeNewcomers) {
  Game game(config_of());
  game.run();
  game.objective = [](const Want& want) { return 2 + 0.1 * static_cast<double>(want.entry); };
  for (const char* name : {"a", "b", "c"}) game.add(name);
  while (!promotable(game.ledger, 1).size()) game.run(1);
  game.add("newcomer");
  EXPECT_EQ(game.begin(), "a 2/0@" + game.entry(2).coefficient);
  EXPECT_EQ(game.begin(), "a 2/1@" + game.entry(2).coefficient);
  EXPECT_EQ(game.begin(), "newcomer 1/0@0.1");
}

TEST(Plan, MeasuresAChampionOnFreshSeedsWithTheReferenceFirst) {
  SearchConfig config = config_of();
  config.eta = 1.5;
  Game game(config);
  game.run();
  for (const char* name : {"a", "b", "c", "d"}) game.add(name);
  const Texts ran = game.run();
  const auto at = [&](const std::string& text) {
    return std::find(ran.begin(), ran.end(), text) - ran.begin();
  };
  const auto n = static_cast<ptrdiff_t>(ran.size());
  ASSERT_LT(at("a 3/2@" + game.entry(2).coefficient), n);
  EXPECT_LT(at("global_lbl 3/0@0.1"), at("a 3/0@" + game.entry(2).coefficient));
  EXPECT_EQ(game.entry(2).estimates[2]->pairs, 3);
}

// x0 is lucky on block B and disappoints on C: x1 is tried next. x2 is never the best.
TEST(Promotion, TriesTheNextChampionWhenFreshSeedsDisappoint) {
  SearchConfig config = config_of();
  config.eta = 1.01;
  Game game(config);
  game.run();
  for (const char* name : {"x0", "x1", "x2", "x3"}) game.add(name);
  const std::vector<double> on_b{1.0, 1.4, 1.9, 1.95}, on_c{2.0, 1.4, 1.9, 1.95};
  game.objective = [&](const Want& want) {
    if (want.entry < 2) return 2.0;
    return want.rung == 3 ? on_c[want.entry - 2] : on_b[want.entry - 2];
  };
  game.run();
  EXPECT_EQ(game.entry(2).estimates[2]->pairs, 3);
  EXPECT_EQ(game.entry(3).estimates[2]->pairs, 3);
  EXPECT_FALSE(game.entry(4).estimates[2]);
  EXPECT_FALSE(game.entry(5).estimates[2]);
}

TEST(Promotion, KeepsChampionsToOneInEta) {
  SearchConfig config = config_of();
  config.eta = 1.6;
  Game game(config);
  game.run();
  for (const char* name : {"x0", "x1", "x2", "x3", "x4"}) game.add(name);
  // Everyone disappoints on block C, so that a next one is always wanted.
  game.objective = [](const Want& want) {
    return want.entry < 2 ? 2.0 : want.rung == 3 ? 9.0 : 1 + 0.1 * static_cast<double>(want.entry);
  };
  game.run();
  int complete = 0, champions = 0;
  for (const Entry& entry : game.ledger.entries()) {
    if (entry.builtin) continue;
    if (game.ledger.complete(entry, 2)) ++complete;
    if (entry.begun[2] > 0) ++champions;
  }
  EXPECT_EQ(complete, 3);
  EXPECT_EQ(champions, 1);
}

TEST(Plan, StartsFirstSeedsInTheirOrderAndOthersBetweenChildren) {
  SearchConfig config = config_of();
  config.first_seeds = {"s2", "s1"};
  config.coefficient_trials = 1;
  config.eta = 1000;
  Game game(config);
  for (const char* name : {"s0", "s1", "s2", "s3"}) game.add(name, "seed");
  for (const char* name : {"c0", "c1", "c2", "c3", "c4"}) game.add(name);
  Texts order;
  for (const std::string& text : game.run()) order.push_back(text.substr(0, 2));
  EXPECT_EQ(Texts(order.begin() + 5, order.end()),
            (Texts{"s2", "s1", "c0", "c1", "s0", "c2", "c3", "s3", "c4"}));
}

TEST(Plan, CountsOnlyChildrenNotBegunAsWaiting) {
  Game game(config_of());
  game.run();
  game.add("s", "seed");
  EXPECT_EQ(waiting_children(game.ledger), 0);
  game.add("c0"), game.add("c1");
  EXPECT_EQ(waiting_children(game.ledger), 2);
  EXPECT_EQ(game.begin(), "c0 1/0@0.1");
  EXPECT_EQ(waiting_children(game.ledger), 1);
}

TEST(Ledger, GivesACandidateThatNeverSucceedsNoEstimate) {
  Game game(config_of());
  game.run();
  const size_t x = game.add("x");
  game.objective = [&](const Want& want) { return want.entry == x ? NAN : 2.0; };
  EXPECT_FALSE(game.run().empty());
  EXPECT_TRUE(game.entry(x).failed);
  EXPECT_EQ(game.ledger.highest_rung(game.entry(x)), 0);
}

TEST(Ledger, TakesBackTheEstimateOfARungWhereACandidateFails) {
  SearchConfig config = config_of();
  config.eta = 1.01;
  Game game(config);
  game.run();
  const size_t x = game.add("x");
  game.add("y"), game.add("z");
  game.objective = [&](const Want& want) {
    if (want.entry == x) return want.rung == 2 && want.seed == 1 ? NAN : 1.0;
    return 2.0;
  };
  game.run();
  EXPECT_TRUE(game.entry(x).failed);
  EXPECT_TRUE(game.entry(x).estimates[0]);
  EXPECT_FALSE(game.entry(x).estimates[1]);
  for (const Elite& elite : elites(game.ledger)) EXPECT_NE(elite.entry, x);
}

TEST(Ledger, PairsOnlyEqualSeeds) {
  Game game(config_of());
  game.objective = [](const Want& want) {
    const double seed_effect = want.seed == 0 ? 0.5 : 0.0;
    return 2 + seed_effect + (want.entry == 1 ? 0.1 : 0);
  };
  game.run();
  EXPECT_NEAR(game.entry(1).estimates[1]->mean, 0.1, 1e-12);
  EXPECT_NEAR(*game.entry(1).estimates[1]->standard_error(), 0, 1e-12);
  EXPECT_EQ(game.entry(0).estimates[1]->mean, 0);
}

// What a restart finds is a set of rows: the order in which they came may not matter.
void expect_order_free(const SearchConfig& config) {
  Game game(config);
  game.objective = [](const Want& want) {
    const double slope = std::log(evaluator::coefficient_value(want.coefficient) + 1e-3);
    return 2 + 0.1 * slope +
           std::sin(static_cast<double>(7 * want.entry + 3 * want.rung) + want.seed);
  };
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) game.add(name);
  std::vector<std::pair<Want, double>> results;
  while (const auto want = next_want(game.ledger)) {
    results.emplace_back(*want, game.objective(*want));
    game.ledger.finish(*want, Outcome::kOk, results.back().second);
  }
  EXPECT_GT(game.entry(0).begun.back(), 0) << "somebody has reached the last rung";
  Game again(config);
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) again.add(name);
  std::stable_sort(results.begin(), results.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.rung, b.first.entry) < std::pair(b.first.rung, a.first.entry);
  });
  for (const auto& [want, value] : results) again.ledger.finish(want, Outcome::kOk, value);
  ASSERT_EQ(again.ledger.entries().size(), game.ledger.entries().size());
  for (size_t i = 0; i < game.ledger.entries().size(); ++i) {
    EXPECT_EQ(again.entry(i).estimates, game.entry(i).estimates);
    EXPECT_EQ(again.entry(i).begun, game.entry(i).begun);
    EXPECT_EQ(again.entry(i).coefficient, game.entry(i).coefficient);
    EXPECT_EQ(again.entry(i).ladder_coefficient, game.entry(i).ladder_coefficient);
    EXPECT_EQ(again.entry(i).trials.size(), game.entry(i).trials.size());
  }
  EXPECT_EQ(again.ledger.refined_reference(), game.ledger.refined_reference());
  EXPECT_EQ(again.next(), game.next());
}

TEST(Ledger, HoldsTheSameWhateverTheOrderOfResults) {
  SearchConfig config = config_of();
  config.eta = 1.6;
  expect_order_free(config);
  config.coefficient_refinements = 3;
  expect_order_free(config);
}

TEST(Plan, WantsAnUnfinishedEvaluationOnlyWhileItIsOfUse) {
  Game game(config_of());
  game.run();
  const size_t x = game.add("x");
  EXPECT_TRUE(wanted(game.ledger, {x, 1, 0, "0.1"}));
  EXPECT_FALSE(wanted(game.ledger, {x, 1, 0, "0.7"}));
  EXPECT_FALSE(wanted(game.ledger, {0, 2, 0, "0.1"})) << "it is finished";
  game.begin();
  EXPECT_FALSE(wanted(game.ledger, {x, 1, 0, "0.1"})) << "it runs";
}

TEST(Elites, BorrowTheirErrorFromOthersWhereTheirOwnPairsAreTooFew) {
  SearchConfig config = config_of();
  config.eta = 1.01;
  Game game(config);
  // Differences at rung 2: x +-0.1, y +-0.3; the built-in without balance is left out.
  game.run();
  const size_t x = game.add("x"), y = game.add("y");
  const size_t z = game.add("z");
  game.objective = [&](const Want& want) {
    const double sign = want.seed == 0 ? 1 : -1;
    if (want.rung == 1 && want.entry == z) return 5.0;
    if (want.rung != 2) return want.rung == 3 ? NAN : 2.0;
    return 2 + sign * (want.entry == x ? 0.1 : want.entry == y ? 0.3 : 0.0);
  };
  while (!game.ledger.complete(game.entry(y), 2)) game.run(1);
  // Variances 0.02 and 0.18, pooled 0.1; the one measured once has an error from the pool.
  std::map<size_t, double> errors;
  for (const Elite& elite : elites(game.ledger)) errors[elite.entry] = elite.option.standard_error;
  EXPECT_NEAR(variance_prior(game.ledger)->variance, 0.1, 1e-12);
  EXPECT_NEAR(errors.at(x), std::sqrt(0.02 / 2), 1e-12);
  EXPECT_NEAR(errors.at(y), std::sqrt(0.18 / 2), 1e-12);
  EXPECT_NEAR(errors.at(z), std::sqrt(0.1), 1e-12);
}

TEST(Elites, AreTheBestFew) {
  SearchConfig config = config_of();
  config.elites = 2;
  config.eta = 1000;
  Game game(config);
  game.run();
  for (const char* name : {"a", "b", "c", "d"}) game.add(name);
  game.objective = [](const Want& want) { return 3 - 0.1 * static_cast<double>(want.entry); };
  game.run();
  const std::vector<Elite> best = elites(game.ledger);
  ASSERT_EQ(best.size(), 2u);
  EXPECT_EQ(game.entry(best[0].entry).name, "d");
  EXPECT_EQ(game.entry(best[1].entry).name, "c");
}

TEST(Elites, AreNobodyWhileSomeAreMeasuredAndAllWhenEveryoneFailed) {
  Game game(config_of());
  game.run();
  game.add("a");
  EXPECT_TRUE(elites(game.ledger).empty());
  game.objective = [](const Want&) { return NAN; };
  game.run();
  EXPECT_EQ(elites(game.ledger).size(), 1u);
}

}  // namespace
}  // namespace ballast::orchestrator
