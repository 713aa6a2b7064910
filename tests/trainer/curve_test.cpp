#include "trainer/curve.h"

#include <gtest/gtest.h>

namespace ballast::trainer {
namespace {

// Twenty steps; step i has loss i, one router of four experts, its MaxVio i in step units below.
StepStats step(int i, double max_vio) {
  StepStats s;
  s.cross_entropy = i;
  s.balance_loss = 100 + i;
  s.balance_grad_norm = 2 * i;
  const double rest = 1 - max_vio / 3;
  s.counts = {{1 + max_vio, rest, rest, rest}};
  s.score_ratio = {i < 2 ? 0.0 : 0.5};
  return s;
}

TEST(TrainMetrics, AverageOverTheStepsTheyName) {
  TrainSpec spec;
  spec.model.layers = 1;
  spec.model.experts = 4;
  TrainMetrics metrics(spec, 20, 5);
  for (int i = 0; i < 20; ++i) metrics.add(step(i, i == 1 ? 3.0 : i >= 18 ? 1.5 : 1.0));
  const Metrics m = metrics.finish();
  const auto& s = m.scalars;
  EXPECT_EQ(s.at("steps"), 20);
  EXPECT_EQ(s.at("tokens"), 20 * 1024);
  EXPECT_DOUBLE_EQ(s.at("train_cross_entropy"), 18.5);  // steps 18 and 19
  EXPECT_DOUBLE_EQ(s.at("train_max_vio_batch"), 1.5);
  EXPECT_DOUBLE_EQ(s.at("train_max_vio_global"),
                   (16 * 1.0 + 2 * 1.5) / 18);  // without steps 0 and 1
  EXPECT_DOUBLE_EQ(s.at("train_avg_max_vio"), (17 * 1.0 + 3.0 + 2 * 1.5) / 20);
  EXPECT_DOUBLE_EQ(s.at("train_sup_max_vio"), 3);
  EXPECT_DOUBLE_EQ(s.at("train_score_sum_ratio"), 0.5);
  EXPECT_DOUBLE_EQ(s.at("train_balance_loss"), 119);
  EXPECT_DOUBLE_EQ(s.at("train_balance_grad_norm"), 19);
  EXPECT_DOUBLE_EQ(s.at("train_dead_experts"), 0);
  EXPECT_EQ(m.arrays.at("train_layer_max_vio_global").size(), 1u);
  EXPECT_EQ(m.arrays.at("train_curve_tokens"),
            (std::vector<double>{4 * 1024, 8 * 1024, 12 * 1024, 16 * 1024, 20 * 1024}));
  EXPECT_EQ(m.arrays.at("train_curve_cross_entropy"),
            (std::vector<double>{1.5, 5.5, 9.5, 13.5, 17.5}));
  EXPECT_DOUBLE_EQ(m.arrays.at("train_curve_max_vio_global")[0], 1.5);
  EXPECT_DOUBLE_EQ(m.arrays.at("train_curve_balance_grad_norm")[1], 11);
}

TEST(TrainMetrics, OfOneStepAreThatStep) {
  TrainSpec spec;
  spec.model.layers = 1;
  spec.model.experts = 4;
  TrainMetrics metrics(spec, 1, 64);
  metrics.add(step(7, 3));
  const Metrics m = metrics.finish();
  EXPECT_EQ(m.scalars.at("train_cross_entropy"), 7);
  EXPECT_EQ(m.scalars.at("train_max_vio_global"), 3);
  EXPECT_EQ(m.scalars.at("train_dead_experts"), 3);
  EXPECT_EQ(m.arrays.at("train_curve_tokens").size(), 1u);
}

}  // namespace
}  // namespace ballast::trainer
