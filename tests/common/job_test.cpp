#include "common/job.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/error.h"

namespace ballast {
namespace {

TrainJob train_job() {
  TrainJob job;
  job.attempt = 3;
  job.spec = preset("tiny");
  job.data = {"/data", "train", {"a", "b"}};
  job.balancer.source = "def balance_loss(r):\n    return r.load.sum()\n";
  job.coefficient = 0.1;
  job.seed = UINT64_MAX;
  job.tokens = 1024;
  job.progress_tokens = 2048;
  return job;
}

TEST(Job, ATrainJobSurvivesTheRoundTrip) {
  const TrainJob job = train_job();
  const TrainJob back = parse_train_job(to_json(job));
  EXPECT_EQ(to_json(back), to_json(job));
  EXPECT_EQ(back.spec, job.spec);
  EXPECT_EQ(back.seed, UINT64_MAX);
  EXPECT_EQ(back.balancer.source, job.balancer.source);
}

TEST(Job, MetricsKeepNonFiniteNumbers) {
  Metrics m;
  m.scalars = {{"a", std::numeric_limits<double>::quiet_NaN()}, {"b", 0.1}};
  m.arrays = {{"c", {1, -std::numeric_limits<double>::infinity()}}};
  const Metrics back = parse_metrics(to_json(m));
  EXPECT_TRUE(std::isnan(back.scalars.at("a")));
  EXPECT_EQ(back.scalars.at("b"), 0.1);
  EXPECT_EQ(back.arrays, m.arrays);
}

TEST(Job, EmbeddingsSurviveTheRoundTrip) {
  const EmbedJob job{.attempt = 4, .folder = "/data", .texts = {"a\n\"b\"", "", "λ"}};
  const EmbedJob back = parse_embed_job(to_json(job));
  EXPECT_EQ(back.attempt, 4);
  EXPECT_EQ(back.folder, job.folder);
  EXPECT_EQ(back.texts, job.texts);
  EXPECT_EQ(kind_of(to_json(job)), "embed");
  EmbedResult result;
  result.outcome = Outcome::kOk;
  result.vectors = {{0.1f, -1e-30f}, {1.0f / 3, 16777217.0f}};
  EXPECT_EQ(parse_embed_result(to_json(result)).vectors, result.vectors);  // the same bits
  EXPECT_THROW(parse_embed_result(to_json(job)), Error);
  std::string ill = to_json(result);
  ill.replace(ill.find("[["), 2, "[1,[");
  EXPECT_THROW(parse_embed_result(ill), Error);
}

TEST(Job, UnknownMissingAndIllTypedKeysAreErrors) {
  const std::string good = to_json(train_job());
  std::string unknown = good;
  unknown.insert(1, "\"extra\":1,");
  EXPECT_THROW(parse_train_job(unknown), Error);
  std::string ill = good;
  ill.replace(ill.find("\"tokens\":1024"), 13, "\"tokens\":\"x\"");
  EXPECT_THROW(parse_train_job(ill), Error);
  EXPECT_THROW(parse_train_job("{\"v\":1,\"kind\":\"train\",\"attempt\":1}"), Error);
  EXPECT_THROW(parse_train_job("[]"), Error);
  EXPECT_THROW(parse_score_job(good), Error);  // another kind
}

TEST(Job, TensorsOfImpossibleSizeAreRefusedBeforeAnybodyAllocates) {
  TrainResult r;
  r.weights.infos = {{"w", "float32", {int64_t{1} << 40, int64_t{1} << 40}}};
  EXPECT_THROW(parse_train_result(to_json(r)), Error);
  r.weights.infos = {{"w", "float32", {-1}}};
  EXPECT_THROW(parse_train_result(to_json(r)), Error);
  r.weights.infos = {{"w", "float16", {1}}};
  EXPECT_THROW(parse_train_result(to_json(r)), Error);
}

TEST(Job, AMessageThatIsNotUtf8StillTravels) {
  ScoreResult r;
  r.outcome = Outcome::kCrash;
  r.message = "bad \xff byte";
  const ScoreResult back = parse_score_result(to_json(r));
  EXPECT_EQ(back.outcome, Outcome::kCrash);
}

TEST(Outcome, EveryNameParsesBack) {
  for (int i = 0; i <= static_cast<int>(Outcome::kCancelled); ++i) {
    const auto outcome = static_cast<Outcome>(i);
    EXPECT_EQ(parse_outcome(to_string(outcome)), outcome);
  }
  EXPECT_EQ(parse_outcome("ok"), std::nullopt);
}

TEST(Spec, HashChangesWithAnyField) {
  const TrainSpec spec = preset("tiny");
  TrainSpec other = spec;
  other.schedule.warmup += 0.01;
  EXPECT_NE(spec_hash(spec), spec_hash(other));
  other = spec;
  other.data_hash = "x";
  EXPECT_NE(spec_hash(spec), spec_hash(other));
  EXPECT_EQ(train_spec_from_json(to_json(spec)), spec);
}

TEST(Spec, AnUnknownPresetNamesTheKnownOnes) {
  try {
    preset("huge");
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("tiny, small, base, large"), std::string::npos);
    EXPECT_EQ(e.code(), ExitCode::kUsage);
  }
}

}  // namespace
}  // namespace ballast
