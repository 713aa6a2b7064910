#include "orchestrator/parents.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "common/error.h"

namespace ballast::orchestrator {
namespace {

using Options = std::vector<ParentOption>;

void expect_near(const std::vector<double>& got, const std::vector<double>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-12) << i;
}

// How often each option has rank 1, 2, ... is what posterior sampling must get right, so the draws
// are averaged over many generators.
std::vector<double> mean_posterior(const Options& options, int draws) {
  std::vector<double> mean(options.size(), 0);
  for (int i = 0; i < draws; ++i) {
    Rng rng(7, "test", static_cast<uint64_t>(i));
    const std::vector<double> p = posterior(options, rng);
    for (size_t j = 0; j < p.size(); ++j) mean[j] += p[j] / draws;
  }
  return mean;
}

TEST(Posterior, RanksExactMeansByOneOverRank) {
  Rng rng(1);
  // Weights 1/2, 1/1, 1/3 for ranks 2, 1, 3.
  expect_near(posterior(Options{{-0.1, 0, 0}, {-0.2, 0, 0}, {0.3, 0, 0}}, rng),
              {3.0 / 11, 6.0 / 11, 2.0 / 11});
}

TEST(Posterior, GivesParentsWithChildrenLess) {
  Rng rng(1);
  // 1/1/(1+3) and 1/2/(1+0).
  expect_near(posterior(Options{{-0.2, 0, 3}, {-0.1, 0, 0}}, rng), {1.0 / 3, 2.0 / 3});
}

TEST(Posterior, DrawsEachDifferenceSoThatALuckyOneIsNotAlwaysFirst) {
  // The first looks better by 1 with an error of sqrt(2): it is truly first with probability
  // Phi(1 / sqrt(2 + 0)) = 0.7602, and then has 2/3, else 1/3.
  const std::vector<double> p = mean_posterior({{-1, std::sqrt(2.0), 0}, {0, 0, 0}}, 20000);
  const double first = 0.5 * std::erfc(-0.5);  // Phi(1/sqrt 2)
  EXPECT_NEAR(p[0], first * 2 / 3 + (1 - first) / 3, 0.005);
}

TEST(Posterior, TreatsEqualsWithEqualErrorsAlike) {
  const std::vector<double> p = mean_posterior({{0, 1, 0}, {0, 1, 0}, {0, 1, 0}}, 20000);
  for (const double x : p) EXPECT_NEAR(x, 1.0 / 3, 0.01);
}

TEST(PowerLaw, FollowsRanks) {
  const Options options{{0.2, 0, 9}, {0.1, 5, 0}};  // children and errors do not matter
  expect_near(power_law(options, 1), {1.0 / 3, 2.0 / 3});
  expect_near(power_law(options, 2), {1.0 / 5, 4.0 / 5});
  expect_near(power_law(options, 0), {0.5, 0.5});
}

TEST(WeightedPaper, IsASigmoidAroundTheMedian) {
  // Fitness 0.1, 0, -0.1: median 0; sigma(1), sigma(0), sigma(-1), the last halved by its child.
  const double s = 1 / (1 + std::exp(-1.0));
  const double total = s + 0.5 + (1 - s) / 2;
  expect_near(weighted_paper(Options{{-0.1, 0, 0}, {0, 0, 0}, {0.1, 0, 1}}, 10),
              {s / total, 0.5 / total, (1 - s) / 2 / total});
}

TEST(WeightedCode, DividesByTheMedianDeviation) {
  // Fitness 0.3, 0.1, 0, -0.1 around the median 0.05: deviations 0.25, 0.05, 0.05, 0.15, median
  // 0.1.
  const auto sigma = [](double x) { return 1 / (1 + std::exp(-x)); };
  const std::vector<double> w{sigma(25), sigma(5), sigma(-5), sigma(-15)};
  const double total = std::accumulate(w.begin(), w.end(), 0.0);
  expect_near(weighted_code(Options{{-0.3, 0, 0}, {-0.1, 0, 0}, {0, 0, 0}, {0.1, 0, 0}}, 10),
              {w[0] / total, w[1] / total, w[2] / total, w[3] / total});
}

TEST(WeightedCode, SurvivesATieOfAll) {
  expect_near(weighted_code(Options{{0.5, 0, 0}, {0.5, 0, 0}}), {0.5, 0.5});
}

// Chi-square with 3 degrees of freedom stays below 21.1 with probability 0.9999.
TEST(ChooseParent, DrawsWithTheStatedProbabilities) {
  const Options options{{-0.3, 0, 0}, {-0.2, 0, 2}, {-0.1, 0, 0}, {0, 0, 1}};
  for (const std::string_view rule : parent_rules()) {
    SCOPED_TRACE(rule);
    Rng other(1);
    std::vector<double> p = posterior(options, other);
    if (rule == "power_law") p = power_law(options);
    if (rule == "weighted_paper") p = weighted_paper(options);
    if (rule == "weighted_code") p = weighted_code(options);
    constexpr int kDraws = 20000;
    std::vector<int> counts(options.size(), 0);
    for (int i = 0; i < kDraws; ++i) {
      Rng rng(3, "draw", static_cast<uint64_t>(i));
      ++counts[choose_parent(rule, options, rng)];
    }
    double chi = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
      if (p[i] * kDraws < 5) continue;
      const double expected = p[i] * kDraws;
      chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    EXPECT_LT(chi, 21.1);
  }
}

TEST(ChooseParent, NamesTheRulesWhenOneIsUnknown) {
  Rng rng(1);
  try {
    choose_parent("beam", Options{{0, 0, 0}}, rng);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::kUsage);
    EXPECT_NE(std::string(e.what()).find("posterior"), std::string::npos);
  }
}

}  // namespace
}  // namespace ballast::orchestrator
