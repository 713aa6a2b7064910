#include "evaluator/replies.h"

#include <gtest/gtest.h>

#include <limits>

#include "common/error.h"

namespace ballast::evaluator {
namespace {

TrainResult fine_result() {
  TrainResult r;
  r.attempt = 3;
  r.outcome = Outcome::kOk;
  r.metrics.scalars["tokens"] = 5;
  r.metrics.arrays["curve"] = {1, 2};
  r.weights.infos = {{"layers.0.w", "float32", {4, 4}}, {"bias", "float32", {4}}};
  return r;
}

constexpr int64_t kMost = 1000;

std::string why(const TrainResult& result, int64_t attempt = 3, int64_t most = kMost) {
  try {
    read_train_result(to_json(result), attempt, most);
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(Replies, AcceptsWhatATrainerSays) { EXPECT_EQ(why(fine_result()), "accepted"); }

TEST(Replies, RefusesOtherAttempts) {
  EXPECT_EQ(why(fine_result(), 4), "a reply to attempt 3, while 4 is running");
  EXPECT_THROW(read_progress(to_json(Progress{1, 0, 0, 0}), 2), Error);
}

TEST(Replies, RefusesOutcomesThatOnlyTheOutsideKnows) {
  for (const Outcome outcome :
       {Outcome::kTimeout, Outcome::kSandboxViolation, Outcome::kCancelled}) {
    TrainResult r = fine_result();
    r.weights = {};
    r.outcome = outcome;
    EXPECT_NE(why(r).find("claims the outcome"), std::string::npos);
  }
}

TEST(Replies, RefusesTooManyWeights) {
  EXPECT_EQ(why(fine_result(), 3, 80), "accepted");
  EXPECT_EQ(why(fine_result(), 3, 79), "80 bytes of weights for a model that has less than 79");
}

TEST(Replies, RefusesWeightsOfFailures) {
  TrainResult r = fine_result();
  r.outcome = Outcome::kDiverged;
  EXPECT_EQ(why(r), "weights of a training that failed");
}

TEST(Replies, RefusesTwoTensorsOfOneName) {
  TrainResult r = fine_result();
  r.weights.infos[1].name = r.weights.infos[0].name;
  EXPECT_EQ(why(r), "two tensors named layers.0.w");
}

TEST(Replies, RefusesNamesThatAreNone) {
  for (const char* name : {"", "a b", "a\nb", "a\x1b[31m", "a'b", "\xc3\xa9"}) {
    TrainResult r = fine_result();
    r.metrics.scalars[name] = 1;
    EXPECT_TRUE(why(r).starts_with("the name ")) << name;
  }
}

TEST(Replies, RefusesMasses) {
  TrainResult r = fine_result();
  r.metrics.arrays["curve"].assign(300'000, 0);
  EXPECT_EQ(why(r), "metrics with 300000 numbers");
}

TEST(Replies, RefusesDeepNestingBeforeParsing) {
  const std::string deep = R"({"v":1,"kind":"progress","attempt":)" + std::string(1 << 21, '[');
  EXPECT_THROW(reply_kind(deep), Error);
  EXPECT_EQ(reply_kind(R"({"kind":"progress","x":"[[[[[[[[[[[[[[[[[[[[[[[\"[[["})"), "progress");
}

TEST(Replies, RefusesLongJson) {
  EXPECT_THROW(reply_kind("{\"kind\":\"" + std::string(kMostReplyBytes, 'a') + "\"}"), Error);
}

TEST(Replies, RefusesProbesWithUselessNumbers) {
  ProbeResult r;
  r.attempt = 1;
  r.outcome = Outcome::kOk;
  r.fingerprint = {1, 0};
  EXPECT_NO_THROW(read_probe_result(to_json(r), 1));
  for (const double unit : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(),
                            std::numeric_limits<double>::infinity()}) {
    ProbeResult bad = r;
    bad.unit = unit;
    EXPECT_THROW(read_probe_result(to_json(bad), 1), Error) << unit;
  }
  r.fingerprint[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(read_probe_result(to_json(r), 1), Error);
}

TEST(Replies, RefusesVectorsThatNobodyCanCompare) {
  EmbedResult r;
  r.attempt = 1;
  r.outcome = Outcome::kOk;
  r.vectors = {{1, 0}, {0.6f, 0.8f}};
  EXPECT_NO_THROW(read_embed_result(to_json(r), 1, 2));
  EXPECT_THROW(read_embed_result(to_json(r), 1, 3), Error);
  EXPECT_THROW(read_embed_result(to_json(r), 2, 2), Error);
  EXPECT_TRUE(answers_before(to_json(r), 2));
  for (const std::vector<float>& bad : std::vector<std::vector<float>>{
           {}, {1}, {0, 0}, {std::numeric_limits<float>::quiet_NaN(), 1}}) {
    EmbedResult spoiled = r;
    spoiled.vectors[1] = bad;
    EXPECT_THROW(read_embed_result(to_json(spoiled), 1, 2), Error);
  }
  r.outcome = Outcome::kInfra;  // no vectors of a job that failed
  EXPECT_THROW(read_embed_result(to_json(r), 1, 2), Error);
  r.vectors.clear();
  EXPECT_NO_THROW(read_embed_result(to_json(r), 1, 2));
}

TEST(Replies, KnowsAnswersToEarlierProbes) {
  ProbeResult r;
  r.attempt = 4;
  EXPECT_TRUE(answers_before(to_json(r), 5));
  EXPECT_FALSE(answers_before(to_json(r), 4));
  EXPECT_FALSE(answers_before(to_json(Progress{1, 0, 0, 0}), 5));
}

TEST(Replies, MakesMessagesOneLine) {
  TrainResult r = fine_result();
  r.outcome = Outcome::kDiverged;
  r.weights = {};
  r.message = "first\n\x1b[31msecond\t" + std::string(5000, 'x');
  const std::string message = read_train_result(to_json(r), 3, kMost).message;
  EXPECT_TRUE(message.starts_with("first [31msecond xxx"));
  EXPECT_LT(message.size(), 1100u);
}

TEST(OneLine, CutsBetweenCharacters) {
  EXPECT_EQ(one_line("abc", 3), "abc");
  EXPECT_EQ(one_line("ab\xc3\xa9", 3), "ab...");
  EXPECT_EQ(one_line("  a\r\n\r\nb\n"), "  a b");
}

TEST(MostWeightBytes, LeavesRoomForRealModels) {
  const ModelSpec tiny = preset("tiny").model;
  // embedding and head, attention, router, experts of the preset, by hand
  const int64_t parameters = 2 * 256 * 64 + 3 * (4 * 64 * 64 + 64 * 16 + 16 * 3 * 64 * 64);
  EXPECT_GT(most_weight_bytes(tiny), 4 * parameters);
  EXPECT_LT(most_weight_bytes(tiny), 20 * parameters);
  EXPECT_GT(most_weight_bytes(preset("large").model), most_weight_bytes(preset("small").model));
}

}  // namespace
}  // namespace ballast::evaluator
