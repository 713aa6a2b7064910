#include "evaluator/evaluator.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <set>
#include <thread>

#include "common/error.h"
#include "tests/evaluator/leftovers.h"
#include "tests/fakes/fake_sandbox.h"
#include "tests/fakes/manual_clock.h"

namespace ballast::evaluator {
namespace {

EvaluatorConfig config_with(int workers) {
  EvaluatorConfig config;
  config.spec = preset("tiny");
  config.data_folder = "/corpus";
  config.domains = {"code", "prose"};
  config.workers = workers;
  return config;
}

EvaluationRequest request(
    int64_t id, const std::string& source = "def balance_loss(r):\n  return r.load.sum()") {
  EvaluationRequest r;
  r.id = id;
  r.attempt = 10 + id;
  r.balancer.source = source;
  r.tokens = 150'000;
  return r;
}

constexpr double kLong = 100;  // seconds that a failing test waits

class EvaluatorTest : public testing::Test {
 protected:
  fakes::FakeSandbox sandbox_;
  fakes::ManualClock clock_;
};

TEST_F(EvaluatorTest, JoinsTheMetricsOfTrainingAndScore) {
  Evaluator evaluator(config_with(1), sandbox_, clock_);
  evaluator.submit(request(1));
  EXPECT_EQ(evaluator.pending(), 1);
  const std::optional<EvaluationResult> result = evaluator.wait(kLong);
  ASSERT_TRUE(result);
  EXPECT_EQ(evaluator.pending(), 0);
  EXPECT_EQ(result->id, 1);
  EXPECT_EQ(result->attempt, 11);
  EXPECT_EQ(result->outcome, Outcome::kOk);
  EXPECT_EQ(result->sandbox_level, "L3");
  EXPECT_TRUE(result->metrics.scalars.contains("cross_entropy"));
  EXPECT_TRUE(result->metrics.scalars.contains("train_cross_entropy"));
  EXPECT_TRUE(result->metrics.arrays.contains("layer_load"));
  EXPECT_TRUE(result->metrics.arrays.contains("train_curve_tokens"));
}

TEST_F(EvaluatorTest, IsWokenOnceAndNotByALook) {
  Evaluator evaluator(config_with(1), sandbox_, clock_);
  evaluator.wake();
  EXPECT_FALSE(evaluator.wait(0));
  EXPECT_FALSE(evaluator.wait(kLong));  // at once, or this test takes long
  std::thread waker([&] { evaluator.wake(); });
  EXPECT_FALSE(evaluator.wait(kLong));
  waker.join();
}

TEST_F(EvaluatorTest, AsksForTheRightData) {
  std::atomic<bool> right = false;
  sandbox_.score_script = [&](const ScoreJob& job) {
    right = job.data.split == "select" && job.data.folder == "/corpus" && job.tokens == 65536;
    return std::nullopt;
  };
  Evaluator evaluator(config_with(1), sandbox_, clock_);
  evaluator.submit(request(1));
  ASSERT_TRUE(evaluator.wait(kLong));
  EXPECT_TRUE(right);
  const TrainJob job = sandbox_.trained().at(0);
  EXPECT_EQ(job.data.split, "train");
  EXPECT_EQ(job.data.domains.size(), 2u);
}

TEST_F(EvaluatorTest, KeepsItsWorkersBusyAndNoMore) {
  sandbox_.latency = 0.02;
  Evaluator evaluator(config_with(3), sandbox_, clock_);
  std::set<int64_t> ids;
  for (int64_t i = 0; i < 12; ++i) evaluator.submit(request(i));
  for (int i = 0; i < 12; ++i) {
    const std::optional<EvaluationResult> result = evaluator.wait(kLong);
    ASSERT_TRUE(result);
    ids.insert(result->id);
  }
  EXPECT_EQ(ids.size(), 12u);
  EXPECT_EQ(sandbox_.most_at_once(), 3);
  EXPECT_EQ(evaluator.wait(0), std::nullopt);
}

TEST_F(EvaluatorTest, DoesNotScoreWhatFailedToTrain) {
  sandbox_.train_script = [](const TrainJob&) { return Reply{0, Outcome::kDiverged, "loss 1e9"}; };
  Evaluator evaluator(config_with(1), sandbox_, clock_);
  evaluator.submit(request(1));
  const std::optional<EvaluationResult> result = evaluator.wait(kLong);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->outcome, Outcome::kDiverged);
  EXPECT_EQ(result->message, "loss 1e9");
  EXPECT_TRUE(result->metrics.scalars.empty());
  EXPECT_EQ(sandbox_.scores(), 0);
}

TEST_F(EvaluatorTest, TriesThreeTimesWhenTheMachineIsToBlame) {
  sandbox_.train_script = [n = 0](const TrainJob&) mutable -> std::optional<Reply> {
    if (++n <= 2) return Reply{0, Outcome::kInfra, "killed from outside"};
    return std::nullopt;
  };
  Evaluator evaluator(config_with(1), sandbox_, clock_);
  evaluator.submit(request(1));
  EXPECT_EQ(evaluator.wait(kLong)->outcome, Outcome::kOk);
  EXPECT_EQ(sandbox_.trains(), 3);

  sandbox_.score_script = [](const ScoreJob&) {
    return Reply{0, Outcome::kInfra, "no more processes"};
  };
  evaluator.submit(request(2));
  const std::optional<EvaluationResult> result = evaluator.wait(kLong);
  EXPECT_EQ(result->outcome, Outcome::kInfra);
  EXPECT_EQ(result->message, "no more processes");
  EXPECT_EQ(sandbox_.trains(), 4);  // a training is not repeated for its score
  EXPECT_EQ(sandbox_.scores(), 4);
}

TEST_F(EvaluatorTest, DoesNotRepeatWhatTheCandidateIsToBlameFor) {
  sandbox_.train_script = [](const TrainJob&) { return Reply{0, Outcome::kTimeout, ""}; };
  Evaluator evaluator(config_with(1), sandbox_, clock_);
  evaluator.submit(request(1));
  EXPECT_EQ(evaluator.wait(kLong)->outcome, Outcome::kTimeout);
  EXPECT_EQ(sandbox_.trains(), 1);
}

// Changes the metrics that a fake score or training reports.
class Altering final : public Sandbox {
 public:
  explicit Altering(Sandbox& inner) : inner_(inner) {}
  std::function<void(Metrics&)> train_change = [](Metrics&) {}, score_change = [](Metrics&) {};
  TrainResult train(const TrainJob& job, const JobLimits& limits, const OnProgress& progress,
                    std::stop_token stop) override {
    TrainResult r = inner_.train(job, limits, progress, stop);
    train_change(r.metrics);
    return r;
  }
  ScoreResult score(const ScoreJob& job, const JobLimits& limits, std::stop_token stop) override {
    ScoreResult r = inner_.score(job, limits, stop);
    score_change(r.metrics);
    return r;
  }
  ProbeResult probe(const ProbeJob& job, const JobLimits& limits) override {
    return inner_.probe(job, limits);
  }
  std::string level() const override { return inner_.level(); }

