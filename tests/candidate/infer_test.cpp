// Every op with operands it takes and operands it refuses; the element types were read off
// PyTorch 2.11.
#include <gtest/gtest.h>

#include <set>

#include "tests/candidate/graph_maker.h"

namespace ballast::candidate {
namespace {

const Dim T = Dim::symbol(Symbol::kT), S = Dim::symbol(Symbol::kS), E = Dim::symbol(Symbol::kE),
          K = Dim::symbol(Symbol::kK), G = Dim::symbol(Symbol::kG);

Type number_type(Element element) { return {false, element, {}}; }
Type tensor_type(Element element, Shape shape) { return {true, element, std::move(shape)}; }

const Type kB = number_type(Element::kBool), kI = number_type(Element::kInt),
           kF = number_type(Element::kFloat);
const Type kTE = tensor_type(Element::kFloat, {T, E}), kE = tensor_type(Element::kFloat, {E}),
           kT = tensor_type(Element::kFloat, {T}), k0 = tensor_type(Element::kFloat, {}),
           kEE = tensor_type(Element::kFloat, {E, E}), kEG = tensor_type(Element::kFloat, {E, G});
const Type kIntTE = tensor_type(Element::kInt, {T, E}), kIntE = tensor_type(Element::kInt, {E}),
           kIntT = tensor_type(Element::kInt, {T}), kBoolE = tensor_type(Element::kBool, {E}),
           kBoolTE = tensor_type(Element::kBool, {T, E}), kInt0 = tensor_type(Element::kInt, {});

struct Case {
  Op op;
  std::vector<Type> in;
  std::vector<int64_t> ints;
  std::vector<Dim> dims;
  std::optional<Type> result;  // nullopt: refused
  double number = 0;
};

std::vector<Case> cases();

std::optional<Type> inferred(const Case& c, std::string* message = nullptr) {
  try {
    return infer(Node{c.op, {}, c.ints, c.dims, c.number, {}}, c.in);
  } catch (const BuildError& error) {
    if (message != nullptr) *message = error.what();
    return std::nullopt;
  }
}

TEST(Infer, GivesTheTypesOfPyTorch) {
  for (const Case& c : cases()) {
    std::string operands;
    for (const Type& type : c.in) operands += to_string(type) + "; ";
    SCOPED_TRACE(std::string(row(c.op).name) + " of " + operands);
    std::string message;
    const std::optional<Type> result = inferred(c, &message);
    EXPECT_EQ(result.has_value(), c.result.has_value()) << message;
    if (result && c.result) {
      EXPECT_EQ(to_string(*result), to_string(*c.result));
    }
  }
}

TEST(Infer, EveryOpIsCheckedWithGoodAndBadOperands) {
  std::set<Op> taken, refused;
  for (const Case& c : cases()) (c.result ? taken : refused).insert(c.op);
  for (Op op : all_ops()) {
    EXPECT_TRUE(taken.count(op)) << row(op).name;
    // Leaves without attributes have nothing to refuse.
    const bool free = op == Op::kNumber || op == Op::kBool;
    EXPECT_TRUE(free || refused.count(op)) << row(op).name;
  }
}

TEST(Infer, WrongAttributeCountsAreRefusedAndNotReadBeyondTheEnd) {
  for (Op op : all_ops()) {
    const int operands = std::max(row(op).operands, row(op).operands < 0 ? 1 : 0);
    const std::vector<Type> in(static_cast<size_t>(operands), kTE);
    for (size_t count = 0; count < 5; ++count) {
      inferred({op, in, std::vector<int64_t>(count, 0), {}, std::nullopt});
      inferred({op, in, {}, std::vector<Dim>(count, T), std::nullopt});
    }
    EXPECT_FALSE(inferred({op, std::vector<Type>(7, kTE), {9, 9, 9}, {T}, std::nullopt}));
  }
}

TEST(Infer, MessagesGiveBothShapesAndWhatWouldFit) {
  try {
    infer(Node{Op::kMul, {}, {}, {}, 0, {}}, {kTE, kT});
    FAIL();
  } catch (const BuildError& error) {
    EXPECT_EQ(std::string(error.what()),
              "'*' of float (T,E) tensor and float (T,) tensor: shapes (T,E) and (T,) do not fit");
    EXPECT_EQ(error.hint(), "x.unsqueeze(1) makes the (T,) tensor (T,1), which fits (T,E)");
  }
}

std::vector<Case> pointwise_cases() {
  std::vector<Case> list;
  const auto unary = [&](std::vector<Op> ops, std::optional<Type> of_bool,
                         std::optional<Type> of_int, std::optional<Type> of_number) {
    for (Op op : ops) {
      const std::vector<int64_t> ints(op == Op::kGelu ? 1 : 0, 0);
      list.push_back({op, {kTE}, ints, {}, kTE});
      list.push_back({op, {kBoolE}, ints, {}, of_bool});
      list.push_back({op, {kIntE}, ints, {}, of_int});
      list.push_back({op, {kF}, ints, {}, of_number});
      list.push_back({op, {}, ints, {}, std::nullopt});
    }
  };
  unary({Op::kExp, Op::kExpm1, Op::kLog, Op::kLog1p, Op::kLog2, Op::kLog10, Op::kSqrt, Op::kSin,
         Op::kCos, Op::kTan, Op::kTanh, Op::kAtan, Op::kErf},
        kE, kE, kF);
  unary({Op::kRsqrt, Op::kSigmoid, Op::kReciprocal}, kE, kE, std::nullopt);
  unary({Op::kLogSigmoid, Op::kSoftplus, Op::kGelu, Op::kSilu, Op::kElu}, std::nullopt,
        std::nullopt, std::nullopt);
  unary({Op::kNeg, Op::kAbs}, std::nullopt, kIntE, kF);
  unary({Op::kFloor, Op::kCeil, Op::kRound, Op::kTrunc}, std::nullopt, kIntE, kI);
  unary({Op::kRelu}, std::nullopt, kIntE, std::nullopt);
  unary({Op::kSign, Op::kDetach}, kBoolE, kIntE, std::nullopt);
  for (const Type& type : {kTE, kIntTE, kBoolTE}) {
    list.push_back({Op::kNot, {type}, {}, {}, kBoolTE});
    list.push_back({Op::kCast, {type}, {static_cast<int>(Element::kFloat)}, {}, kTE});
  }
  list.push_back({Op::kNot, {kF}, {}, {}, kB});
  list.push_back({Op::kNot, {kF, kF}, {}, {}, std::nullopt});
  list.push_back({Op::kCast, {kF}, {static_cast<int>(Element::kInt)}, {}, kI});
  list.push_back({Op::kCast, {kF}, {}, {}, std::nullopt});
  return list;
}

void arithmetic_cases(std::vector<Case>& list) {
  for (Op op : {Op::kAdd, Op::kSub, Op::kMul, Op::kFloorDiv, Op::kMod, Op::kPow}) {
    list.push_back({op, {kTE, kE}, {}, {}, kTE});
    list.push_back({op, {kI, kTE}, {}, {}, kTE});
    list.push_back({op, {kIntE, kF}, {}, {}, kE});
    list.push_back({op, {kIntE, kI}, {}, {}, kIntE});
    list.push_back({op, {kIntE, k0}, {}, {}, kE});  // a 0-dim tensor counts by its category
    list.push_back({op, {kI, kI}, {}, {}, kI});
    list.push_back({op, {kB, kF}, {}, {}, kF});
    list.push_back({op, {kB, kB}, {}, {}, kI});
    list.push_back({op, {kTE, kT}, {}, {}, std::nullopt});
  }
  list.push_back({Op::kAdd, {kBoolE, kBoolE}, {}, {}, kBoolE});
  list.push_back({Op::kMul, {kBoolE, kI}, {}, {}, kIntE});
  list.push_back({Op::kSub, {kBoolE, kBoolE}, {}, {}, std::nullopt});
  list.push_back({Op::kSub, {kE, kBoolE}, {}, {}, std::nullopt});
  list.push_back({Op::kPow, {kBoolE, kBoolE}, {}, {}, std::nullopt});
  list.push_back({Op::kPow, {kB, kE}, {}, {}, std::nullopt});
  list.push_back({Op::kDiv, {kIntE, kI}, {}, {}, kE});
  list.push_back({Op::kDiv, {kI, kI}, {}, {}, kF});
  list.push_back({Op::kDiv, {kBoolE, kBoolE}, {}, {}, kE});
  list.push_back({Op::kDiv, {kTE, kEG}, {}, {}, std::nullopt});
}

void choice_cases(std::vector<Case>& list) {
  for (Op op : {Op::kMaximum, Op::kMinimum}) {
    list.push_back({op, {kTE, kE}, {}, {}, kTE});
    list.push_back({op, {kIntE, kE}, {}, {}, kE});
    list.push_back({op, {kBoolE, kBoolE}, {}, {}, kBoolE});
    list.push_back({op, {kI, kF}, {}, {}, kF});
    list.push_back({op, {kTE, kF}, {}, {}, std::nullopt});  // torch.maximum takes no number
  }
  list.push_back({Op::kXlogy, {kTE, kTE}, {}, {}, kTE});
  list.push_back({Op::kXlogy, {kIntE, kF}, {}, {}, kE});
  list.push_back({Op::kXlogy, {kF, kF}, {}, {}, std::nullopt});
  for (Op op : {Op::kEq, Op::kNe, Op::kLt, Op::kLe, Op::kGt, Op::kGe}) {
    list.push_back({op, {kTE, kF}, {}, {}, kBoolTE});
    list.push_back({op, {kI, kF}, {}, {}, kB});
    list.push_back({op, {kTE, kT}, {}, {}, std::nullopt});
  }
  for (Op op : {Op::kAnd, Op::kOr, Op::kXor}) {
    list.push_back({op, {kBoolTE, kE}, {}, {}, kBoolTE});
    list.push_back({op, {kB, kB}, {}, {}, kB});
    list.push_back({op, {kB, kI}, {}, {}, std::nullopt});
    list.push_back({op, {kBoolE, kB}, {}, {}, std::nullopt});
  }
  for (Op op : {Op::kClampMin, Op::kClampMax}) {
    list.push_back({op, {kTE, kF}, {}, {}, kTE});
    list.push_back({op, {kIntE, kF}, {}, {}, kE});
    list.push_back({op, {kE, kTE}, {}, {}, kTE});
    list.push_back({op, {kF, kF}, {}, {}, std::nullopt});
    list.push_back({op, {kBoolE, kB}, {}, {}, std::nullopt});
  }
  list.push_back({Op::kWhere, {kBoolE, kF, kTE}, {}, {}, kTE});
  list.push_back({Op::kWhere, {kBoolE, kI, kI}, {}, {}, kIntE});
  list.push_back({Op::kWhere, {kBoolE, kB, kF}, {}, {}, kE});
  list.push_back({Op::kWhere, {kE, kF, kF}, {}, {}, std::nullopt});
  list.push_back({Op::kWhere, {kB, kF, kF}, {}, {}, std::nullopt});
  list.push_back({Op::kSelect, {kB, kI, kF}, {}, {}, kF});
  list.push_back({Op::kSelect, {kI, kTE, kTE}, {}, {}, kTE});
  list.push_back({Op::kSelect, {kB, kTE, kE}, {}, {}, std::nullopt});
  list.push_back({Op::kSelect, {kB, k0, kF}, {}, {}, std::nullopt});
  list.push_back({Op::kSelect, {tensor_type(Element::kBool, {}), k0, k0}, {}, {}, std::nullopt});
}

void reduction_cases(std::vector<Case>& list) {
  for (Op op : {Op::kSum, Op::kMean, Op::kAmax, Op::kAmin, Op::kLogSumExp, Op::kNorm}) {
    list.push_back({op, {kTE}, {0, 0}, {}, kE});
    list.push_back({op, {kTE}, {0, 0, 1}, {}, k0});
    list.push_back({op, {kTE}, {1, 1}, {}, tensor_type(Element::kFloat, {T, 1})});
    list.push_back({op, {k0}, {0}, {}, k0});
    list.push_back({op, {kTE}, {0}, {}, std::nullopt});        // dims are always listed
    list.push_back({op, {kTE}, {0, 2}, {}, std::nullopt});     // no such dimension
    list.push_back({op, {kTE}, {0, 1, 0}, {}, std::nullopt});  // out of order
    list.push_back({op, {kTE}, {0, 1, 1}, {}, std::nullopt});
    list.push_back({op, {kF}, {0}, {}, std::nullopt});
  }
  list.push_back({Op::kNorm, {kE}, {0, 0}, {}, k0, 2.0});
  list.push_back({Op::kNorm, {kE}, {0, 0}, {}, std::nullopt, -1.0});
  list.push_back({Op::kSum, {kBoolE}, {0, 0}, {}, kInt0});
  list.push_back({Op::kMean, {kIntE}, {0, 0}, {}, std::nullopt});
  list.push_back({Op::kAmax, {kBoolE}, {0, 0}, {}, tensor_type(Element::kBool, {})});
  list.push_back({Op::kLogSumExp, {kIntE}, {0, 0}, {}, k0});
  list.push_back({Op::kProd, {kTE}, {0, 1}, {}, kT});
  list.push_back({Op::kProd, {kTE}, {0, 0, 1}, {}, k0});
  list.push_back({Op::kProd, {kTE}, {1, 0, 1}, {}, std::nullopt});
  for (Op op : {Op::kAny, Op::kAll}) {
    list.push_back({op, {kTE}, {0, 0}, {}, kBoolE});
    list.push_back({op, {kB}, {0}, {}, std::nullopt});
  }
  for (Op op : {Op::kVar, Op::kStd}) {
    list.push_back({op, {kTE}, {0, 1, 0}, {}, kE});
    list.push_back({op, {kTE}, {0, -1, 0}, {}, std::nullopt});
    list.push_back({op, {kIntE}, {0, 1, 0}, {}, std::nullopt});
  }
}

void along_cases(std::vector<Case>& list) {
  for (Op op : {Op::kMaxValues, Op::kMinValues, Op::kMedianValues}) {
    list.push_back({op, {kTE}, {0, 1}, {}, kT});
    list.push_back({op, {kIntTE}, {1, 0}, {}, tensor_type(Element::kInt, {1, E})});
    list.push_back({op, {k0}, {0, 0}, {}, k0});
    list.push_back({op, {kTE}, {0, 2}, {}, std::nullopt});
  }
  list.push_back({Op::kMaxValues, {kBoolE}, {0, 0}, {}, std::nullopt});
  list.push_back({Op::kMedianValues, {kBoolE}, {0, 0}, {}, std::nullopt});
  for (Op op : {Op::kArgmax, Op::kArgmin}) {
    list.push_back({op, {kTE}, {0, 1}, {}, kIntT});
    list.push_back({op, {kBoolE}, {0, 0}, {}, std::nullopt});
  }
  list.push_back({Op::kKthvalue, {kTE, kI}, {0, 1}, {}, kT});
  list.push_back({Op::kKthvalue, {kTE, kF}, {0, 1}, {}, std::nullopt});
  list.push_back({Op::kQuantile, {kTE, kF}, {0, 1}, {}, kT});
  list.push_back({Op::kQuantile, {kIntTE, kF}, {0, 1}, {}, std::nullopt});
  list.push_back({Op::kQuantile, {kTE, k0}, {0, 1}, {}, std::nullopt});
  for (Op op : {Op::kSoftmax, Op::kLogSoftmax, Op::kLogCumsumExp}) {
    list.push_back({op, {kTE}, {1}, {}, kTE});
    list.push_back({op, {k0}, {0}, {}, k0});
    list.push_back({op, {kIntTE}, {1}, {}, std::nullopt});
  }
  for (Op op : {Op::kCumsum, Op::kCumprod}) {
    list.push_back({op, {kBoolE}, {0}, {}, kIntE});
    list.push_back({op, {kTE}, {2}, {}, std::nullopt});
  }
  for (Op op : {Op::kCummaxValues, Op::kCumminValues}) {
    list.push_back({op, {kTE}, {0}, {}, kTE});
    list.push_back({op, {kF}, {0}, {}, std::nullopt});
  }
  for (bool indices : {false, true}) {
    const Op sort = indices ? Op::kSortIndices : Op::kSortValues;
    const Op topk = indices ? Op::kTopkIndices : Op::kTopkValues;
    const Element element = indices ? Element::kInt : Element::kFloat;
    list.push_back({sort, {kTE}, {1, 0}, {}, tensor_type(element, {T, E})});
    list.push_back({sort, {kTE}, {2, 0}, {}, std::nullopt});
    list.push_back({topk, {kTE}, {1, 1}, {K}, tensor_type(element, {T, K})});
    list.push_back({topk, {kTE}, {1, 1}, {E + 1}, std::nullopt});
    list.push_back({topk, {kBoolTE}, {1, 1}, {K}, std::nullopt});
  }
  list.push_back({Op::kFlip, {kTE}, {0, 1}, {}, kTE});
  list.push_back({Op::kFlip, {kTE}, {1, 0}, {}, std::nullopt});
  list.push_back({Op::kRoll, {kTE}, {-3, 1}, {}, kTE});
  list.push_back({Op::kRoll, {k0}, {1, 0}, {}, std::nullopt});
}

void matrix_cases(std::vector<Case>& list) {
  const Shape batch{S, *divide(T, S), E};
  list.push_back({Op::kMatmul, {kTE, kEG}, {}, {}, tensor_type(Element::kFloat, {T, G})});
  list.push_back({Op::kMatmul, {kTE, kE}, {}, {}, kT});
  list.push_back({Op::kMatmul, {kE, kE}, {}, {}, k0});
  list.push_back({Op::kMatmul, {kT, kTE}, {}, {}, kE});
  list.push_back({Op::kMatmul,
                  {tensor_type(Element::kFloat, batch), kEG},
                  {},
                  {},
                  tensor_type(Element::kFloat, {S, *divide(T, S), G})});
  list.push_back({Op::kMatmul, {kTE, kTE}, {}, {}, std::nullopt});
  list.push_back({Op::kMatmul, {kTE, kIntE}, {}, {}, std::nullopt});
  list.push_back({Op::kMatmul, {kTE, k0}, {}, {}, std::nullopt});
  list.push_back({Op::kTranspose, {kTE}, {0, 1}, {}, tensor_type(Element::kFloat, {E, T})});
  list.push_back({Op::kTranspose, {kTE}, {0, 2}, {}, std::nullopt});
  list.push_back({Op::kDiagEmbed, {kE}, {}, {}, kEE});
  list.push_back({Op::kDiagEmbed, {kTE}, {}, {}, std::nullopt});
  list.push_back({Op::kDiagonal, {kEE}, {}, {}, kE});
  list.push_back({Op::kDiagonal, {kTE}, {}, {}, std::nullopt});
  for (Op op : {Op::kTril, Op::kTriu}) {
    list.push_back({op, {kEE}, {-1}, {}, kEE});
    list.push_back({op, {kE}, {0}, {}, std::nullopt});
  }
}

void piece_cases(std::vector<Case>& list) {
  const Dim length = *divide(T, S);
  list.push_back(
      {Op::kReshape, {kTE}, {}, {S, length, E}, tensor_type(Element::kFloat, {S, length, E})});
  list.push_back({Op::kReshape, {kTE}, {}, {E, E}, std::nullopt});
  list.push_back({Op::kReshape,
                  {kTE},
                  {},
                  {K, *divide(T * E, K)},
                  tensor_type(Element::kFloat, {K, *divide(T * E, K)})});
  list.push_back(
      {Op::kReshape, {kTE}, {}, {*divide(T, K), *divide(K, 1), *divide(E, K), K}, std::nullopt});
  list.push_back({Op::kExpand, {kE}, {}, {T, E}, kTE});
  list.push_back({Op::kExpand, {kT}, {}, {T, E}, std::nullopt});
  list.push_back({Op::kExpand, {kTE}, {}, {E}, std::nullopt});
  list.push_back({Op::kSlice, {kTE}, {1, 1}, {1, E}, tensor_type(Element::kFloat, {T, E - 1})});
  list.push_back({Op::kSlice, {kTE}, {1, 2}, {0, 5}, tensor_type(Element::kFloat, {T, 3})});
  list.push_back({Op::kSlice, {kTE}, {1, 2}, {0, E}, std::nullopt});
  list.push_back({Op::kSlice, {kTE}, {1, 1}, {0, E + 1}, std::nullopt});
  list.push_back({Op::kSlice, {kTE}, {1, 1}, {4, 2}, std::nullopt});
  list.push_back({Op::kSlice, {k0}, {0, 1}, {0, 1}, std::nullopt});
  list.push_back({Op::kIndex, {kTE, kI}, {0}, {}, kE});
  list.push_back({Op::kIndex, {kTE, kF}, {0}, {}, std::nullopt});
  list.push_back({Op::kIndex, {k0, kI}, {0}, {}, std::nullopt});
  list.push_back({Op::kIndexSelect, {kTE, kIntT}, {1}, {}, tensor_type(Element::kFloat, {T, T})});
  list.push_back({Op::kIndexSelect, {kTE, kT}, {1}, {}, std::nullopt});
  const Type column = tensor_type(Element::kInt, {T, 1});
  list.push_back({Op::kGather, {kTE, column}, {1}, {}, tensor_type(Element::kFloat, {T, 1})});
  list.push_back({Op::kGather, {kTE, kIntT}, {1}, {}, std::nullopt});
  list.push_back({Op::kCat, {kTE, kIntTE}, {1}, {}, tensor_type(Element::kFloat, {T, 2 * E})});
  list.push_back({Op::kCat, {kTE, kE}, {1}, {}, std::nullopt});
  list.push_back({Op::kCat, {k0}, {0}, {}, std::nullopt});
  list.push_back({Op::kOneHot, {kIntT}, {}, {E}, kIntTE});
  list.push_back({Op::kOneHot, {kT}, {}, {E}, std::nullopt});
}

void leaf_cases(std::vector<Case>& list) {
  list.push_back({Op::kField, {}, {static_cast<int>(Field::kProbs)}, {}, kTE});
  list.push_back({Op::kField, {}, {99}, {}, std::nullopt});
  list.push_back({Op::kNumber, {}, {}, {}, kF});
  list.push_back({Op::kBool, {}, {1}, {}, kB});
  list.push_back({Op::kSize, {}, {}, {E - 1}, kI});
  list.push_back({Op::kSize, {}, {}, {*divide(E, K)}, std::nullopt});
  list.push_back({Op::kFull, {kI}, {}, {T, E}, kIntTE});
  list.push_back({Op::kFull, {kF}, {}, {}, k0});
  list.push_back({Op::kFull, {k0}, {}, {T}, std::nullopt});
  list.push_back({Op::kArange, {}, {1}, {0, E}, kIntE});
  list.push_back({Op::kArange, {}, {-2}, {5, 0}, tensor_type(Element::kInt, {3})});
  list.push_back({Op::kArange, {}, {1}, {5, 0}, std::nullopt});
  list.push_back({Op::kArange, {}, {2}, {0, E}, std::nullopt});
  list.push_back({Op::kArange, {}, {0}, {0, E}, std::nullopt});
  list.push_back({Op::kEye, {}, {}, {E}, kEE});
  list.push_back({Op::kEye, {}, {}, {*divide(E, K)}, std::nullopt});
}

std::vector<Case> cases() {
  std::vector<Case> list = pointwise_cases();
  arithmetic_cases(list);
  choice_cases(list);
  reduction_cases(list);
  along_cases(list);
  matrix_cases(list);
  piece_cases(list);
  leaf_cases(list);
  return list;
}

}  // namespace
}  // namespace ballast::candidate
