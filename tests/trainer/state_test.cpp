#include "trainer/state.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "candidate/parse.h"
#include "common/json.h"
#include "trainer/gradient.h"

namespace ballast::trainer {
namespace {

using testing::HasSubstr;

constexpr const char* kFull = R"({
  "logits": [[1, 0, -1], [0, 2, 0.5], [0, 0, 1], [3, 1, 2]], "gate": "sigmoid", "top_k": 2,
  "num_sequences": 2, "load_global": [0.5, 0.25, 0.25], "probs_global": [0.2, 0.3, 0.5],
  "load_ema": [0.1, 0.2, 0.7], "cost": [1.5, 0.5, 0], "is_null": [0, 0, 1],
  "device": [[1, 0], [0, 1], [0, 1]], "bias": [0.5, 0, 0], "progress": 0.25, "depth": 1})";
constexpr const char* kSmall = R"({"logits": [[1, 0, -1], [0, 2, 0.5]], "top_k": 1})";

candidate::Program program(const char* source) {
  const candidate::ParseResult parsed = candidate::parse(source);
  if (!parsed.program) throw std::runtime_error(to_string(*parsed.diagnostic));
  return *parsed.program;
}

// The state kFull with one key's value replaced; nullptr for "taken away".
std::string changed(const char* key, const char* value) {
  Json json = Json::parse(kFull);
  if (value)
    json[key] = Json::parse(value);
  else
    json.erase(key);
  return json.dump();
}

