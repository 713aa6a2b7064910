#include "trainer/train.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "common/error.h"
#include "tests/trainer/training.h"
#include "trainer/layout.h"
#include "trainer/weights.h"

namespace ballast::trainer {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TrainResult train(const TrainJob& job) {
  return run_train(job, [](const Progress&) {});
}

// Metrics without what a clock said.
Metrics timeless(Metrics m) {
  m.scalars.erase("tokens_per_second");
  return m;
}

TEST(Training, LowersTheLossAndReportsEveryMetric) {
  const Folder folder;
  const TrainJob job = train_job(write_corpus(folder), "global_lbl", 0.1, 60);
  std::vector<Progress> progress;
  const TrainResult r = run_train(job, [&](const Progress& p) { progress.push_back(p); });
  ASSERT_EQ(r.outcome, Outcome::kOk) << r.message;
  EXPECT_EQ(r.attempt, 7);
  const auto& s = r.metrics.scalars;
  EXPECT_EQ(s.at("steps"), 60);
  EXPECT_EQ(s.at("tokens"), 60 * 192);
  EXPECT_GT(s.at("tokens_per_second"), 0);
  const std::vector<double>& curve = r.metrics.arrays.at("train_curve_cross_entropy");
  EXPECT_EQ(curve.size(), 60u);
  EXPECT_NEAR(curve.front(), std::log(32), 0.5);
  EXPECT_LT(s.at("train_cross_entropy"), curve.front() - 1) << "each domain is nearly a rule";
  EXPECT_NEAR(std::accumulate(curve.end() - 6, curve.end(), 0.0) / 6, s.at("train_cross_entropy"),
              1e-12);
  for (const char* name : {"train_max_vio_global", "train_avg_max_vio", "train_sup_max_vio",
                           "train_max_vio_batch", "train_dead_experts", "train_score_sum_ratio",
                           "train_balance_loss", "train_balance_grad_norm"})
    EXPECT_TRUE(s.contains(name)) << name;
  EXPECT_GE(s.at("train_sup_max_vio"), s.at("train_avg_max_vio"));
  EXPECT_EQ(s.at("train_score_sum_ratio"), 1);
  EXPECT_GT(s.at("train_balance_grad_norm"), 0);
  EXPECT_EQ(r.metrics.arrays.at("train_layer_max_vio_global").size(), 2u);
  EXPECT_EQ(r.metrics.arrays.at("train_curve_tokens").back(), 60 * 192);
  ASSERT_FALSE(progress.empty());
  EXPECT_EQ(progress.back().step, 60);
  EXPECT_EQ(progress.back().steps, 60);
  EXPECT_EQ(progress.back().attempt, 7);
}

// What the whole project is about, at the smallest size: without a loss the router drifts apart.
TEST(Training, IsMoreBalancedWithTheLossThanWithout) {
  const Folder folder;
  const DataView data = write_corpus(folder);
  const auto max_vio = [&](const char* builtin, double coefficient) {
    TrainJob job = train_job(data, builtin, coefficient, 100);
    job.seed = 2;
    return train(job).metrics.scalars.at("train_max_vio_batch");
  };
  EXPECT_GT(max_vio("none", 0), 2 * max_vio("global_lbl", 0.3));  // 0.78 and 0.20 when written
}

TEST(Training, RepeatsBitForBit) {
  const Folder folder;
  for (const char* window : {"step", "buffer"}) {
    TrainJob job = train_job(write_corpus(folder), "", 0.3, 15);
    job.spec.schedule.window = window;
    job.balancer.source = R"(
def balance_loss(r):
    return r.num_experts * (r.load_global * r.probs.mean(0)).sum() + 0.01 * torch.logsumexp(r.logits, 1).pow(2).mean()
def selection_bias(r, bias):
    return bias + 0.01 * torch.sign(1 / r.num_experts - r.load_global)
)";
    const TrainResult a = train(job), b = train(job);
    ASSERT_EQ(a.outcome, Outcome::kOk) << a.message;
    EXPECT_EQ(a.weights.bytes, b.weights.bytes);
    EXPECT_EQ(timeless(a.metrics), timeless(b.metrics));
    const ScoreResult x = run_score(score_job(job, a)), y = run_score(score_job(job, b));
    EXPECT_EQ(x.metrics, y.metrics);
    job.seed = 2;
    EXPECT_NE(train(job).weights.bytes, a.weights.bytes);
  }
}

TEST(Training, KeepsAtMostTheCurvePointsAskedFor) {
  const Folder folder;
  TrainJob job = train_job(write_corpus(folder), "none", 0, 10);
  job.curve_points = 4;
  const TrainResult r = train(job);
  EXPECT_EQ(r.metrics.arrays.at("train_curve_tokens"),
            (std::vector<double>{3 * 192, 5 * 192, 8 * 192, 10 * 192}));
}

