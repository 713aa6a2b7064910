#include "trainer/probe.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "candidate/shipped.h"
#include "common/error.h"
#include "trainer/contract.h"
#include "trainer/draw.h"
#include "trainer/fingerprint.h"

namespace ballast::trainer {
namespace {

using testing::HasSubstr;

constexpr const char* kGlobalLbl =
    "def balance_loss(r):\n"
    "    return r.num_experts * (r.load_global * r.probs.mean(0)).sum()\n";

class Probe : public testing::Test {
 protected:
  static void SetUpTestSuite() { prober_ = new Prober; }
  static void TearDownTestSuite() {
    delete prober_;
    prober_ = nullptr;
  }
  static ProbeResult probe(const std::string& source) {
    return prober_->run({.attempt = 5, .source = source, .state = ""});
  }
  // Of `return EXPRESSION` as the loss.
  static ProbeResult loss(const std::string& expression) {
    return probe("def balance_loss(r):\n    return " + expression + "\n");
  }
  static ProbeResult bias(const std::string& expression) {
    return probe("def selection_bias(r, bias):\n    return " + expression + "\n");
  }
  static const Prober* prober_;
};
const Prober* Probe::prober_ = nullptr;

void expect_violation(const ProbeResult& result, const char* check) {
  EXPECT_EQ(result.outcome, Outcome::kContractViolation);
  EXPECT_THAT(result.message, testing::StartsWith(std::string(check) + ":"));
  EXPECT_EQ(result.message.find('\n'), std::string::npos);
  EXPECT_TRUE(result.fingerprint.empty());
}

void expect_ok(const ProbeResult& result) {
  EXPECT_EQ(result.outcome, Outcome::kOk) << result.message;
  EXPECT_EQ(result.message, "");
}

double distance(const ProbeResult& a, const ProbeResult& b) {
  if (a.fingerprint.size() != b.fingerprint.size() || a.fingerprint.empty()) return INFINITY;
  double squares = 0;
  for (size_t i = 0; i < a.fingerprint.size(); ++i)
    squares += std::pow(a.fingerprint[i] - b.fingerprint[i], 2);
  return std::sqrt(squares);
}

TEST_F(Probe, AcceptsGlobalBatchLbl) {
  const ProbeResult result = probe(kGlobalLbl);
  expect_ok(result);
  EXPECT_EQ(result.attempt, 5);
  EXPECT_TRUE(result.has_loss);
  EXPECT_FALSE(result.has_bias);
  EXPECT_FALSE(result.order_dependent);
  EXPECT_NEAR(result.unit, 1, 1e-12);
  EXPECT_EQ(result.fingerprint.size(), kFingerprintSize);
}

TEST_F(Probe, AcceptsEveryShippedText) {
  ASSERT_GE(candidate::shipped().size(), 10U);
  for (const candidate::ShippedRow& row : candidate::shipped()) {
    const ProbeResult result = probe(std::string(row.text));
    EXPECT_EQ(result.outcome, Outcome::kOk) << row.name << ": " << result.message;
    EXPECT_EQ(result.fingerprint.size(), kFingerprintSize) << row.name;
    EXPECT_FALSE(result.order_dependent) << row.name;
  }
}

TEST_F(Probe, TextThatDoesNotParseIsAStaticReject) {
  const ProbeResult result = probe("def balance_loss(r):\n    return r.probs.mean(0)\n");
  EXPECT_EQ(result.outcome, Outcome::kStaticReject);
  EXPECT_THAT(result.message, HasSubstr("(E,)"));
}

TEST_F(Probe, TooExpensiveTextIsAStaticReject) {
  const ProbeResult result = loss(
      "(r.probs.unsqueeze(0) * "
      "r.probs.unsqueeze(1)).exp().log().exp().log().exp().log().exp().sum()");
  EXPECT_EQ(result.outcome, Outcome::kStaticReject);
  EXPECT_THAT(result.message, HasSubstr("FLOPs"));
}

TEST_F(Probe, NonFiniteValuesAndGradientsAreViolations) {
  expect_violation(loss("(r.load_global * (r.load_global / r.probs.mean(0)).log()).sum()"),
                   "finiteness");  // 0 log 0
  expect_violation(loss("(r.probs.mean(0) * r.load_global).sqrt().sum()"),
                   "finiteness");                                                  // gradient
  expect_violation(loss("(r.logits.square() * 0.5).exp().mean()"), "finiteness");  // float32 only
  expect_violation(bias("bias / bias.sum() * (r.load.log() + 100)"), "finiteness");
  EXPECT_THAT(loss("(r.logits.square() * 0.5).exp().mean()").message, HasSubstr("float32"));
}

TEST_F(Probe, LossWithoutRouterGradientIsAViolation) {
  expect_violation(loss("(r.load * r.load).sum()"), "effect");
  expect_violation(loss("0.5"), "effect");
  // Constant but for rounding, whose size must not matter.
  expect_violation(loss("r.probs.sum()"), "effect");
  expect_violation(loss("(r.probs.sum(1) * 1000000.0).mean()"), "effect");
  expect_ok(loss("r.probs.square().mean() * 1e-12"));
}

TEST_F(Probe, LossWithoutGradientMayStandBesideABias) {
  expect_ok(
      probe("def balance_loss(r):\n    return (r.load * r.load).sum()\n"
            "def selection_bias(r, bias):\n    return bias - 0.1 * (r.load - r.load.mean())\n"));
}

TEST_F(Probe, DependenceOnExpertNumbersIsAViolation) {
  expect_violation(loss("r.probs[:, 0].mean()"), "expert symmetry");
  expect_violation(loss("(r.probs.mean(0) * torch.arange(r.num_experts)).sum()"),
                   "expert symmetry");
  // In the gradient only.
  expect_violation(loss("r.probs.square().mean() + ((r.probs - r.probs.detach()) * "
                        "torch.arange(r.num_experts)).sum()"),
                   "expert symmetry");
  // By 2e-4 of the value; the bound is 1e-4.
  expect_violation(loss("r.probs.square().mean() * (1 + 1e-3 * r.load[0])"), "expert symmetry");
  expect_ok(loss("r.probs.square().mean() * (1 + 1e-5 * r.load[0])"));
  expect_ok(loss("r.probs.mean(0).sort().values[0]"));
}

TEST_F(Probe, DependenceOnTheOrderOfSequencesIsAViolation) {
  const ProbeResult first =
      loss("r.probs.view(r.num_sequences, -1, r.num_experts)[0].square().mean()");
  expect_violation(first, "sequence symmetry");
  EXPECT_THAT(first.message, HasSubstr("S=4"));
  expect_violation(loss("(r.probs[0] * r.load).sum()"), "sequence symmetry");
}

TEST_F(Probe, DependenceOnTheOrderOfTokensIsStored) {
  const ProbeResult neighbours = loss(
      "(r.probs.view(r.num_sequences, -1, r.num_experts)[:, 1:] - "
      "r.probs.view(r.num_sequences, -1, r.num_experts)[:, :-1]).square().mean()");
  expect_ok(neighbours);
  EXPECT_TRUE(neighbours.order_dependent);
  const ProbeResult per_sequence =
      loss("r.probs.view(r.num_sequences, -1, r.num_experts).mean(1).square().sum()");
  expect_ok(per_sequence);
  EXPECT_FALSE(per_sequence.order_dependent);
}

TEST_F(Probe, BiasMustFollowTheExperts) {
  expect_ok(bias("bias + 0.01 * torch.sign(r.load.mean() - r.load)"));
  expect_ok(bias("bias + 0.01 * torch.sign(1 / r.num_experts - r.load_global)"));
  expect_violation(bias("bias + torch.arange(r.num_experts) * 0.1"), "expert symmetry");
  expect_violation(bias("bias.flip(0)"), "expert symmetry");
}

TEST_F(Probe, IndexThatSmallRoutersLackIsAViolation) {
  const ProbeResult result = loss("r.probs.topk(9, dim=1).values.sum()");
  expect_violation(result, "evaluation");
  EXPECT_THAT(result.message, HasSubstr("E=8"));
}

TEST_F(Probe, FingerprintOfEqualFunctionsIsEqualUpToAFactor) {
  const ProbeResult lbl = probe(kGlobalLbl);
  EXPECT_LT(
      distance(lbl, loss("3 * (r.probs @ r.load_global).mean() * r.num_experts + r.load.sum()")),
      1e-6);
  EXPECT_GT(distance(lbl, loss("r.num_experts * (r.load * r.probs.mean(0)).sum()")), 1e-2);
  const ProbeResult sign = bias("bias + 0.01 * torch.sign(r.load.mean() - r.load)");
  EXPECT_LT(distance(sign, bias("bias + 5 + 0.03 * torch.sign(r.load.mean() - r.load)")), 1e-5);
  EXPECT_GT(distance(sign, bias("bias + 0.01 * (r.load.mean() - r.load)")), 1e-2);
}

// A term that reads one field more must move the fingerprint, whichever field it is.
TEST_F(Probe, FingerprintSeesEveryField) {
  const ProbeResult plain = loss("r.probs.square().mean()");
  for (const char* factor :
       {"r.load.square().sum()", "r.load_global.square().sum()", "r.load_ema.square().sum()",
        "r.cost.square().mean()", "(1 + r.is_null.sum())", "(1 + r.device.sum(0).square().sum())",
        "(1 + r.progress)", "(1 + r.depth)", "r.num_experts", "r.num_sequences", "r.top_k",
        "r.probs_global.square().sum()", "r.scores.square().sum()", "r.logits.square().mean()",
        "(1 + (r.chosen * r.probs).sum())"}) {
    const ProbeResult other = loss("r.probs.square().mean() * " + std::string(factor));
    EXPECT_GT(distance(plain, other), 1e-3) << factor;
  }
}

TEST_F(Probe, UnitEvensOutFactors) {
  const ProbeResult one = loss("r.probs.square().mean()");
  const ProbeResult thousand = loss("1000 * r.probs.square().mean()");
  EXPECT_NEAR(one.unit / thousand.unit, 1000, 1e-8);
  EXPECT_NEAR(loss("r.num_experts * (r.load_global * r.probs_global).sum() * 0.5").unit, 2, 1e-9);
  EXPECT_EQ(bias("bias - r.load").unit, 1);
}

// Zero on the unit's states (E = 16), so the contract's stand in.
TEST_F(Probe, UnitOfALossThatSleepsOnItsStatesComesFromTheContract) {
  const ProbeResult result = loss(
      "r.num_experts * (r.load_global * r.probs.mean(0)).sum() if r.num_experts < 16 else "
      "r.load.sum()");
  expect_ok(result);
  EXPECT_GT(result.unit, 1);  // the other half of the contract's states gives nothing
  EXPECT_LT(result.unit, 10);
}

// With one device group the loss is constant, and what is left of its gradient is rounding: a
// factor of 1e16 would make it a random push in training.
TEST_F(Probe, UnitDoesNotBlowUpRounding) {
  const ProbeResult result = loss("((r.load @ r.device) * (r.probs.mean(0) @ r.device)).sum()");
  expect_ok(result);
  EXPECT_GT(result.unit, 1e-2);
  EXPECT_LT(result.unit, 1e3);
}

TEST_F(Probe, GivesEqualBitsTwice) {
  const ProbeResult a = probe(kGlobalLbl),
                    b = run_probe({.attempt = 5, .source = kGlobalLbl, .state = ""});
  EXPECT_EQ(a.fingerprint, b.fingerprint);
  EXPECT_EQ(a.unit, b.unit);
}

TEST_F(Probe, StateIsAnsweredWithoutTheContract) {
  const char* state = R"({"logits": [[0, 0], [1, 0]], "top_k": 1})";
  const char* asymmetric = "def balance_loss(r):\n    return r.probs[0, 0] * 2\n";
  const ProbeResult result = prober_->run({.attempt = 1, .source = asymmetric, .state = state});
  expect_ok(result);
  EXPECT_EQ(result.at_json, "{\"value\":1,\"grad_logits\":[[0.5,-0.5],[0,0]],\"bias\":null}");
  const ProbeResult nan =
      prober_->run({.attempt = 1,
                    .source = "def balance_loss(r):\n    return (r.load * 0).log().sum()\n",
                    .state = state});
  EXPECT_EQ(nan.outcome, Outcome::kNonfinite);
  EXPECT_EQ(nan.at_json, "");
  const ProbeResult beyond =
      prober_->run({.attempt = 1,
                    .source = "def balance_loss(r):\n    return r.probs[:, 2].sum()\n",
                    .state = state});
  EXPECT_EQ(beyond.outcome, Outcome::kContractViolation);
  EXPECT_THROW((void)prober_->run({.attempt = 1, .source = asymmetric, .state = "{}"}), Error);
}

TEST(ContractStates, WithoutTiesHaveNone) {
  for (const ContractState& s : make_contract_states()) {
    SCOPED_TRACE(s.name);
    if (!s.without_ties) continue;
    const Record& r = s.exact;
    const double mean = 1.0 / static_cast<double>(r.load.numel());
    for (const at::Tensor& t :
         {r.load, r.load_global, r.load_ema, r.probs_global.detach(), s.bias}) {
      const std::set<double> values(t.const_data_ptr<double>(),
                                    t.const_data_ptr<double>() + t.numel());
      EXPECT_EQ(values.size(), static_cast<size_t>(t.numel()));
      EXPECT_FALSE(values.contains(mean));
    }
    EXPECT_EQ(r.load.min().item<double>(), 0);
    EXPECT_EQ(r.load_global.min().item<double>(), 0);
    EXPECT_LE(r.logits.abs().max().item<double>(), 15);
    const at::Tensor logits = std::get<0>(r.logits.detach().sort(1));
    EXPECT_GT((logits.slice(1, 1) - logits.slice(1, 0, -1)).min().item<double>(), 0);
  }
}

TEST(ContractStates, CoverWhatTheContractNames) {
  std::set<std::pair<int64_t, int64_t>> sizes;
  std::set<int64_t> sequences;
  bool nulls = false, no_nulls = false;
  for (const ContractState& s : make_contract_states()) {
    const Record& r = s.exact;
    sizes.insert({r.logits.size(1), r.top_k});
    sequences.insert(r.num_sequences);
    (r.is_null.sum().item<double>() > 0 ? nulls : no_nulls) = true;
  }
  EXPECT_EQ(sizes, (std::set<std::pair<int64_t, int64_t>>{{8, 1}, {16, 2}, {64, 8}}));
  EXPECT_EQ(sequences, (std::set<int64_t>{1, 4}));
  EXPECT_TRUE(nulls && no_nulls);
}

}  // namespace
}  // namespace ballast::trainer