std::string error_of(const std::string& text) {
  try {
    parse_state(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(State, ErrorsNameTheKey) {
  EXPECT_EQ(error_of(kFull), "no error");
  EXPECT_THAT(error_of("{"), HasSubstr("state is not JSON"));
  EXPECT_THAT(error_of("[]"), HasSubstr("state: expected an object"));
  EXPECT_THAT(error_of(changed("logits", nullptr)), HasSubstr("\"logits\" is missing"));
  EXPECT_THAT(error_of(changed("top_k", nullptr)), HasSubstr("\"top_k\" is missing"));
  EXPECT_THAT(error_of(changed("logit", "[[1]]")), HasSubstr("unknown key \"logit\""));
  EXPECT_THAT(error_of(changed("logits", "[]")), HasSubstr("state.logits"));
  EXPECT_THAT(error_of(changed("logits", "[[1, 2, 3], [1, 2]]")), HasSubstr("state.logits[1]"));
  EXPECT_THAT(error_of(changed("logits", "[[1, \"nan\", 3]]")), HasSubstr("state.logits[0][1]"));
  EXPECT_THAT(error_of(R"({"logits": [[1, 1e999]], "top_k": 1})"), HasSubstr("state"));
  EXPECT_THAT(error_of(changed("gate", "\"tanh\"")), HasSubstr("state.gate"));
  EXPECT_THAT(error_of(changed("top_k", "4")), HasSubstr("state.top_k: 4 is not between 1 and 3"));
  EXPECT_THAT(error_of(changed("top_k", "1.5")), HasSubstr("state.top_k"));
  EXPECT_THAT(error_of(changed("num_sequences", "3")), HasSubstr("state.num_sequences: 3"));
  EXPECT_THAT(error_of(changed("load_global", "[1]")), HasSubstr("state.load_global: has 1"));
  EXPECT_THAT(error_of(changed("is_null", "[0, 0, 0.5]")), HasSubstr("state.is_null"));
  EXPECT_THAT(error_of(changed("device", "[[1, 0], [0, 1]]")), HasSubstr("state.device: has 2"));
  EXPECT_THAT(error_of(changed("device", "[[1, 0], [1, 1], [0, 1]]")),
              HasSubstr("state.device[1]"));
  EXPECT_THAT(error_of(changed("progress", "1.5")), HasSubstr("state.progress"));
  EXPECT_THAT(error_of(changed("depth", "\"x\"")), HasSubstr("state.depth"));
}

TEST(State, RecordFollowsTheRulesOfTheRouter) {
  const StateRecord s = make_state(parse_state(kFull));
  const Record& r = s.record;
  EXPECT_TRUE(r.logits.requires_grad() && r.logits.is_leaf());
  EXPECT_NEAR(r.scores[0][0].item<double>(), 1 / (1 + std::exp(-1.0)), 1e-15);
  EXPECT_TRUE(at::allclose(r.probs, r.scores / r.scores.sum(1, true)));
  // Scores of the last token are .953, .731, .881: the bias of expert 0 decides nothing there, but
  // in the second token (.5, .881, .622) it lifts expert 0 to 1.
  EXPECT_TRUE(at::equal(
      r.chosen, at::tensor({1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 1}, at::kDouble).view({4, 3})));
  EXPECT_TRUE(at::allclose(r.load, at::tensor({0.5, 0.25, 0.25}, at::kDouble)));
  EXPECT_TRUE(at::allclose(r.load_global, at::tensor({0.5, 0.25, 0.25}, at::kDouble)));
  EXPECT_TRUE(at::allclose(r.load_ema, at::tensor({0.1, 0.2, 0.7}, at::kDouble)));
  EXPECT_TRUE(at::allclose(r.cost, at::tensor({1.5, 0.5, 0.0}, at::kDouble)));
  EXPECT_TRUE(at::allclose(r.is_null, at::tensor({0, 0, 1}, at::kDouble)));
  EXPECT_EQ(r.device.size(1), 2);
  EXPECT_TRUE(at::allclose(s.bias, at::tensor({0.5, 0.0, 0.0}, at::kDouble)));
  EXPECT_EQ(r.progress, 0.25);
  EXPECT_EQ(r.depth, 1);
  const candidate::Bindings b = r.bindings();
  using candidate::Symbol;
  EXPECT_EQ(b[Symbol::kT], 4);
  EXPECT_EQ(b[Symbol::kS], 2);
  EXPECT_EQ(b[Symbol::kE], 3);
  EXPECT_EQ(b[Symbol::kK], 2);
  EXPECT_EQ(b[Symbol::kG], 2);
}

TEST(State, WindowProbsHaveTheGradientOfTheMean) {
  const Record r = make_state(parse_state(kFull)).record;
  EXPECT_TRUE(at::allclose(r.probs_global, at::tensor({0.2, 0.3, 0.5}, at::kDouble)));
  const at::Tensor weights = at::tensor({1.0, 2.0, 4.0}, at::kDouble);
  EXPECT_TRUE(at::allclose(gradient((r.probs_global * weights).sum(), r.logits),
                           gradient((r.probs.mean(0) * weights).sum(), r.logits)));
}

TEST(State, MissingFieldsAreNeutral) {
  const StateRecord s = make_state(parse_state(kSmall));
  const Record& r = s.record;
  EXPECT_TRUE(at::allclose(r.scores, r.logits.softmax(1)));
  EXPECT_TRUE(at::equal(r.probs, r.scores));
  EXPECT_TRUE(at::equal(r.load, at::tensor({0.5, 0.5, 0.0}, at::kDouble)));
  EXPECT_TRUE(at::equal(r.load_global, r.load));
  EXPECT_TRUE(at::equal(r.load_ema, r.load));
  EXPECT_TRUE(at::equal(r.probs_global, r.probs.mean(0)));
  EXPECT_TRUE(r.probs_global.requires_grad());
  EXPECT_TRUE(at::equal(r.cost, at::ones({3}, at::kDouble)));
  EXPECT_TRUE(at::equal(r.is_null, at::zeros({3}, at::kDouble)));
  EXPECT_TRUE(at::equal(r.device, at::ones({3, 1}, at::kDouble)));
  EXPECT_TRUE(at::equal(s.bias, at::zeros({3}, at::kDouble)));
  EXPECT_EQ(r.num_sequences, 1);
  EXPECT_EQ(r.progress, 0);
  EXPECT_EQ(r.depth, 0);
}

TEST(State, EqualScoresFallInTheOrderOfTheirExperts) {
  const Record r =
      make_state(parse_state(R"({"logits": [[0, 0, 0, 0], [0, 1, 0, 0]], "top_k": 2})")).record;
  EXPECT_TRUE(at::equal(r.chosen, at::tensor({1, 1, 0, 0, 1, 1, 0, 0}, at::kDouble).view({2, 4})));
}

// Global-batch LBL by hand: E * sum_e f_e P_e with f = (1/2, 1/4, 1/4), P of two tokens.
TEST(State, AnswerHoldsValueGradientAndBias) {
  const State state = parse_state(
      R"({"logits": [[0, 0], [0, 1.0986122886681098]], "top_k": 1, "load_global": [0.75, 0.25],
          "bias": [0.5, -0.5]})");  // softmax: (1/2, 1/2) and (1/4, 3/4)
  const Answer answer = answer_at(program("def balance_loss(r):\n"
                                          "    return r.num_experts * (r.load_global * "
                                          "r.probs.mean(0)).sum()\n"
                                          "def selection_bias(r, bias):\n"
                                          "    return bias * 2 + r.progress\n"),
                                  state);
  EXPECT_TRUE(answer.finite);
  const Json json = Json::parse(answer.json);
  EXPECT_EQ(json.size(), 3U);
  EXPECT_NEAR(json.at("value").get<double>(), 2 * (0.75 * 0.375 + 0.25 * 0.625), 1e-15);
  // dL/dl_te = (E/T) p_te (f_e - sum_j f_j p_tj)
  const double first = 0.5 * (0.75 - 0.5), second = 0.25 * (0.75 - 0.375);
  const Json& grad = json.at("grad_logits");
  ASSERT_EQ(grad.size(), 2U);
  EXPECT_NEAR(grad[0][0].get<double>(), first, 1e-15);
  EXPECT_NEAR(grad[0][1].get<double>(), -first, 1e-15);
  EXPECT_NEAR(grad[1][0].get<double>(), second, 1e-15);
  EXPECT_NEAR(grad[1][1].get<double>(), -second, 1e-15);
  EXPECT_EQ(json.at("bias"), Json::parse("[1, -1]"));
}

TEST(State, AnswerPrintsSeventeenDigits) {
  const Answer answer = answer_at(program("def balance_loss(r):\n    return r.probs.sum() / 3\n"),
                                  parse_state(R"({"logits": [[0, 0]], "top_k": 1})"));
  EXPECT_THAT(answer.json, HasSubstr("\"value\":0.33333333333333331,"));
  EXPECT_THAT(answer.json, HasSubstr("\"bias\":null"));
}

TEST(State, ProgramWithoutLossAddsNothing) {
  const Answer answer = answer_at(
      program("def selection_bias(r, bias):\n    return bias + r.load\n"), parse_state(kSmall));
  EXPECT_EQ(answer.json, "{\"value\":0,\"grad_logits\":[[0,0,0],[0,0,0]],\"bias\":[0.5,0.5,0]}");
}

TEST(State, AnswerThatIsNotFiniteSaysSo) {
  const State state = parse_state(kSmall);  // expert 2 has no load
  EXPECT_FALSE(
      answer_at(program("def balance_loss(r):\n    return r.load.log().sum()\n"), state).finite);
  // The value is finite, its gradient is not.
  EXPECT_FALSE(
      answer_at(program("def balance_loss(r):\n    return (r.probs * r.load).sqrt().sum()\n"),
                state)
          .finite);
  EXPECT_FALSE(
      answer_at(program("def selection_bias(r, bias):\n    return bias / bias\n"), state).finite);
}

}  // namespace
}  // namespace ballast::trainer
