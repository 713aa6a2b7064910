// The gradient of every differentiable op against finite differences.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "candidate/builder.h"
#include "tests/trainer/finite_difference.h"
#include "tests/trainer/states.h"

namespace ballast::trainer {
namespace {

using candidate::Builder;
using candidate::Dim;
using candidate::Element;
using candidate::Field;
using candidate::NodeId;
using candidate::Op;
using candidate::Symbol;

const Dim T = Dim::symbol(Symbol::kT), E = Dim::symbol(Symbol::kE);

// Makes one node of the op from x = logits (T,E) and p = probs (T,E), which are positive.
using Make = std::function<NodeId(Builder& b, NodeId x, NodeId p)>;

Make unary(Op op, std::vector<int64_t> ints = {}) {
  return [=](Builder& b, NodeId x, NodeId) { return b.add(op, {x}, ints); };
}
Make unary_of_positive(Op op, std::vector<int64_t> ints = {}) {
  return [=](Builder& b, NodeId, NodeId p) { return b.add(op, {p}, ints); };
}
Make binary(Op op) {
  return [=](Builder& b, NodeId x, NodeId p) { return b.add(op, {x, p}); };
}
Make binary_of_positive(Op op) {
  return [=](Builder& b, NodeId x, NodeId p) { return b.add(op, {p, b.add(Op::kExp, {x})}); };
}

const std::map<Op, std::vector<Make>>& differentiable() {
  static const std::map<Op, std::vector<Make>> kMakes = {
      {Op::kField,
       {[](Builder& b, NodeId, NodeId) { return b.field(Field::kScores); },
        [](Builder& b, NodeId, NodeId) { return b.field(Field::kProbsGlobal); }}},
      {Op::kNeg, {unary(Op::kNeg)}},
      {Op::kAbs, {unary(Op::kAbs)}},
      {Op::kExp, {unary(Op::kExp)}},
      {Op::kExpm1, {unary(Op::kExpm1)}},
      {Op::kLog, {unary_of_positive(Op::kLog)}},
      {Op::kLog1p, {unary_of_positive(Op::kLog1p)}},
      {Op::kLog2, {unary_of_positive(Op::kLog2)}},
      {Op::kLog10, {unary_of_positive(Op::kLog10)}},
      {Op::kSqrt, {unary_of_positive(Op::kSqrt)}},
      {Op::kRsqrt, {unary_of_positive(Op::kRsqrt)}},
      {Op::kSin, {unary(Op::kSin)}},
      {Op::kCos, {unary(Op::kCos)}},
      {Op::kTan, {unary_of_positive(Op::kTan)}},
      {Op::kTanh, {unary(Op::kTanh)}},
      {Op::kAtan, {unary(Op::kAtan)}},
      {Op::kSigmoid, {unary(Op::kSigmoid)}},
      {Op::kLogSigmoid, {unary(Op::kLogSigmoid)}},
      {Op::kRelu, {unary(Op::kRelu)}},
      {Op::kSoftplus, {unary(Op::kSoftplus)}},
      {Op::kGelu, {unary(Op::kGelu, {0}), unary(Op::kGelu, {1})}},
      {Op::kSilu, {unary(Op::kSilu)}},
      {Op::kElu, {unary(Op::kElu)}},
      {Op::kErf, {unary(Op::kErf)}},
      {Op::kSign, {unary(Op::kSign)}},
      {Op::kFloor, {unary(Op::kFloor)}},
      {Op::kCeil, {unary(Op::kCeil)}},
      {Op::kRound, {unary(Op::kRound)}},
      {Op::kTrunc, {unary(Op::kTrunc)}},
      {Op::kReciprocal, {unary_of_positive(Op::kReciprocal)}},
      {Op::kAdd, {binary(Op::kAdd)}},
      {Op::kSub, {binary(Op::kSub)}},
      {Op::kMul, {binary(Op::kMul)}},
      {Op::kDiv,
       {binary(Op::kDiv),
        [](Builder& b, NodeId, NodeId p) {
          return b.add(Op::kDiv, {b.number(0.3), p});
        }}},
      {Op::kMod, {[](Builder& b, NodeId x, NodeId) {
         return b.add(Op::kMod, {x, b.number(0.7)});
       }}},
      {Op::kPow,
       {binary_of_positive(Op::kPow),
        [](Builder& b, NodeId x, NodeId) {
          return b.add(Op::kPow, {x, b.number(3)});
        },
        [](Builder& b, NodeId x, NodeId) {
          return b.add(Op::kPow, {b.number(1.5), x});
        }}},
      {Op::kMaximum, {binary(Op::kMaximum)}},
      {Op::kMinimum, {binary(Op::kMinimum)}},
      {Op::kXlogy, {binary_of_positive(Op::kXlogy)}},
      {Op::kClampMin,
       {binary(Op::kClampMin),
        [](Builder& b, NodeId x, NodeId) {
          return b.add(Op::kClampMin, {x, b.number(0.1)});
        }}},
      {Op::kClampMax,
       {binary(Op::kClampMax),
        [](Builder& b, NodeId x, NodeId) {
          return b.add(Op::kClampMax, {x, b.number(0.1)});
        }}},
      {Op::kWhere, {[](Builder& b, NodeId x, NodeId p) {
         return b.add(Op::kWhere, {b.add(Op::kGt, {x, b.number(0)}), p, x});
       }}},
      {Op::kSelect, {[](Builder& b, NodeId x, NodeId p) {
         const NodeId early = b.add(Op::kLt, {b.field(Field::kProgress), b.number(0.5)});
         return b.add(Op::kSelect, {early, x, p});
       }}},
      {Op::kSum, {unary(Op::kSum, {0, 0}), unary(Op::kSum, {1, 0, 1})}},
      {Op::kMean, {unary(Op::kMean, {0, 1}), unary(Op::kMean, {0, 0, 1})}},
      {Op::kProd, {unary(Op::kProd, {0, 1}), unary_of_positive(Op::kProd, {0, 0, 1})}},
      {Op::kAmax, {unary(Op::kAmax, {0, 0}), unary(Op::kAmax, {1, 0, 1})}},
      {Op::kAmin, {unary(Op::kAmin, {0, 1})}},
      {Op::kLogSumExp, {unary(Op::kLogSumExp, {0, 1}), unary(Op::kLogSumExp, {0, 0, 1})}},
      {Op::kNorm,
       {[](Builder& b, NodeId x, NodeId) {
          return b.add(Op::kNorm, {x}, {0, 1}, {}, 2);
        },
        [](Builder& b, NodeId x, NodeId) {
          return b.add(Op::kNorm, {x}, {0, 0}, {}, 1);
        },
        [](Builder& b, NodeId x, NodeId) {
          return b.add(Op::kNorm, {x}, {1, 0, 1}, {}, 3.5);
        },
        [](Builder& b, NodeId x, NodeId) {
          return b.add(Op::kNorm, {x}, {0, 0, 1}, {}, INFINITY);
        }}},
      {Op::kVar, {unary(Op::kVar, {0, 1, 1}), unary(Op::kVar, {0, 0, 0, 1})}},
      {Op::kStd, {unary(Op::kStd, {1, 1, 0}), unary(Op::kStd, {0, 0, 0, 1})}},
      {Op::kMaxValues, {unary(Op::kMaxValues, {0, 0})}},
      {Op::kMinValues, {unary(Op::kMinValues, {1, 1})}},
      {Op::kMedianValues, {unary(Op::kMedianValues, {0, 1})}},
      {Op::kKthvalue, {[](Builder& b, NodeId x, NodeId) {
         return b.add(Op::kKthvalue, {x, b.size(2)}, {0, 1});
       }}},
      {Op::kQuantile, {[](Builder& b, NodeId x, NodeId) {
         return b.add(Op::kQuantile, {x, b.number(0.4)}, {0, 1});
       }}},
      {Op::kSoftmax, {unary(Op::kSoftmax, {0})}},
      {Op::kLogSoftmax, {unary(Op::kLogSoftmax, {1})}},
      {Op::kCumsum, {unary(Op::kCumsum, {0})}},
      {Op::kCumprod, {unary(Op::kCumprod, {1})}},
      {Op::kCummaxValues, {unary(Op::kCummaxValues, {1})}},
      {Op::kCumminValues, {unary(Op::kCumminValues, {0})}},
      {Op::kLogCumsumExp, {unary(Op::kLogCumsumExp, {1})}},
      {Op::kSortValues, {unary(Op::kSortValues, {1, 0}), unary(Op::kSortValues, {0, 1})}},
      {Op::kTopkValues, {[](Builder& b, NodeId x, NodeId) {
         return b.add(Op::kTopkValues, {x}, {1, 1}, {Dim::symbol(Symbol::kK)});
       }}},
      {Op::kFlip, {unary(Op::kFlip, {0})}},
      {Op::kRoll, {unary(Op::kRoll, {2, 1})}},
      {Op::kMatmul, {[](Builder& b, NodeId x, NodeId p) {
         return b.add(Op::kMatmul, {b.add(Op::kTranspose, {x}, {0, 1}), p});
       }}},
      {Op::kTranspose, {unary(Op::kTranspose, {0, 1})}},
      {Op::kDiagEmbed, {[](Builder& b, NodeId x, NodeId) {
         return b.add(Op::kDiagEmbed, {b.add(Op::kMean, {x}, {0, 0})});
       }}},
      {Op::kDiagonal, {[](Builder& b, NodeId x, NodeId p) {
         const NodeId square = b.add(Op::kMatmul, {b.add(Op::kTranspose, {x}, {0, 1}), p});
         return b.add(Op::kDiagonal, {square});
       }}},
      {Op::kTril, {unary(Op::kTril, {-1})}},
      {Op::kTriu, {unary(Op::kTriu, {1})}},
      {Op::kReshape,
       {[](Builder& b, NodeId x, NodeId) { return b.add(Op::kReshape, {x}, {}, {T * E}); }}},
      {Op::kExpand, {[](Builder& b, NodeId x, NodeId) {
         return b.add(Op::kExpand, {b.add(Op::kMean, {x}, {0, 0})}, {}, {3, E});
       }}},
      {Op::kSlice, {[](Builder& b, NodeId x, NodeId) {
         return b.add(Op::kSlice, {x}, {1, 1}, {1, E - Dim(1)});
       }}},
      {Op::kIndex, {[](Builder& b, NodeId x, NodeId) {
         return b.add(Op::kIndex, {x, b.size(-1)}, {1});
       }}},
      {Op::kIndexSelect, {[](Builder& b, NodeId x, NodeId) {
         return b.add(Op::kIndexSelect, {x, b.add(Op::kArgmax, {x}, {0, 0})}, {0});
       }}},
      {Op::kGather, {[](Builder& b, NodeId x, NodeId p) {
         return b.add(Op::kGather, {p, b.add(Op::kArgmin, {x}, {1, 1})}, {1});
       }}},
      {Op::kCat, {[](Builder& b, NodeId x, NodeId p) {
         return b.add(Op::kCat, {x, p}, {1});
       }}},
  };
  return kMakes;
}

// Ops without a derivative: leaves that are numbers, ints and bools, what is made from numbers,
// what cuts the gradient, and //, which the language refuses where a gradient would be needed.
const std::set<Op> kOthers = {Op::kFloorDiv,    Op::kNumber, Op::kBool, Op::kSize,   Op::kNot,
                              Op::kCast,        Op::kDetach, Op::kEq,   Op::kNe,     Op::kLt,
                              Op::kLe,          Op::kGt,     Op::kGe,   Op::kAnd,    Op::kOr,
                              Op::kXor,         Op::kAny,    Op::kAll,  Op::kArgmax, Op::kArgmin,
                              Op::kSortIndices, Op::kOneHot, Op::kFull, Op::kEye,    Op::kArange,
                              Op::kTopkIndices};

// sum(y + y^2 / 2) of the op's result y: its gradient weighs every element of y by its own value.
candidate::Program loss_of(const Make& make) {
  Builder b;
  const NodeId y = make(b, b.field(Field::kLogits), b.field(Field::kProbs));
  const NodeId half = b.add(Op::kMul, {b.number(0.5), b.add(Op::kMul, {y, y})});
  const NodeId z = b.add(Op::kAdd, {y, half});
  std::vector<int64_t> ints = {0};
  for (size_t d = 0; d < b.type(z).shape.size(); ++d) ints.push_back(static_cast<int64_t>(d));
  return b.finish(b.add(Op::kSum, {z}, ints), std::nullopt);
}

TEST(Gradient, EveryOpIsEitherCheckedOrHasNone) {
  for (Op op : candidate::all_ops())
    EXPECT_NE(differentiable().contains(op), kOthers.contains(op)) << candidate::row(op).name;
}

// One test for all ops: LibTorch takes longer to load than this takes to run.
TEST(Gradient, OfEveryOpAgreesWithFiniteDifferences) {
  const State state = random_state(6, 4, 2, 2);
  for (const auto& [op, makes] : differentiable()) {
    for (size_t i = 0; i < makes.size(); ++i) {
      SCOPED_TRACE(testing::Message() << candidate::row(op).name << ", variant " << i);
      expect_gradient_of_differences(loss_of(makes[i]), state);
    }
  }
}

}  // namespace
}  // namespace ballast::trainer
