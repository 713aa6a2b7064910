#include "trainer/interpreter.h"

#include <ATen/ATen.h>
#include <c10/core/Allocator.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "candidate/builder.h"
#include "tests/trainer/states.h"
#include "trainer/forward.h"
#include "trainer/gradient.h"

namespace ballast::trainer {
namespace {

using candidate::Builder;
using candidate::Dim;
using candidate::Field;
using candidate::NodeId;
using candidate::Op;
using candidate::Program;
using candidate::Symbol;

const Dim T = Dim::symbol(Symbol::kT), E = Dim::symbol(Symbol::kE);

NodeId total(Builder& b, NodeId x) {
  std::vector<int64_t> ints = {0};
  for (size_t d = 0; d < b.type(x).shape.size(); ++d) ints.push_back(static_cast<int64_t>(d));
  return b.add(Op::kSum, {x}, ints);
}

Record record(int64_t experts = 4, at::ScalarType dtype = at::kDouble) {
  return make_state(random_state(8, experts, 2, 2), dtype).record;
}

// The message of the CandidateError that evaluating the program throws.
std::string error_of(const Program& program, const Record& r) {
  try {
    balance_loss(program, r);
  } catch (const CandidateError& error) {
    return error.what();
  }
  return "no error";
}

// E * sum_e load_global_e * mean_t probs_te
Program global_lbl() {
  Builder b;
  const NodeId mean = b.add(Op::kMean, {b.field(Field::kProbs)}, {0, 0});
  const NodeId product = b.add(Op::kMul, {b.field(Field::kLoadGlobal), mean});
  return b.finish(b.add(Op::kMul, {b.size(E), total(b, product)}), std::nullopt);
}

TEST(Interpreter, EveryOpHasAForward) {
  for (Op op : candidate::all_ops()) EXPECT_NE(forward_of(op), nullptr);
}

TEST(Interpreter, ComputesGlobalBatchLbl) {
  const Record r = record();
  const at::Tensor want = 4 * (r.load_global * r.probs.mean(0)).sum();
  const at::Tensor got = balance_loss(global_lbl(), r);
  EXPECT_EQ(got.dim(), 0);
  EXPECT_NEAR(got.item<double>(), want.item<double>(), 1e-15);
  EXPECT_TRUE(at::allclose(gradient(got, r.logits), gradient(want, r.logits), 1e-13, 1e-16));
}

TEST(Interpreter, KeepsTheRecordsType) {
  EXPECT_EQ(balance_loss(global_lbl(), record(4, at::kFloat)).scalar_type(), at::kFloat);
  Builder b;  // 1 / arange(E): ints that become floats
  const NodeId ints = b.add(Op::kArange, {}, {1}, {1, E + Dim(1)});
  const Program p = b.finish(total(b, b.add(Op::kDiv, {b.number(1), ints})), std::nullopt);
  const at::Tensor harmonic = balance_loss(p, record());
  EXPECT_EQ(harmonic.scalar_type(), at::kDouble);
  EXPECT_NEAR(harmonic.item<double>(), 25.0 / 12, 1e-15);  // not rounded to float32 on the way
}

TEST(Interpreter, GivesEqualBitsTwice) {
  const Record r = record(16, at::kFloat);
  const at::Tensor a = balance_loss(global_lbl(), r), b = balance_loss(global_lbl(), r);
  EXPECT_TRUE(at::equal(a, b));
  EXPECT_TRUE(at::equal(gradient(a, r.logits), gradient(b, r.logits)));
}

TEST(Interpreter, SelectionBiasHasNoGradient) {
  Builder b;
  const NodeId mean = b.add(Op::kMean, {b.field(Field::kScores)}, {0, 0});
  const Program p = b.finish(std::nullopt, b.add(Op::kAdd, {b.field(Field::kBias), mean}));
  const Record r = record();
  const at::Tensor bias =
      selection_bias(p, r, at::full({4}, 0.5, at::kDouble).requires_grad_(true));
  EXPECT_FALSE(bias.requires_grad());
  EXPECT_TRUE(at::allclose(bias, 0.5 + r.scores.mean(0)));
}

TEST(Interpreter, UntakenBranchIsNotEvaluated) {
  Builder b;
  const NodeId x = b.field(Field::kLogits);
  const NodeId many = b.add(Op::kGt, {b.size(E), b.size(8)});
  const NodeId ninth = total(b, b.add(Op::kIndex, {x, b.size(8)}, {1}));
  const Program p = b.finish(b.add(Op::kSelect, {many, ninth, total(b, x)}), std::nullopt);
  const Record few = record(4), enough = record(9);
  EXPECT_EQ(balance_loss(p, few).item<double>(), few.logits.sum().item<double>());
  EXPECT_EQ(balance_loss(p, enough).item<double>(),
            enough.logits.select(1, 8).sum().item<double>());
}

TEST(Interpreter, NumbersOfTheUntakenBranchMayRaise) {
  Builder b;
  const NodeId progress = b.field(Field::kProgress);
  const NodeId inverse = b.add(Op::kDiv, {b.number(1), progress});
  const NodeId started = b.add(Op::kGt, {progress, b.number(0)});
  const Program guarded =
      b.finish(b.add(Op::kSelect, {started, inverse, b.number(7)}), std::nullopt);
  const Program bare = b.finish(inverse, std::nullopt);
  Record r = record();
  r.progress = 0;
  EXPECT_EQ(balance_loss(guarded, r).item<double>(), 7);
  EXPECT_THAT(error_of(bare, r), testing::HasSubstr("division by zero"));
  r.progress = 0.25;
  EXPECT_EQ(balance_loss(guarded, r).item<double>(), 4);
  EXPECT_EQ(balance_loss(bare, r).item<double>(), 4);
}

TEST(Interpreter, ConditionThatRaisesIsAnError) {
  Builder b;
  const NodeId progress = b.field(Field::kProgress);
  const NodeId inverse = b.add(Op::kDiv, {b.number(1), progress});
  const NodeId condition = b.add(Op::kGt, {inverse, b.number(2)});
  const NodeId x = b.field(Field::kLogits), p = b.field(Field::kProbs);
  Record r = record();
  r.progress = 0;
  const Program tensors =
      b.finish(b.add(Op::kSelect, {condition, total(b, x), total(b, p)}), std::nullopt);
  EXPECT_THAT(error_of(tensors, r), testing::HasSubstr("division by zero"));
}

TEST(Interpreter, SizesThatDoNotFitAreErrorsThatNameThem) {
  const auto error = [](auto&& make) {
    Builder b;
    const NodeId y = make(b, b.field(Field::kLogits));
    return error_of(b.finish(total(b, y), std::nullopt), record(4));
  };
  EXPECT_THAT(error([](Builder& b, NodeId x) {
                return b.add(Op::kIndex, {x, b.size(4)}, {1});
              }),
              testing::AllOf(testing::HasSubstr("index 4 is outside a dimension of size 4"),
                             testing::HasSubstr("E=4")));
  EXPECT_THAT(error([](Builder& b, NodeId x) {
                return b.add(Op::kIndex, {x, b.size(-5)}, {1});
              }),
              testing::HasSubstr("index -5"));
  EXPECT_THAT(error([](Builder& b, NodeId x) {
                return b.add(Op::kSlice, {x}, {1, 1}, {0, 6});
              }),
              testing::HasSubstr("slice 0:6"));
  EXPECT_THAT(error([](Builder& b, NodeId x) {
                return b.add(Op::kTopkValues, {x}, {1, 1}, {5});
              }),
              testing::HasSubstr("k is 5"));
  EXPECT_THAT(error([](Builder& b, NodeId x) {
                return b.add(Op::kKthvalue, {x, b.size(E + Dim(1))}, {0, 1});
              }),
              testing::HasSubstr("k is 5"));
  EXPECT_THAT(error([](Builder& b, NodeId x) {
                return b.add(Op::kQuantile,
                             {x, b.add(Op::kAdd, {b.field(Field::kProgress), b.number(1)})},
                             {0, 1});
              }),
              testing::HasSubstr("[0, 1]"));
  // What only ATen finds out: an index tensor beyond the dimension.
  EXPECT_THAT(
      error([](Builder& b, NodeId x) {
        return b.add(Op::kIndexSelect, {x, b.add(Op::kArange, {}, {1}, {1, E + Dim(1)})}, {1});
      }),
      testing::StartsWith("IndexSelect (T=8, S=2, E=4, k=2, G=2): "));
}

TEST(Interpreter, WholeNumbersBeyond64BitsAreErrors) {
  Builder b;
  const NodeId thirds = b.add(Op::kFloorDiv, {b.size(E), b.size(3)});  // a number at run time
  const NodeId power = b.add(Op::kPow, {b.add(Op::kAdd, {thirds, b.size(9)}), b.size(30)});
  EXPECT_THAT(error_of(b.finish(power, std::nullopt), record(4)), testing::HasSubstr("64 bits"));
}

// Bytes of CPU tensors alive in this thread, by LibTorch's own reports.
class Meter : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device) override {
    now_ += bytes;
    peak_ = std::max(peak_, now_);
  }
  void reportOutOfMemory(int64_t, size_t, size_t, c10::Device) override {}
  bool memoryProfilingEnabled() const override { return true; }
  int64_t peak() const { return peak_; }

 private:
  int64_t now_ = 0, peak_ = 0;
};

TEST(Interpreter, ValuesAreFreedAfterTheirLastUse) {
  Builder b;
  NodeId x = b.field(Field::kLogits);
  for (int i = 0; i < 100; ++i) x = b.add(Op::kSin, {x});
  const Program p = b.finish(total(b, x), std::nullopt);
  const Record r = record(64);
  const at::NoGradGuard no_grad;
  const auto meter = std::make_shared<Meter>();
  {
    const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, meter);
    balance_loss(p, r);
  }
  EXPECT_GT(meter->peak(), 0);
  EXPECT_LT(meter->peak(), 4 * static_cast<int64_t>(r.logits.nbytes()));
}

}  // namespace
}  // namespace ballast::trainer