 private:
  Sandbox& inner_;
};

TEST_F(EvaluatorTest, RefusesNumbersThatAreNone) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Altering altering(sandbox_);
    altering.score_change = [bad](Metrics& m) { m.arrays["layer_load"][1] = bad; };
    Evaluator evaluator(config_with(1), altering, clock_);
    evaluator.submit(request(1));
    const std::optional<EvaluationResult> result = evaluator.wait(kLong);
    EXPECT_EQ(result->outcome, Outcome::kNonfinite);
    EXPECT_EQ(result->message, "the metric layer_load is not finite");
    EXPECT_TRUE(result->metrics.scalars.empty());
  }
}

TEST_F(EvaluatorTest, DoesNotLetATrainingScoreItself) {
  Altering altering(sandbox_);
  altering.train_change = [](Metrics& m) { m.scalars["cross_entropy"] = 0; };
  Evaluator evaluator(config_with(1), altering, clock_);
  evaluator.submit(request(1));
  EXPECT_GT(evaluator.wait(kLong)->metrics.scalars.at("cross_entropy"), 1);
}

TEST_F(EvaluatorTest, ShowsWhatRuns) {
  sandbox_.latency = 3600;
  Evaluator evaluator(config_with(2), sandbox_, clock_);
  evaluator.submit(request(7));
  ASSERT_TRUE(soon([&] {
    const std::vector<Evaluator::Running> now = evaluator.now();
    return now.size() == 1 && now[0].progress.steps > 0;
  }));
  clock_.advance(5);
  EXPECT_EQ(evaluator.running(), 1);
  EXPECT_EQ(evaluator.workers(), 2);
  EXPECT_EQ(evaluator.now()[0].id, 7);
  EXPECT_DOUBLE_EQ(evaluator.now()[0].seconds, 5);
  EXPECT_EQ(evaluator.wait(0), std::nullopt);
}

TEST_F(EvaluatorTest, CancelsWhatRunsAndWhatWaits) {
  sandbox_.latency = 3600;
  Evaluator evaluator(config_with(1), sandbox_, clock_);
  for (int64_t i = 0; i < 3; ++i) evaluator.submit(request(i));
  ASSERT_TRUE(soon([&] { return evaluator.running() == 1; }));
  evaluator.cancel();
  std::set<int64_t> ids;
  for (int i = 0; i < 3; ++i) {
    const std::optional<EvaluationResult> result = evaluator.wait(kLong);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->outcome, Outcome::kCancelled);
    ids.insert(result->id);
  }
  EXPECT_EQ(ids, (std::set<int64_t>{0, 1, 2}));
  EXPECT_EQ(evaluator.pending(), 0);
  sandbox_.latency = 0;
  evaluator.submit(request(9));  // and goes on
  EXPECT_EQ(evaluator.wait(kLong)->outcome, Outcome::kOk);
}

TEST_F(EvaluatorTest, EndsWhileJobsRun) {
  sandbox_.latency = 3600;
  Evaluator evaluator(config_with(2), sandbox_, clock_);
  for (int64_t i = 0; i < 5; ++i) evaluator.submit(request(i));
  ASSERT_TRUE(soon([&] { return evaluator.running() == 2; }));
}

TEST_F(EvaluatorTest, PassesErrorsToWhoWaits) {
  sandbox_.train_script = [](const TrainJob&) -> std::optional<Reply> {
    throw Error("no trainer");
  };
  Evaluator evaluator(config_with(1), sandbox_, clock_);
  evaluator.submit(request(1));
  EXPECT_THROW(evaluator.wait(kLong), Error);
  EXPECT_EQ(evaluator.pending(), 0);
  EXPECT_EQ(evaluator.wait(0), std::nullopt);  // once
}

}  // namespace
}  // namespace ballast::evaluator
