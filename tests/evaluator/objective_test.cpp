#include "evaluator/objective.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/error.h"

namespace ballast::evaluator {
namespace {

Metrics some_metrics() {
  return {.scalars = {{"cross_entropy", 2.0}, {"l1_imbalance", 0.25}},
          .arrays = {{"layer_max_vio_global", {0.5, 0.2, 0.9}},
                     {"train_layer_max_vio_global", {0.4, 0.25, 1.3}}}};
}

// V = (0.5, 0.25, 1.3); beyond 0.3: 0.2, 0, 1.0; their mean 0.4; times mu = 0.1: 0.04.
TEST(Objective, ConstrainedTakesTheWorseOfHeldOutAndTrainingPerLayer) {
  EXPECT_NEAR(*objective({}, some_metrics()), 2.04, 1e-15);
}

TEST(Objective, ConstrainedIsCrossEntropyWithinTheTarget) {
  EXPECT_EQ(objective({.name = "constrained", .mu = 0.1, .target = 1.3}, some_metrics()), 2.0);
}

TEST(Objective, ConstrainedGrowsByMuPerUnitOfViolation) {
  Metrics worse = some_metrics();
  for (double& v : worse.arrays["train_layer_max_vio_global"]) v += 10;
  const ObjectiveSpec spec{.name = "constrained", .mu = 0.5, .target = 0.3};
  // V = (10.4, 10.25, 11.3): the sum of excesses goes from 1.2 to 31.05, over 3 layers.
  EXPECT_NEAR(*objective(spec, worse) - *objective(spec, some_metrics()), 0.5 * (31.05 - 1.2) / 3,
              1e-12);
}

TEST(Objective, ShinkaAddsTheImbalance) {
  EXPECT_EQ(objective({.name = "shinka"}, some_metrics()), 2.25);
}

TEST(Objective, CrossEntropyIsItself) {
  EXPECT_EQ(objective({.name = "cross_entropy"}, some_metrics()), 2.0);
}

TEST(Objective, GivesNoScoreWithoutItsMetrics) {
  for (const std::string name : {"cross_entropy", "l1_imbalance"}) {
    Metrics m = some_metrics();
    m.scalars.erase(name);
    EXPECT_EQ(objective({.name = "shinka"}, m), std::nullopt) << name;
  }
  for (const std::string name : {"layer_max_vio_global", "train_layer_max_vio_global"}) {
    Metrics m = some_metrics();
    m.arrays.erase(name);
    EXPECT_EQ(objective({}, m), std::nullopt) << name;
    m = some_metrics();
    m.arrays[name].pop_back();
    EXPECT_EQ(objective({}, m), std::nullopt) << name;
    m = some_metrics();
    m.arrays = {{"layer_max_vio_global", {}}, {"train_layer_max_vio_global", {}}};
    EXPECT_EQ(objective({}, m), std::nullopt);
  }
}

// No comparison with a NaN may let one through, wherever it stands.
TEST(Objective, GivesNoScoreForWhatIsNotFinite) {
  for (const double bad : {std::nan(""), double{INFINITY}, -double{INFINITY}}) {
    for (const std::string name : {"layer_max_vio_global", "train_layer_max_vio_global"})
      for (size_t l = 0; l < 3; ++l) {
        Metrics m = some_metrics();
        m.arrays[name][l] = bad;
        EXPECT_EQ(objective({}, m), std::nullopt) << name << l << bad;
      }
    for (const std::string_view name : objective_names()) {
      Metrics m = some_metrics();
      m.scalars["cross_entropy"] = bad;
      EXPECT_EQ(objective({.name = std::string(name)}, m), std::nullopt) << name << bad;
    }
    Metrics m = some_metrics();
    m.scalars["l1_imbalance"] = bad;
    EXPECT_EQ(objective({.name = "shinka"}, m), std::nullopt);
  }
}

TEST(Objective, RefusesAnUnknownNameAndSaysWhichThereAre) {
  try {
    (void)objective({.name = "speed"}, some_metrics());
    FAIL() << "nothing was thrown";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::kUsage);
    EXPECT_NE(std::string(e.what()).find("\"speed\""), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("shinka"), std::string::npos);
  }
}

TEST(CrossEntropyAt, InterpolatesBetweenNeighbouringCoefficients) {
  const std::vector<CurvePoint> curve = {{1.0, 2.4, 0.1}, {0.01, 2.0, 1.0}, {0.1, 2.1, 0.5}};
  // Between 0.5 and 0.1, half way: 2.1 + 0.5 * 0.3.
  EXPECT_NEAR(*cross_entropy_at(curve, 0.3), 2.25, 1e-15);
  EXPECT_NEAR(*cross_entropy_at(curve, 0.75), 2.05, 1e-15);
  EXPECT_EQ(cross_entropy_at(curve, 0.5), 2.1);
  EXPECT_EQ(cross_entropy_at(curve, 0.1), 2.4);
}

TEST(CrossEntropyAt, GivesNothingWhereTheCurveDoesNotPass) {
  const std::vector<CurvePoint> curve = {{0.01, 2.0, 1.0}, {0.1, 2.1, 0.5}};
  EXPECT_EQ(cross_entropy_at(curve, 0.3), std::nullopt);
  EXPECT_EQ(cross_entropy_at(curve, 1.5), std::nullopt);
  EXPECT_EQ(cross_entropy_at({}, 0.3), std::nullopt);
}

TEST(CrossEntropyAt, TakesTheLowestOfSeveralPasses) {
  const std::vector<CurvePoint> curve = {{0.01, 2.0, 1.0}, {0.1, 3.0, 0.0}, {1.0, 2.2, 1.0}};
  EXPECT_NEAR(*cross_entropy_at(curve, 0.5), 2.5, 1e-15);
}

}  // namespace
}  // namespace ballast::evaluator