TEST(Training, TellsProgressRelativeToTheLastRung) {
  const Folder folder;
  TrainJob job = train_job(write_corpus(folder), "", 1, 4);
  // Its gradient is 0 until progress passes 0.3, which only happens when the budget is the last
  // rung.
  job.balancer.source =
      "def balance_loss(r):\n    return r.logits.pow(2).sum() * (1.0 if r.progress > 0.3 else "
      "0.0)\n";
  EXPECT_GT(train(job).metrics.scalars.at("train_balance_grad_norm"), 0);
  job.progress_tokens = 10 * job.tokens;
  EXPECT_EQ(train(job).metrics.scalars.at("train_balance_grad_norm"), 0);
}

TEST(Training, JudgesBadCandidatesAsOutcomes) {
  const Folder folder;
  const DataView data = write_corpus(folder);
  const auto outcome = [&](const std::string& source, double coefficient = 1) {
    TrainJob job = train_job(data, "", coefficient, 5);
    job.balancer.source = source;
    const TrainResult r = train(job);
    EXPECT_TRUE(r.weights.infos.empty());
    EXPECT_FALSE(r.message.empty());
    return r.outcome;
  };
  EXPECT_EQ(outcome("def balance_loss(r): return r.nothing"), Outcome::kStaticReject);
  EXPECT_EQ(outcome("def balance_loss(r): return torch.log(r.load - 2).sum() + r.probs.sum()"),
            Outcome::kNonfinite);
  // Finite value, infinite gradient: d sqrt(x)/dx at 0.
  EXPECT_EQ(outcome("def balance_loss(r): return torch.sqrt(r.probs * 0).sum()"),
            Outcome::kNonfinite);
  EXPECT_EQ(outcome("def balance_loss(r): return r.probs[100, 0]"), Outcome::kContractViolation);
  EXPECT_EQ(outcome("def selection_bias(r, bias): return bias / 0 * r.load"), Outcome::kNonfinite);
}

TEST(Training, StopsWhenTheLossRunsAway) {
  const Folder folder;
  TrainJob job = train_job(write_corpus(folder), "none", 0, 200);
  job.spec.schedule.learning_rate = 30;
  job.spec.schedule.weight_decay = 0;
  const TrainResult r = train(job);
  EXPECT_EQ(r.outcome, Outcome::kDiverged) << r.message;
  EXPECT_THAT(r.message, HasSubstr("ran away"));
}

TEST(Training, RefusesJobsThatCannotBeDone) {
  const Folder folder;
  const TrainJob good = train_job(write_corpus(folder), "none", 0, 5);
  const auto with = [&](auto&& change) {
    return [&good, change] {
      TrainJob job = good;
      change(job);
      train(job);
    };
  };
  EXPECT_THAT(with([](auto& j) { j.tokens = 191; }), ThrowsMessage<Error>(HasSubstr("191 tokens")));
  EXPECT_THAT(with([](auto& j) { j.data.split = "select"; }),
              ThrowsMessage<Error>(HasSubstr("split")));
  EXPECT_THAT(with([](auto& j) { j.data.domains = {"z"}; }),
              ThrowsMessage<Error>(HasSubstr("z.train.bin")));
  EXPECT_THAT(with([](auto& j) { j.device = "tpu"; }), ThrowsMessage<Error>(HasSubstr("tpu")));
  EXPECT_THAT(with([](auto& j) { j.coefficient = NAN; }),
              ThrowsMessage<Error>(HasSubstr("coefficient")));
}

// A model whose weights are all 0 gives every token the same even distributions: each metric is
// known.
TEST(Scoring, OfTheZeroModelGivesTheNumbersWorkedOutByHand) {
  const Folder folder;
  TrainJob job = train_job(write_corpus(folder), "none", 0, 1);
  TrainResult zero = train(job);
  zero.weights.bytes.assign(zero.weights.bytes.size(), '\0');
  const ScoreResult r = run_score(score_job(job, zero));
  ASSERT_EQ(r.outcome, Outcome::kOk) << r.message;
  EXPECT_EQ(r.attempt, 8);
  const auto& s = r.metrics.scalars;
  const auto near = [&](const char* name, double want) {
    EXPECT_NEAR(s.at(name), want, 1e-6) << name;
  };
  near("cross_entropy", std::log(32));
  near("bits_per_byte", 5);
  near("score_tokens", 1536);
  near("router_entropy", std::log(8));
  near("score_sum_ratio", 1);
  // Ties go to the lowest index: experts 0 and 1 take everything.
  near("max_vio_global", 3);
  near("max_vio_batch", 3);
  near("avg_max_vio", 3);
  near("sup_max_vio", 3);
  near("load_cv", std::sqrt(3));
  near("load_entropy", std::log(2));
  near("dead_experts", 6);
  near("l1_imbalance", 0.75);
  near("domain_expert_mi", 0);
  const auto& a = r.metrics.arrays;
  EXPECT_EQ(a.at("domain_cross_entropy").size(), 3u);
  EXPECT_EQ(a.at("layer_load"),
            (std::vector<double>{.5, .5, 0, 0, 0, 0, 0, 0, .5, .5, 0, 0, 0, 0, 0, 0}));
  for (const char* name : {"layer_max_vio_global", "layer_load_cv", "layer_load_entropy",
                           "layer_dead_experts", "layer_l1_imbalance", "layer_score_sum_ratio",
                           "layer_router_entropy", "layer_domain_expert_mi"})
    EXPECT_EQ(a.at(name).size(), 2u) << name;
}

