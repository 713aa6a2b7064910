#include "evaluator/coefficient.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "common/error.h"
#include "common/rng.h"

namespace ballast::evaluator {
namespace {

using State = CoefficientTrial::State;
using Texts = std::vector<std::string>;
// The objective at a coefficient; nullopt: it fails there.
using Curve = std::function<std::optional<double>(double)>;

CoefficientTrial done(const std::string& text, double objective) {
  return {text, State::kDone, objective};
}
CoefficientTrial failed(const std::string& text) { return {text, State::kFailed, 0}; }

// Runs everything that is asked for, until nothing is.
std::vector<CoefficientTrial> search(const CoefficientPlan& plan, const Curve& curve) {
  std::vector<CoefficientTrial> trials;
  for (Texts next = next_coefficients(plan, trials); !next.empty();
       next = next_coefficients(plan, trials))
    for (const std::string& text : next) {
      const std::optional<double> value = curve(coefficient_value(text));
      trials.push_back(value ? done(text, *value) : failed(text));
    }
  return trials;
}

// A valley with its floor at `best`.
Curve valley(double best) {
  return [best](double c) { return std::pow(std::log(c / best), 2); };
}

Texts texts(const std::vector<CoefficientTrial>& trials) {
  Texts out;
  for (const CoefficientTrial& t : trials) out.push_back(t.coefficient);
  return out;
}

TEST(CoefficientText, HasSixDigits) {
  EXPECT_EQ(coefficient_text(0.01), "0.01");
  EXPECT_EQ(coefficient_text(1.0 / 3), "0.333333");
  EXPECT_EQ(coefficient_text(1), "1");
  EXPECT_EQ(coefficient_text(0), "0");
  EXPECT_EQ(coefficient_text(1e-5), "1e-05");
  EXPECT_EQ(coefficient_text(1234567), "1.23457e+06");
}

TEST(CoefficientText, IsThatOfPrintfAndKeepsItself) {
  Rng rng(1, "text");
  for (int i = 0; i < 1000; ++i) {
    const double x = std::exp(rng.uniform(-14, 14));
    char buffer[32];
    snprintf(buffer, sizeof buffer, "%.6g", x);
    EXPECT_EQ(coefficient_text(x), buffer);
    EXPECT_EQ(coefficient_text(coefficient_value(buffer)), buffer);
  }
}

TEST(CoefficientValue, RefusesWhatIsNoCoefficient) {
  for (const char* bad : {"", "x", "1x", "-1", "nan", "inf", "1e999", " 1", "0,1"})
    EXPECT_THROW(coefficient_value(bad), Error) << bad;
  EXPECT_EQ(coefficient_value("1e-05"), 1e-5);
}

TEST(NextCoefficients, StartWithALadderAroundTheReference) {
  EXPECT_EQ(next_coefficients({.centre = 0.03}, {}), (Texts{"0.03", "0.01", "0.09"}));
  EXPECT_EQ(next_coefficients({.centre = 0.0123456}, {}).front(), "0.0123456");  // not rounded
  EXPECT_EQ(next_coefficients({.centre = 1, .factor = 2, .first = 5}, {}),
            (Texts{"1", "0.5", "2", "0.25", "4"}));
  EXPECT_EQ(next_coefficients({.centre = 1, .first = 1}, {}), Texts{"1"});
}

TEST(NextCoefficients, GiveWhatIsLeftOfTheLadderWhileTheRestIsPending) {
  const std::vector<CoefficientTrial> begun = {{"1", State::kPending, 0}};
  EXPECT_EQ(next_coefficients({}, begun), (Texts{"0.3333", "3"}));
  const std::vector<CoefficientTrial> all = {
      done("1", 5), {"0.3333", State::kPending, 0}, done("3", 4)};
  EXPECT_TRUE(next_coefficients({}, all).empty());  // who is best is not known yet
  EXPECT_FALSE(settled({}, all));
}

TEST(NextCoefficients, AreDoneWhenTheBestLiesInside) {
  const std::vector<CoefficientTrial> trials = {done("1", 1), done("0.3333", 2), done("3", 2)};
  EXPECT_TRUE(next_coefficients({}, trials).empty());
  EXPECT_TRUE(settled({}, trials));
  EXPECT_EQ(chosen_coefficient(trials), "1");
  EXPECT_TRUE(is_bracketed(trials));
}

TEST(NextCoefficients, ExtendTheEdgeTheBestLiesOn) {
  EXPECT_EQ(next_coefficients({}, std::vector{done("1", 2), done("0.3333", 1), done("3", 3)}),
            Texts{"0.1111"});
  EXPECT_EQ(next_coefficients({}, std::vector{done("1", 2), done("0.3333", 3), done("3", 1)}),
            Texts{"9"});
  EXPECT_EQ(next_coefficients({.first = 1}, std::vector{done("1", 2)}), (Texts{"0.3333", "3"}));
}

TEST(NextCoefficients, StopAtTheMostTrials) {
  EXPECT_EQ(texts(search({.max_trials = 3}, valley(1e-4))), (Texts{"1", "0.3333", "3"}));
  EXPECT_EQ(search({.max_trials = 5}, valley(1e-4)).size(), 5u);
  EXPECT_EQ(texts(search({.max_trials = 2}, valley(1))), (Texts{"1", "0.3333"}));
  EXPECT_TRUE(search({.max_trials = 0}, valley(1)).empty());
}

TEST(NextCoefficients, StopAtTheBounds) {
  const auto trials = search({.max_trials = 50, .lowest = 0.01}, valley(1e-4));
  EXPECT_EQ(texts(trials), (Texts{"1", "0.3333", "3", "0.1111", "0.03703", "0.01234"}));
  EXPECT_EQ(texts(search({.max_trials = 50, .highest = 20}, valley(1e4))),
            (Texts{"1", "0.3333", "3", "9"}));
}

TEST(NextCoefficients, TreatAFailureAtALargeCoefficientAsAnEdgeThatIsPassed) {
  const std::vector<CoefficientTrial> trials = {done("1", 1), done("0.3333", 2), failed("3")};
  EXPECT_TRUE(next_coefficients({}, trials).empty());
  EXPECT_TRUE(is_bracketed(trials));
  EXPECT_EQ(chosen_coefficient(trials), "1");
}

TEST(NextCoefficients, GoDownWhenEverythingFailed) {
  const Curve diverges_above = [](double c) {
    return c > 0.05 ? std::nullopt : std::optional(std::fabs(std::log(c / 0.03)));
  };
  const auto trials = search({.max_trials = 8}, diverges_above);
  EXPECT_EQ(chosen_coefficient(trials), "0.03703");
  EXPECT_TRUE(is_bracketed(trials));

  const auto hopeless = search({.max_trials = 6}, [](double) { return std::nullopt; });
  EXPECT_EQ(hopeless.size(), 6u);
  EXPECT_EQ(chosen_coefficient(hopeless), std::nullopt);
  EXPECT_FALSE(is_bracketed(hopeless));
}

// A text with no effect, say: following equal values would only spend trials.
TEST(NextCoefficients, FollowNoFlatCurve) {
  const auto trials = search({.max_trials = 20, .refine = true}, [](double) { return 1.0; });
  EXPECT_EQ(trials.size(), 3u);
  EXPECT_EQ(chosen_coefficient(trials), "0.3333");
}

TEST(NextCoefficients, RefineByTheRootOfTwo) {
  const std::vector<CoefficientTrial> ladder = {done("1", 1), done("0.3333", 2), done("3", 2)};
  EXPECT_EQ(next_coefficients({.refine = true}, ladder), (Texts{"0.7071", "1.414"}));
  std::vector<CoefficientTrial> finer = ladder;
  finer.push_back(done("0.7071", 1.5));
  finer.push_back(done("1.414", 0.5));
  EXPECT_EQ(next_coefficients({.max_trials = 6, .refine = true}, finer), Texts{"2"});  // 1 is known
  finer.push_back(done("2", 0.7));
  EXPECT_TRUE(next_coefficients({.max_trials = 9, .refine = true}, finer).empty());
  EXPECT_EQ(chosen_coefficient(finer), "1.414");
}

// Wherever the floor of a valley lies, the search comes within one step of it and repeats nothing.
TEST(NextCoefficients, FindTheFloorOfAnyValley) {
  Rng rng(2, "valley");
  for (int i = 0; i < 500; ++i) {
    const double best = std::exp(rng.uniform(-6, 6));
    const CoefficientPlan plan{
        .centre = std::exp(rng.uniform(-3, 3)), .max_trials = 40, .refine = rng.chance(0.5)};
    SCOPED_TRACE(testing::Message() << "best " << best << " centre " << plan.centre);
    const auto trials = search(plan, valley(best));
    const Texts all = texts(trials);
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
    EXPECT_LT(trials.size(), 20u);
    EXPECT_TRUE(is_bracketed(trials));
    const double step = plan.refine ? std::sqrt(2.0) : plan.factor;
    const double off = std::fabs(std::log(coefficient_value(*chosen_coefficient(trials)) / best));
    EXPECT_LE(off, 0.5 * std::log(step) + 1e-3);
  }
}

// The answer depends on results, not on the order in which they came in.
TEST(NextCoefficients, DoNotDependOnTheOrderOfTrials) {
  std::vector<CoefficientTrial> trials = {done("1", 2), done("0.3333", 1), failed("3"),
                                          done("0.1111", 1.5)};
  const CoefficientPlan plan{.max_trials = 9, .refine = true};
  const Texts want = next_coefficients(plan, trials);
  EXPECT_FALSE(want.empty());
  std::sort(trials.begin(), trials.end(),
            [](const auto& a, const auto& b) { return a.coefficient < b.coefficient; });
  do {
    EXPECT_EQ(next_coefficients(plan, trials), want);
    EXPECT_EQ(chosen_coefficient(trials), "0.3333");
  } while (std::next_permutation(trials.begin(), trials.end(), [](const auto& a, const auto& b) {
    return a.coefficient < b.coefficient;
  }));
}

TEST(ChosenCoefficient, PrefersTheSmallerOfEquals) {
  EXPECT_EQ(chosen_coefficient(std::vector{done("3", 1), done("1", 1), done("10", 1)}), "1");
  EXPECT_EQ(chosen_coefficient({}), std::nullopt);
}

}  // namespace
}  // namespace ballast::evaluator
