#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <thread>

#include "tests/fakes/fake_sandbox.h"
#include "tests/fakes/manual_clock.h"

namespace ballast::fakes {
namespace {

TrainJob job_of(BalancerRef balancer, double coefficient = 1, uint64_t seed = 1) {
  TrainJob job;
  job.attempt = 7;
  job.spec = preset("tiny");
  job.data = {"/data", "train", {"c", "man"}};
  job.balancer = std::move(balancer);
  job.coefficient = coefficient;
  job.seed = seed;
  job.tokens = 150'000;
  return job;
}

std::string source_with(double constant) {
  return "def balance_loss(r):\n    return " + std::to_string(constant) + " * r.load.sum()\n";
}

double objective(const Measured& m) {
  return m.cross_entropy + 0.1 * std::max(0.0, m.max_vio - 0.3);
}

TEST(FakeSandbox, GivesTheSameNumbersForTheSameJob) {
  FakeSandbox a, b;
  const TrainJob job = job_of({"", source_with(0.5)});
  const TrainResult x = a.train(job, {}, nullptr, {}), y = b.train(job, {}, nullptr, {});
  EXPECT_EQ(x.outcome, Outcome::kOk);
  EXPECT_EQ(x.attempt, 7);
  EXPECT_EQ(x.metrics, y.metrics);
  EXPECT_EQ(x.weights.bytes, y.weights.bytes);
}

TEST(FakeSandbox, RewardsConstantsNearTheBest) {
  EXPECT_NEAR(constants_of(source_with(kBestConstant)), 0, 1e-9);
  EXPECT_LT(constants_of(source_with(0.5)), constants_of(source_with(2)));
  EXPECT_LT(constants_of(source_with(2)), constants_of(source_with(20)));
  EXPECT_LT(measure(job_of({"", source_with(0.4)}), 0).cross_entropy,
            measure(job_of({"", source_with(4)}), 0).cross_entropy);
}

TEST(FakeSandbox, SeesStructureButNotNumbersNamesOrSpaceInIt) {
  EXPECT_EQ(structure_of("a = 1.5e-3 * b"), structure_of("a=2*b"));
  EXPECT_NE(structure_of("a = 2 * b"), structure_of("a = 2 + b"));
  EXPECT_NE(structure_of("x = log2(b)"), structure_of("x = log3(b)"));
}

TEST(FakeSandbox, HasACoefficientThatIsBest) {
  const BalancerRef b{"global_lbl", ""};
  const double low = objective(measure(job_of(b, 0.05), 0));
  const double middle = objective(measure(job_of(b, 1), 0));
  const double high = objective(measure(job_of(b, 30), 0));
  EXPECT_LT(middle, low);
  EXPECT_LT(middle, high);
}

TEST(FakeSandbox, OrdersTheBuiltIns) {
  auto vio = [](const char* name) { return measure(job_of({name, ""}), 0).max_vio; };
  EXPECT_GT(vio("none"), 2.5);
  EXPECT_LT(vio("global_lbl"), 0.5);
  EXPECT_LT(defect_of({"global_lbl", ""}), defect_of({"micro_lbl", ""}));
}

TEST(FakeSandbox, PairsSeeds) {
  const BalancerRef a{"", source_with(0.4)}, b{"", source_with(4)};
  auto difference = [&](uint64_t seed) {
    return measure(job_of(a, 1, seed), 0.0015).cross_entropy -
           measure(job_of(b, 1, seed), 0.0015).cross_entropy;
  };
  double plain = 0, paired = 0;  // sums of squares
  const double mean = measure(job_of(a), 0).cross_entropy - measure(job_of(b), 0).cross_entropy;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    paired += std::pow(difference(seed) - mean, 2);
    plain += std::pow(measure(job_of(a, 1, seed), 0.0015).cross_entropy -
                          measure(job_of(b, 1, seed + 1000), 0.0015).cross_entropy - mean,
                      2);
  }
  EXPECT_LT(paired, plain / 10);
  EXPECT_GT(paired, 0);
}

TEST(FakeSandbox, ScoresWhatTheWeightsCarry) {
  FakeSandbox sandbox;
  const TrainJob job = job_of({"", source_with(0.5)});
  const TrainResult trained = sandbox.train(job, {}, nullptr, {});
  ScoreJob score;
  score.attempt = 8;
  score.spec = job.spec;
  score.data = {"/data", "select", {"c", "man"}};
  score.weights = trained.weights;
  const ScoreResult result = sandbox.score(score, {}, {});
  EXPECT_EQ(result.outcome, Outcome::kOk);
  EXPECT_EQ(result.attempt, 8);
  EXPECT_NEAR(result.metrics.scalars.at("cross_entropy"), measure(job, sandbox.noise).cross_entropy,
              1e-6);
  EXPECT_EQ(result.metrics.arrays.at("layer_load").size(), 3u * 16u);
  EXPECT_EQ(result.metrics.arrays.at("domain_cross_entropy").size(), 2u);
}

TEST(FakeSandbox, PlaysScriptedFailures) {
  FakeSandbox sandbox;
  sandbox.train_script = [n = 0](const TrainJob&) mutable -> std::optional<Reply> {
    if (n++ == 0) return Reply{0, Outcome::kInfra, "scripted"};
    return std::nullopt;
  };
  EXPECT_EQ(sandbox.train(job_of({"none", ""}), {}, nullptr, {}).outcome, Outcome::kInfra);
  EXPECT_EQ(sandbox.train(job_of({"none", ""}), {}, nullptr, {}).outcome, Outcome::kOk);
  EXPECT_EQ(sandbox.trains(), 2);
}

TEST(FakeSandbox, ProbesTexts) {
  FakeSandbox sandbox;
  EXPECT_EQ(sandbox.probe({1, "x = 1", ""}, {}).outcome, Outcome::kStaticReject);
  const ProbeResult a = sandbox.probe({1, source_with(0.5), ""}, {});
  const ProbeResult b = sandbox.probe({1, source_with(0.52), ""}, {});
  const ProbeResult c = sandbox.probe({1, "def balance_loss(r):\n  return r.probs.sum()", ""}, {});
  EXPECT_EQ(a.outcome, Outcome::kOk);
  EXPECT_TRUE(a.has_loss);
  EXPECT_FALSE(a.has_bias);
  EXPECT_GT(a.unit, 0);
  auto distance = [](const ProbeResult& x, const ProbeResult& y) {
    double sum = 0;
    for (size_t i = 0; i < x.fingerprint.size(); ++i) {
      const double d = x.fingerprint[i] - y.fingerprint[i];
      sum += d * d;
    }
    return std::sqrt(sum);
  };
  EXPECT_GT(distance(a, b), 0);
  EXPECT_LT(distance(a, b), 0.1);
  EXPECT_GT(distance(a, c), 0.3);
}

TEST(FakeSandbox, StopsWhileItWaits) {
  FakeSandbox sandbox;
  sandbox.latency = 3600;
  std::stop_source stop;
  Outcome outcome = Outcome::kOk;
  std::thread worker([&] {
    outcome = sandbox
                  .train(
                      job_of({"none", ""}), {}, [&](const Progress&) { stop.request_stop(); },
                      stop.get_token())
                  .outcome;
  });
  worker.join();
  EXPECT_EQ(outcome, Outcome::kCancelled);
}

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock;
  const double before = clock.monotonic();
  const int64_t wall = clock.wall_ns();
  clock.advance(1.5);
  EXPECT_DOUBLE_EQ(clock.monotonic() - before, 1.5);
  EXPECT_EQ(clock.wall_ns() - wall, 1'500'000'000);
  clock.jump_wall(-3600);
  EXPECT_DOUBLE_EQ(clock.monotonic() - before, 1.5);
  EXPECT_LT(clock.wall_ns(), wall);
}

}  // namespace
}  // namespace ballast::fakes