// The biases are weights too: they choose other experts, and cost the router score.
TEST(Scoring, UsesTheBiasesThatCameWithTheWeights) {
  const Folder folder;
  const TrainJob job = train_job(write_corpus(folder), "none", 0, 30);
  TrainResult trained = train(job);
  const ScoreResult plain = run_score(score_job(job, trained));
  ASSERT_EQ(trained.weights.infos.back().name, "router_bias");
  std::vector<float> bias(16, 0.0f);
  bias[3] = bias[4] = 5;  // layer 0: experts 3 and 4 always win
  const size_t size = bias.size() * sizeof(float);
  trained.weights.bytes.replace(trained.weights.bytes.size() - size, size,
                                reinterpret_cast<const char*>(bias.data()), size);
  const ScoreResult biased = run_score(score_job(job, trained));
  EXPECT_NEAR(biased.metrics.arrays.at("layer_load")[3], 0.5, 1e-12);
  EXPECT_NEAR(biased.metrics.arrays.at("layer_max_vio_global")[0], 3, 1e-12);
  EXPECT_EQ(plain.metrics.arrays.at("layer_score_sum_ratio")[0], 1);
  EXPECT_LT(biased.metrics.arrays.at("layer_score_sum_ratio")[0], 1);
  EXPECT_NE(biased.metrics.scalars.at("cross_entropy"), plain.metrics.scalars.at("cross_entropy"));
}

TEST(Scoring, AgreesWithTrainingOnWhatWasLearnt) {
  const Folder folder;
  const TrainJob job = train_job(write_corpus(folder), "global_lbl", 0.1, 150);
  const TrainResult trained = train(job);
  const ScoreResult r = run_score(score_job(job, trained));
  EXPECT_NEAR(r.metrics.scalars.at("cross_entropy"),
              trained.metrics.scalars.at("train_cross_entropy"), 0.15);
  const auto& domains = r.metrics.arrays.at("domain_cross_entropy");
  EXPECT_NEAR(std::accumulate(domains.begin(), domains.end(), 0.0) / 3,
              r.metrics.scalars.at("cross_entropy"), 1e-12);
  EXPECT_GE(r.metrics.scalars.at("max_vio_batch"), r.metrics.scalars.at("max_vio_global"));
  EXPECT_GT(r.metrics.scalars.at("domain_expert_mi"), 0);
}

TEST(Scoring, SaysSoWhenWeightsAreNotFinite) {
  const Folder folder;
  const TrainJob job = train_job(write_corpus(folder), "none", 0, 1);
  TrainResult broken = train(job);
  const float nan = NAN;
  for (size_t i = 0; i < 32; ++i)
    broken.weights.bytes.replace(i * sizeof(float), sizeof(float),
                                 reinterpret_cast<const char*>(&nan), sizeof(float));
  const ScoreResult r = run_score(score_job(job, broken));
  EXPECT_EQ(r.outcome, Outcome::kNonfinite);
  EXPECT_TRUE(r.metrics.scalars.empty());
}

TEST(Weights, TravelBitForBit) {
  const ModelSpec spec = small_spec().model;
  const Parameters from = make_parameters(spec, 3, at::kCPU);
  const at::Tensor bias = at::linspace(-1, 1, 16).view({2, 8});
  const Tensors sent = export_weights(from, bias);
  EXPECT_EQ(static_cast<int64_t>(sent.bytes.size()), bytes_of(sent.infos));
  Parameters to = make_parameters(spec, 4, at::kCPU);
  EXPECT_TRUE(at::equal(import_weights(sent, to, 2, 8), bias));
  EXPECT_TRUE(at::equal(to.values, from.values));
}

TEST(Weights, MustFitTheModel) {
  const ModelSpec spec = small_spec().model;
  Parameters p = make_parameters(spec, 3, at::kCPU);
  const Tensors sent = export_weights(p, at::zeros({2, 8}));
  const auto import = [&](auto&& change) {
    return [&, change] {
      Tensors broken = sent;
      change(broken);
      import_weights(broken, p, 2, 8);
    };
  };
  EXPECT_THAT(import([](Tensors& t) { t.infos[1].shape[0] = 33; }),
              ThrowsMessage<Error>(HasSubstr("layers.0.qkv")));
  EXPECT_THAT(import([](Tensors& t) { t.infos.pop_back(); }),
              ThrowsMessage<Error>(HasSubstr("is nothing")));
  EXPECT_THAT(import([](Tensors& t) { t.infos.push_back(t.infos[0]); }),
              ThrowsMessage<Error>(HasSubstr("expected nothing")));
  EXPECT_THAT(import([](Tensors& t) { t.bytes.pop_back(); }),
              ThrowsMessage<Error>(HasSubstr("bytes")));
}

}  // namespace
}  // namespace ballast::trainer
