#include "trainer/balancer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "candidate/shipped.h"
#include "tests/trainer/states.h"
#include "tests/trainer/training.h"
#include "trainer/gradient.h"
#include "trainer/interpreter.h"
#include "trainer/pch.h"
#include "trainer/state.h"

namespace ballast::trainer {
namespace {

// Two sequences of two tokens, three experts, top-1. probs of tokens: (1/2, 1/4, 1/4) three times,
// then (1/4, 1/4, 1/2): chosen 0, 0, 0, 2.
Record by_hand() {
  Record r;
  const double h = std::log(2.0);
  r.logits = at::tensor({h, 0.0, 0.0, h, 0.0, 0.0, h, 0.0, 0.0, 0.0, 0.0, h}, at::kDouble)
                 .view({4, 3})
                 .requires_grad_();
  r.scores = r.probs = r.logits.softmax(1);
  r.chosen = at::tensor({1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0}, at::kDouble)
                 .view({4, 3});
  r.load = at::tensor({0.75, 0.0, 0.25}, at::kDouble);
  r.load_global = at::tensor({0.5, 0.25, 0.25}, at::kDouble);
  r.num_sequences = 2;
  r.top_k = 1;
  return r;
}

double value_of(const char* name, const Record& r) {
  return make_balancer({name, ""}, {}).loss(r).item<double>();
}

// Mean probs: (7/16, 1/4, 5/16).
TEST(Balancers, HaveTheValuesWorkedOutByHand) {
  const Record r = by_hand();
  EXPECT_NEAR(value_of("micro_lbl", r), 3 * (0.75 * 7 / 16 + 0.25 * 5 / 16), 1e-12);
  EXPECT_NEAR(value_of("global_lbl", r), 3 * (0.5 * 7 / 16 + 0.25 / 4 + 0.25 * 5 / 16), 1e-12);
  // Sequence 1: load (1,0,0), P (1/2,..): 1/2. Sequence 2: load (1/2,0,1/2), P (3/8,1/4,3/8): 3/8.
  EXPECT_NEAR(value_of("sequence_lbl", r), 3 * (0.5 + 0.375) / 2, 1e-12);
  EXPECT_NEAR(value_of("z_loss", r), std::log(4.0) * std::log(4.0), 1e-12);
}

// d/dlogits of E sum_i f_i P_i = E/T p_i (f_i - sum_j f_j p_j).
TEST(Balancers, HaveTheGradientsWorkedOutByHand) {
  const Record r = by_hand();
  const at::Tensor got = gradient(make_balancer({"global_lbl", ""}, {}).loss(r), r.logits);
  const double inner = 0.5 * 0.5 + 0.25 * 0.25 * 2;  // token 0: sum_j f_j p_j = 3/8
  EXPECT_NEAR(got[0][0].item<double>(), 0.75 * 0.5 * (0.5 - inner), 1e-12);
  EXPECT_NEAR(got[0][1].item<double>(), 0.75 * 0.25 * (0.25 - inner), 1e-12);
  const at::Tensor z = gradient(make_balancer({"z_loss", ""}, {}).loss(r), r.logits);
  EXPECT_NEAR(z[3][2].item<double>(), 2 * std::log(4.0) * 0.5 / 4, 1e-12);
}

TEST(Balancers, MoveBiasesByTheSignOfTheLoad) {
  ScheduleSpec schedule;
  schedule.bias_rate = 0.1;
  const Balancer b = make_balancer({"loss_free", ""}, schedule);
  EXPECT_FALSE(b.loss);
  const at::Tensor bias = at::tensor({1.0, 2.0, 3.0}, at::kDouble);
  const at::Tensor got = b.selection_bias(by_hand(), bias);
  EXPECT_TRUE(at::allclose(got, at::tensor({0.9, 2.1, 3.1}, at::kDouble)));
}

// The texts that carry a built-in's name are the same function.
TEST(Balancers, AgreeWithTheTextsOfTheirNames) {
  int compared = 0;
  for (const BuiltinBalancer& row : builtin_balancers()) {
    const candidate::ShippedRow* text = candidate::find_shipped(row.name);
    if (!text) continue;
    SCOPED_TRACE(row.name);
    const Balancer a = make_balancer({std::string(row.name), ""}, {});
    const Balancer b = make_balancer({"", std::string(text->text)}, {});
    ASSERT_EQ(!a.loss, !b.loss);
    ASSERT_EQ(!a.selection_bias, !b.selection_bias);
    for (const auto& [experts, top_k] : {std::pair{8, 1}, {16, 2}, {64, 8}}) {
      const StateRecord state = make_state(random_state(48, experts, top_k, 4));
      const Record& r = state.record;
      if (a.loss) {
        const at::Tensor x = a.loss(r), y = b.loss(r);
        EXPECT_NEAR(x.item<double>(), y.item<double>(), 1e-12);
        EXPECT_TRUE(at::allclose(gradient(x, r.logits), gradient(y, r.logits), 1e-9, 1e-14));
      }
      if (a.selection_bias) {
        EXPECT_TRUE(at::allclose(a.selection_bias(r, state.bias), b.selection_bias(r, state.bias),
                                 1e-12, 1e-14));
      }
    }
    ++compared;
  }
  EXPECT_GE(compared, 5);
}

TEST(Balancers, NameTheKnownOnesForAnUnknownName) {
  using testing::AllOf;
  using testing::HasSubstr;
  using testing::ThrowsMessage;
  EXPECT_THAT(
      [] {
        make_balancer({"gshard", ""}, {});
      },
      ThrowsMessage<Error>(AllOf(HasSubstr("gshard"), HasSubstr("global_lbl"))));
  EXPECT_THAT([] { make_balancer({"", ""}, {}); }, ThrowsMessage<Error>(HasSubstr("neither")));
  EXPECT_THAT(
      [] {
        make_balancer({"none", "def f"}, {});
      },
      ThrowsMessage<Error>(HasSubstr("both")));
  EXPECT_THAT(
      [] {
        make_balancer({"", "def balance_loss(r): return 1 +"}, {});
      },
      ThrowsMessage<CandidateError>(HasSubstr("1:")));
}

}  // namespace
}  // namespace ballast::trainer
