#include "trainer/stepper.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/trainer/training.h"
#include "trainer/interpreter.h"
#include "trainer/pch.h"

namespace ballast::trainer {
namespace {

// Splits the sequences of `batch` into micro-batches of `sequences` each.
std::vector<MicroBatch> split(const MicroBatch& batch, int64_t sequences) {
  std::vector<MicroBatch> parts;
  const auto size = static_cast<ptrdiff_t>(sequences * batch.length);
  for (ptrdiff_t at = 0; at < static_cast<ptrdiff_t>(batch.inputs.size()); at += size)
    parts.push_back({.sequences = sequences,
                     .length = batch.length,
                     .domain = 0,
                     .inputs = {batch.inputs.begin() + at, batch.inputs.begin() + at + size},
                     .targets = {batch.targets.begin() + at, batch.targets.begin() + at + size}});
  return parts;
}

struct Outcome3 {
  StepStats stats;
  at::Tensor grads, bias;
};

Outcome3 one_step(const BalancerRef& ref, const std::string& window,
                  const std::vector<MicroBatch>& batches) {
  TrainSpec spec = small_spec();
  spec.schedule.window = window;
  Stepper stepper(spec, make_balancer(ref, spec.schedule), 0.5, 1.0, /*seed=*/1, at::kCPU);
  Outcome3 out;
  out.stats = stepper.step(batches, 1e-3, 0.0);
  out.grads = stepper.parameters().grads.clone();
  out.bias = stepper.routers().bias;
  return out;
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

// A non-linear function of the window's probabilities, the global-batch loss, and a bias.
const BalancerRef kNonLinear{"", R"(
def balance_loss(r):
    return torch.log((r.probs_global * r.load_global).sum()) + (r.probs_global ** 2).sum()
def selection_bias(r, bias):
    return bias + 0.1 * torch.sign(1 / r.num_experts - r.load_global)
)"};

// The same twelve sequences as 2, 4, 6 or 12 micro-batches: equal up to the order of float sums.
TEST(StepWindow, GivesEqualNumbersForAnySplitIntoMicroBatches) {
  const MicroBatch all = random_batch(12, 16, 32, 3);
  for (const BalancerRef& ref : {BalancerRef{"global_lbl", ""}, kNonLinear}) {
    const Outcome3 want = one_step(ref, "step", split(all, 6));
    for (const int64_t sequences : {1, 2, 3, 12}) {
      SCOPED_TRACE(testing::Message() << ref.builtin << " " << sequences);
      const Outcome3 got = one_step(ref, "step", split(all, sequences));
      EXPECT_LT(difference(got.grads, want.grads), 1e-5);
      EXPECT_EQ(got.stats.counts, want.stats.counts);
      EXPECT_NEAR(got.stats.balance_loss, want.stats.balance_loss, 1e-6);
      EXPECT_NEAR(got.stats.cross_entropy, want.stats.cross_entropy, 1e-6);
      EXPECT_TRUE(at::allclose(got.bias, want.bias, 0, 1e-7));
    }
  }
}

TEST(BufferWindow, DependsOnTheSplit) {
  const MicroBatch all = random_batch(12, 16, 32, 3);
  const BalancerRef ref{"global_lbl", ""};
  const Outcome3 two = one_step(ref, "buffer", split(all, 6)),
                 four = one_step(ref, "buffer", split(all, 3));
  EXPECT_GT(difference(two.grads, four.grads), 1e-4);
  // With one micro-batch there is nothing to wait for: both windows are the same.
  EXPECT_EQ(difference(one_step(ref, "buffer", split(all, 12)).grads,
                       one_step(ref, "step", split(all, 12)).grads),
            0);
}

// Algorithm 1 of arXiv 2501.11873 by hand: the loss of micro-batch i uses the loads of 0..i.
TEST(BufferWindow, CountsTheMicroBatchesSoFar) {
  const std::vector<MicroBatch> batches = split(random_batch(4, 16, 32, 3), 2);
  TrainSpec spec = small_spec();
  spec.schedule.window = "buffer";
  std::vector<at::Tensor> loads;
  const Balancer spy{[&](const Record& r) {
                       loads.push_back(r.load_global.clone());
                       return r.probs.sum() * 0.0;
                     },
                     nullptr};
  Stepper stepper(spec, spy, 1, 1, 1, at::kCPU);
  const StepStats stats = stepper.step(batches, 1e-3, 0);
  ASSERT_EQ(loads.size(), 4u);  // two layers, two micro-batches
  Parameters p = make_parameters(spec.model, 1, at::kCPU);
  const auto model = make_model(spec.model, p);
  const at::Tensor bias = at::zeros({2, 8});
  const at::Tensor first = model->forward(batches[0], bias, 0)->counts;
  const at::Tensor second = model->forward(batches[1], bias, 0)->counts;
  for (int64_t layer = 0; layer < 2; ++layer) {
    const auto l = static_cast<size_t>(layer);
    EXPECT_TRUE(at::allclose(loads[l], first[layer] / 64));
    EXPECT_TRUE(at::allclose(loads[2 + l], (first + second)[layer] / 128));
  }
}

TEST(Stepper, FillsTheRecord) {
  const std::vector<MicroBatch> batches = split(random_batch(6, 16, 32, 3), 2);
  TrainSpec spec = small_spec();
  spec.model.null_experts = 2;
  std::vector<Record> seen;
  const Balancer spy{[&](const Record& r) {
                       seen.push_back(r);
                       return r.probs.sum() * 0.0;
                     },
                     nullptr};
  Stepper stepper(spec, spy, 1, 1, 1, at::kCPU);
  stepper.step(batches, 1e-3, 0.25);
  stepper.step(batches, 1e-3, 0.5);
  ASSERT_EQ(seen.size(), 12u);  // 3 micro-batches x 2 layers x 2 steps
  at::Tensor load = at::zeros({8}), probs = at::zeros({8});
  for (const size_t i : {size_t{0}, size_t{2}, size_t{4}}) {
    load += seen[i].load / 3;
    probs += seen[i].probs.detach().mean(0) / 3;
  }
  const Record& r = seen[0];
  EXPECT_TRUE(at::allclose(r.load_global, load));
  EXPECT_TRUE(at::allclose(r.probs_global, probs));
  EXPECT_TRUE(at::allclose(r.load, r.chosen.mean(0) / 2));
  EXPECT_TRUE(at::allclose(r.load_ema, at::full({8}, 1.0 / 8)));
  EXPECT_TRUE(at::allclose(seen[6].load_ema, 0.9 * r.load_ema + 0.1 * load));
  EXPECT_TRUE(at::allclose(r.scores, r.logits.softmax(1)));
  EXPECT_TRUE(at::equal(r.is_null, at::tensor({0, 0, 0, 0, 0, 0, 1, 1}, at::kFloat)));
  EXPECT_EQ(r.num_sequences, 2);
  EXPECT_EQ(r.top_k, 2);
  EXPECT_EQ(r.progress, 0.25);
  EXPECT_EQ(seen[6].progress, 0.5);
  EXPECT_EQ(r.depth, 0);
  EXPECT_EQ(seen[1].depth, 1);
  EXPECT_NEAR(r.cost.mean().item<double>() * 8 / 6, 1, 1e-6);  // mean 1 over true experts
}

// probs_global: the window's value, the gradient of the micro-batch's own mean.
TEST(Stepper, GivesProbsGlobalTheGradientOfTheOwnMean) {
  const std::vector<MicroBatch> batches = split(random_batch(4, 16, 32, 3), 2);
  const TrainSpec spec = small_spec();
  const Balancer spy{[&](const Record& r) {
                       const at::Tensor weights = at::arange(8, at::kFloat);
                       const at::Tensor a = (r.probs_global * weights).sum();
                       const at::Tensor b = (r.probs.mean(0) * weights).sum();
                       const auto g = [&](const at::Tensor& y) {
                         return torch::autograd::grad({y}, {r.logits}, {}, true)[0];
                       };
                       EXPECT_TRUE(at::allclose(g(a), g(b)));
                       EXPECT_NE(a.item<float>(), b.item<float>());
                       return a;
                     },
                     nullptr};
  Stepper(spec, spy, 1, 1, 1, at::kCPU).step(batches, 1e-3, 0);
}

// Sign rule by hand: +u below the mean load, -u above it, centred; causal: from the next step on.
TEST(Biases, MoveAfterTheStepAndAreCentred) {
  const std::vector<MicroBatch> batches = split(random_batch(6, 16, 32, 3), 2);
  TrainSpec spec = small_spec();
  spec.schedule.bias_rate = 0.25;
  Stepper stepper(spec, make_balancer({"loss_free", ""}, spec.schedule), 1, /*bias_rate=*/0.5, 1,
                  at::kCPU);
  const StepStats first = stepper.step(batches, 1e-9, 0);
  for (size_t r = 0; r < 2; ++r) {
    EXPECT_EQ(first.score_ratio[r], 1) << "the first step routes without bias";
    std::vector<double> want(8);
    double mean = 0;
    for (size_t e = 0; e < 8; ++e) {
      const double error = 6 * 16 * 2 / 8.0 - first.counts[r][e];
      want[e] = 0.5 * 0.25 * (error > 0 ? 1 : error < 0 ? -1 : 0);
      mean += want[e] / 8;
    }
    for (size_t e = 0; e < 8; ++e)
      EXPECT_NEAR(
          stepper.routers().bias[static_cast<int64_t>(r)][static_cast<int64_t>(e)].item<double>(),
          want[e] - mean, 1e-7);
  }
  const StepStats second = stepper.step(batches, 1e-9, 0);
  EXPECT_NE(second.counts, first.counts);
  EXPECT_LT(second.score_ratio[0], 1);
}

TEST(Stepper, AddsFactorTimesTheMeanLossToTheObjective) {
  const std::vector<MicroBatch> batches = split(random_batch(4, 16, 32, 3), 2);
  const TrainSpec spec = small_spec();
  // d loss / d logits = 1 for each of 32 x 8 logits; the mean over 2 layers and 2 micro-batches
  // with factor 3 makes each gradient 3/4.
  const Balancer balancer{[](const Record& r) { return r.logits.sum(); }, nullptr};
  Stepper with(spec, balancer, 3, 1, 1, at::kCPU), without(spec, {}, 3, 1, 1, at::kCPU);
  const StepStats stats = with.step(batches, 1e-3, 0);
  without.step(batches, 1e-3, 0);
  EXPECT_NEAR(stats.balance_grad_norm, 0.75 * std::sqrt(4 * 32 * 8), 1e-4);
  // The last router's gradient: sum over tokens of its input, times 3/4, in every column.
  const int router = with.parameters().layout.layers[1].router;
  const at::Tensor extra = with.parameters().grad(router) - without.parameters().grad(router);
  EXPECT_TRUE(at::allclose(extra.select(1, 0), extra.select(1, 7), 1e-3, 1e-3));
  EXPECT_GT(extra.abs().max().item<double>(), 0.1);
}

TEST(Stepper, AgreesWithAtenOverSeveralSteps) {
  const TrainSpec spec = small_spec();
  const auto run = [&](Implementation implementation) {
    Stepper stepper(spec, make_balancer(kNonLinear, spec.schedule), 0.1, 1, 1, at::kCPU,
                    implementation);
    StepStats stats;
    for (uint64_t step = 0; step < 5; ++step)
      stats = stepper.step(split(random_batch(6, 16, 32, step), 2), 1e-3, 0);
    return stats;
  };
  const StepStats kernels = run(Implementation::kBest), aten = run(Implementation::kAten);
  EXPECT_NEAR(kernels.cross_entropy, aten.cross_entropy, 1e-4);
  EXPECT_NEAR(kernels.grad_norm, aten.grad_norm, 1e-4);
  EXPECT_NEAR(kernels.balance_grad_norm, aten.balance_grad_norm, 1e-6);
}

}  // namespace
}  // namespace ballast::trainer
