// The surrogate, and strategies on it: from a record that was made with a known landscape.
#include "orchestrator/compare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "candidate/shipped.h"
#include "common/error.h"
#include "common/rng.h"
#include "tests/orchestrator/small_search.h"

namespace ballast::orchestrator {
namespace {

constexpr size_t kSize = 24;

std::vector<float> unit_vector(uint64_t seed) {
  Rng rng(seed, "unit vector");
  std::vector<double> x(kSize);
  double norm = 0;
  for (double& v : x) v = rng.normal(), norm += v * v;
  std::vector<float> out;
  for (const double v : x) out.push_back(static_cast<float>(v / std::sqrt(norm)));
  return out;
}

// A smooth function of the fingerprint: its first coordinate.
double truth(const std::vector<float>& x) { return 0.05 * static_cast<double>(x[0]); }

// `texts` texts with noise `sd` of one pair; half of them on rung 1 only.
population::Record synthetic_record(int texts, double sd) {
  population::Record record;
  record.run.emplace();
  record.run->reference = "builtin:global_lbl";
  record.run->objective = "cross_entropy";
  Rng rng(9, "synthetic record");
  const auto evaluation = [&](const std::string& identity, int rung, const char* purpose,
                              const std::string& coefficient, double objective) {
    population::EvaluationRow row;
    row.key = {identity, "spec", rung, 1, coefficient, "build", "cpu"};
    row.purpose = purpose;
    row.tokens = rung == 1 ? 100'000 : 400'000;
    row.outcome = Outcome::kOk;
    row.metrics.scalars["cross_entropy"] = objective;
    record.evaluations.push_back(row);
  };
  for (int i = 0; i < texts; ++i) {
    population::CandidateRow candidate;
    candidate.identity = std::string(63, 'a') + std::to_string(i);
    candidate.name = "text-" + std::to_string(i);
    candidate.source = "x";
    candidate.track = "loss";
    candidate.fingerprint = unit_vector(static_cast<uint64_t>(i));
    record.candidates.push_back(candidate);
    const double y = truth(candidate.fingerprint);
    for (int rung = 1; rung <= (i % 2 == 0 ? 2 : 1); ++rung) {
      const int64_t pairs = rung == 1 ? 1 : 4;
      const double own = rung == 1 ? 2 * sd : sd;  // a quarter of the tokens
      std::vector<double> differences;
      for (int64_t p = 0; p < pairs; ++p) differences.push_back(y + own * rng.normal());
      const evaluator::Summary summary = evaluator::summarise(differences);
      record.estimates.push_back(
          {candidate.identity, rung, "0.5", summary.pairs, summary.mean, summary.standard_error()});
    }
    for (const char* coefficient : {"0.25", "0.5", "1"}) {
      const double off = std::log(std::stod(coefficient) / 0.5);
      evaluation(candidate.identity, 1, "coefficient", coefficient, y + 0.003 * off * off);
    }
    evaluation(candidate.identity, 2, "estimate", "0.5", y);
  }
  return record;
}

TEST(Surrogate, FindsTheNoiseTheCurvatureAndPredictsWhatItHasNotSeen) {
  const Surrogate surrogate(synthetic_record(160, 0.004));
  const Surrogate::Fit& fit = surrogate.fit();
  EXPECT_EQ(fit.texts, 160);
  EXPECT_NEAR(fit.noise, 0.004, 0.0006);
  EXPECT_EQ(fit.noise_tokens, 400'000);
  EXPECT_NEAR(fit.curvature, 0.003, 1e-9);
  EXPECT_GT(fit.rank_correlation, 0.5);
  EXPECT_LT(fit.error, fit.spread);
  std::vector<double> predicted, true_ones;
  for (uint64_t i = 1000; i < 1200; ++i) {
    const std::vector<float> x = unit_vector(i);
    predicted.push_back(surrogate.predict(x, false).difference);
    true_ones.push_back(truth(x));
    EXPECT_NEAR(surrogate.predict(x, false).ln_coefficient, std::log(0.5), 1e-9);
  }
  EXPECT_GT(rank_correlation(predicted, true_ones), 0.6);
}

TEST(Surrogate, SaysThatItPredictsNothingWhereThereIsNothing) {
  population::Record record = synthetic_record(80, 0.004);
  Rng rng(5, "shuffled");
  for (population::EstimateRow& row : record.estimates) row.mean_difference = 0.01 * rng.normal();
  EXPECT_LT(Surrogate(record).fit().rank_correlation, 0.35);
}

TEST(Surrogate, MeasuresWithTheNoiseOfTheTokensAndTheCostOfAWrongCoefficient) {
  const Surrogate surrogate(synthetic_record(60, 0.004));
  const Surrogate::Prediction text{-0.01, std::log(0.5)};
  const auto sample = [&](double coefficient, int64_t tokens) {
    std::vector<double> out;
    for (uint64_t seed = 0; seed < 4000; ++seed)
      out.push_back(surrogate.measure(text, "a text", coefficient, tokens, seed));
    return evaluator::summarise(out);
  };
  const evaluator::Summary full = sample(0.5, 400'000), longer = sample(0.5, 1'600'000);
  EXPECT_NEAR(full.mean, -0.01, 0.0004);
  EXPECT_NEAR(std::sqrt(*full.variance), surrogate.fit().noise, 0.0003);
  EXPECT_NEAR(std::sqrt(*longer.variance), surrogate.fit().noise / 2, 0.0002);
  EXPECT_NEAR(sample(1.0, 400'000).mean - full.mean, 0.003 * std::log(2) * std::log(2), 0.0006);
  EXPECT_EQ(surrogate.measure(text, "a text", 0.5, 400'000, 7),
            surrogate.measure(text, "a text", 0.5, 400'000, 7));
}

TEST(Surrogate, LetsAHopelessTextNotDecideTheKernel) {
  population::Record record = synthetic_record(160, 0.004);
  const Surrogate::Fit before = Surrogate(record).fit();
  for (population::EstimateRow& row : record.estimates)
    if (row.identity == record.candidates[3].identity) row.mean_difference = 2;
  const Surrogate::Fit after = Surrogate(record).fit();
  EXPECT_LT(after.fence, 0.2);
  EXPECT_EQ(after.bandwidth, before.bandwidth);
  EXPECT_GT(after.rank_correlation, before.rank_correlation - 0.05);
}

TEST(Surrogate, RefusesARecordThatIsTooSmall) {
  for (const int texts : {0, 4}) {
    EXPECT_THROW(Surrogate(synthetic_record(texts, 0.004)), Error) << texts;
  }
}

TEST(RankCorrelation, IsSpearmans) {
  const std::vector<double> a{1, 2, 3, 4, 5}, same{10, 20, 30, 40, 1000}, tied{1, 1, 2, 2, 2};
  EXPECT_DOUBLE_EQ(rank_correlation(a, same), 1);
  EXPECT_DOUBLE_EQ(rank_correlation(a, std::vector<double>{5, 4, 3, 2, 1}), -1);
  EXPECT_NEAR(rank_correlation(a, tied), 0.8660254037844387, 1e-12);
  EXPECT_EQ(rank_correlation(a, std::vector<double>(5, 3.0)), 0);
}

// Probes by the fake: fingerprints of kSize numbers that edits of a text move.
class Probes final : public evaluator::Sandbox {
 public:
  ProbeResult probe(const ProbeJob& job, const evaluator::JobLimits& limits) override {
    ProbeResult result = fake_.probe(job, limits);
    if (result.outcome == Outcome::kOk)
      result.fingerprint = unit_vector(std::hash<std::string>()(job.source) % 100'000);
    return result;
  }
  TrainResult train(const TrainJob& job, const evaluator::JobLimits& limits,
                    const evaluator::OnProgress& progress, std::stop_token stop) override {
    return fake_.train(job, limits, progress, std::move(stop));
  }
  ScoreResult score(const ScoreJob& job, const evaluator::JobLimits& limits,
                    std::stop_token stop) override {
    return fake_.score(job, limits, std::move(stop));
  }
  std::string level() const override { return "L3"; }
  int trains() const { return fake_.trains(); }

 private:
  fakes::FakeSandbox fake_;
};

class Compare : public testing::Test {
 protected:
  Compare()
      : surrogate_(synthetic_record(60, 0.004)),
        config_(small_config(0)),
        memory_(surrogate_, probes_, config_.probe_limits),
        arena_{surrogate_,
               memory_,
               config_,
               {{"none", 0.1}, {"micro_lbl", 0.01}},
               30 * tokens_per_text(config_)} {
    config_.use_shipped = true;
  }

  Probes probes_;
  Surrogate surrogate_;
  SearchConfig config_;
  ProbeMemory memory_;
  Arena arena_;
};

TEST_F(Compare, EveryStrategySpendsTheSameAndNoMore) {
  for (const std::string_view name : strategy_names()) {
    const StrategyRun run = run_strategy(name, arena_, 1, {});
    EXPECT_LE(run.tokens, arena_.budget) << name;
    EXPECT_GT(run.tokens, arena_.budget - tokens_per_text(config_)) << name;
    EXPECT_GE(run.texts, 30) << name;
    EXPECT_NE(run.pick, "") << name;
    EXPECT_GE(run.truth, surrogate_.fit().best - 1e-12) << name;
    if (name != "full") {
      EXPECT_EQ(run.texts, 30) << name;
    }
  }
  EXPECT_EQ(probes_.trains(), 0) << "a real training was asked for";
}

TEST_F(Compare, IsAFunctionOfTheSeed) {
  for (const std::string_view name : strategy_names()) {
    const StrategyRun a = run_strategy(name, arena_, 3, {}), b = run_strategy(name, arena_, 3, {});
    EXPECT_EQ(a.truth, b.truth) << name;
    EXPECT_EQ(a.pick, b.pick) << name;
    EXPECT_EQ(a.proposals, b.proposals) << name;
    EXPECT_EQ(a.tokens, b.tokens) << name;
  }
  EXPECT_NE(run_strategy("random", arena_, 3, {}).truth,
            run_strategy("random", arena_, 4, {}).truth);
}

TEST_F(Compare, AMeanOverSeedsWithPairedDifferencesToTheFirst) {
  int last = -1;
  const auto results = compare_strategies({"random", "genetic"}, arena_, 5,
                                          [&](int done, int all) {
                                            EXPECT_LT(last, done);
                                            EXPECT_EQ(all, 10);
                                            last = done;
                                          },
                                          {});
  ASSERT_EQ(results.size(), 2u);
  double sum = 0, difference = 0;
  for (size_t i = 0; i < 5; ++i) {
    sum += results[1].runs[i].truth;
    difference += results[1].runs[i].truth - results[0].runs[i].truth;
  }
  EXPECT_NEAR(results[1].truth.mean, sum / 5, 1e-12);
  EXPECT_NEAR(results[1].against.mean, difference / 5, 1e-12);
  EXPECT_EQ(results[0].against.pairs, 0);
}

TEST_F(Compare, CountsOnlySeedsThatEveryStrategyFinished) {
  std::stop_source stop;
  const auto results = compare_strategies(
      {"random", "hillclimb"}, arena_, 5,
      [&](int done, int) {
        if (done == 3) stop.request_stop();
      },
      stop.get_token());
  EXPECT_EQ(results[0].runs.size(), 1u);
  EXPECT_EQ(results[1].runs.size(), 1u);
}

}  // namespace
}  // namespace ballast::orchestrator
