// Coefficients of those that climb are refined on block A; the reference's before anything is
// called better than it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/orchestrator/game.h"

namespace ballast::orchestrator {
namespace {

using Texts = std::vector<std::string>;

SearchConfig refining(double eta) {
  SearchConfig config = config_of();
  config.coefficient_refinements = 2;
  config.eta = eta;
  return config;
}

double parabola(const Want& want, double best) {
  return std::pow(std::log(evaluator::coefficient_value(want.coefficient) / best), 2);
}

// a is best at 0.13: the ladder finds 0.1, the refinement 0.1414.
struct Three {
  explicit Three(double eta = 3) : game(refining(eta)) {
    game.run();
    for (const char* name : {"a", "b", "c"}) game.add(name);
    game.objective = [](const Want& want) {
      return want.entry < 2 ? 2.0 : want.entry == 2 ? 1.5 + parabola(want, 0.13) : 2.5;
    };
  }
  const Entry& a() const { return game.entry(2); }
  Game game;
};

TEST(Refinement, ComesBetweenTheLadderAndTheSecondRungForThoseThatClimb) {
  Three three;
  const Texts ran = three.game.run();
  EXPECT_EQ(Texts(ran.begin(), ran.begin() + 3), (Texts{"a 1/0@0.1", "a 1/0@0.025", "a 1/0@0.4"}));
  EXPECT_EQ(Texts(ran.begin() + 9, ran.end()),
            (Texts{"a 1/0@0.07071", "a 1/0@0.1414", "a 2/0@0.1414", "a 2/1@0.1414"}));
  EXPECT_EQ(three.a().coefficient_at(2), "0.1414");
  EXPECT_EQ(three.game.entry(3).trials.size(), 3u) << "one that does not climb is not refined";
}

// All that are compared at rung 1 had the same number of trials.
TEST(Refinement, DoesNotMoveWhatTheFirstRungCompares) {
  Three three;
  three.game.run();
  EXPECT_EQ(three.a().coefficient_at(1), "0.1");
  EXPECT_NEAR(three.a().estimates[0]->mean, -0.5 + std::pow(std::log(0.1 / 0.13), 2), 1e-12);
}

TEST(Refinement, GoesOneTrialAfterTheOther) {
  Three three;
  three.game.run(9);
  EXPECT_EQ(three.game.begin(), "a 1/0@0.07071");
  three.game.add("newcomer");
  EXPECT_EQ(three.game.begin(), "newcomer 1/0@0.1") << "others do not wait for it";
}

TEST(Refinement, ExtendsTheLadderWhileTheBestIsOnItsEdge) {
  Three three;
  three.game.objective = [](const Want& want) {
    return want.entry < 2 ? 2.0 : want.entry == 2 ? 1.5 + 0.01 * parabola(want, 3) : 2.5;
  };
  const Texts ran = three.game.run();
  EXPECT_EQ(Texts(ran.begin() + 9, ran.begin() + 12),
            (Texts{"a 1/0@1.6", "a 1/0@6.4", "a 2/0@1.6"}));
}

TEST(Refinement, OfATrialThatDivergesKeepsTheLaddersBest) {
  Three three;
  const auto before = three.game.objective;
  three.game.objective = [&](const Want& want) {
    return want.coefficient == "0.1414" ? NAN : before(want);
  };
  three.game.run();
  EXPECT_FALSE(three.a().failed);
  EXPECT_EQ(three.a().coefficient_at(2), "0.1");
}

// Everyone climbs to the last rung; the reference is best at 0.13 as well.
struct Claim {
  explicit Claim(double candidates) : game(refining(1.01)) {
    game.objective = [=](const Want& want) {
      if (want.entry == 0) return 2 + parabola(want, 0.13);
      if (want.entry == 1) return 2.0;
      const double gap = 0.1 * static_cast<double>(want.entry - 2);
      return candidates + gap + (want.rung == 1 ? parabola(want, 0.13) : 0);
    };
    game.run();
    for (const char* name : {"a", "b", "c"}) game.add(name);
    ran = game.run();
  }
  ptrdiff_t at(const std::string& text) const {
    return std::find(ran.begin(), ran.end(), text) - ran.begin();
  }
  bool has(const std::string& text) const { return at(text) < static_cast<ptrdiff_t>(ran.size()); }
  const Entry& reference() const { return game.entry(0); }
  Game game;
  Texts ran;
};

TEST(EqualTrials, AreGivenToTheReferenceWhenAChampionIsMeasured) {
  const Claim claim(1.0);
  ASSERT_GT(claim.game.entry(2).begun[2], 0);
  EXPECT_EQ(claim.reference().trials.size(), claim.game.entry(2).trials.size());
  for (const char* text : {"global_lbl 1/0@0.025", "global_lbl 1/0@0.4", "global_lbl 1/0@0.07071",
                           "global_lbl 1/0@0.1414"})
    EXPECT_TRUE(claim.has(text)) << text;
  EXPECT_FALSE(claim.game.ledger.next_reference_trial(claim.game.entry(2).trials.size()));
}

TEST(EqualTrials, LeaveTheReferenceWhereItWasForEverybodyElse) {
  const Claim claim(1.0);
  EXPECT_EQ(claim.reference().coefficient, "0.1");
  EXPECT_EQ(claim.game.ledger.refined_reference(), "0.1414");
  const double at_the_configured = 2 + std::pow(std::log(0.1 / 0.13), 2);
  EXPECT_NEAR(claim.game.entry(2).estimates[1]->mean, 1.0 - at_the_configured, 1e-12);
}

TEST(EqualTrials, MeasureTheRefinedReferenceWhereSomeoneLooksBetter) {
  const Claim better(1.0);
  for (const int seed : {0, 1, 2})
    EXPECT_NEAR(*better.game.ledger.reference_score(3, seed, "0.1414"),
                2 + std::pow(std::log(0.1414 / 0.13), 2), 1e-12);
  EXPECT_LT(better.at("global_lbl 1/0@0.1414"), better.at("global_lbl 3/0@0.1414"));
  const Claim worse(2.5);
  ASSERT_GT(worse.game.entry(2).begun[2], 0);
  EXPECT_EQ(worse.reference().trials.size(), worse.game.entry(2).trials.size());
  EXPECT_FALSE(worse.has("global_lbl 3/0@0.1414")) << "there is nothing to claim";
}

TEST(EqualTrials, OfTheReferenceThatFailDoNotMakeItFail) {
  Game game(refining(1.01));
  game.run();
  for (const char* name : {"a", "b", "c"}) game.add(name);
  game.objective = [](const Want& want) {
    if (want.entry == 0) return want.coefficient == "0.1" ? 2.0 : NAN;
    return 1 + 0.1 * static_cast<double>(want.entry);
  };
  game.run();
  EXPECT_FALSE(game.entry(0).failed);
  EXPECT_EQ(game.entry(0).trials.size(), game.entry(2).trials.size());
  EXPECT_EQ(game.ledger.refined_reference(), "0.1");
}

}  // namespace
}  // namespace ballast::orchestrator
