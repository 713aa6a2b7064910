#include "candidate/spelling.h"

#include <array>

namespace ballast::candidate {
namespace {

struct Spelling {
  Op op;
  std::string_view text;
};

// In table order, so that the position is the op (checked below).
constexpr std::array kSpellings{
    Spelling{Op::kField, "r"},
    Spelling{Op::kNumber, "float"},
    Spelling{Op::kBool, "bool"},
    Spelling{Op::kSize, "int"},
    Spelling{Op::kNeg, "-"},
    Spelling{Op::kAbs, "abs"},
    Spelling{Op::kExp, "exp"},
    Spelling{Op::kExpm1, "expm1"},
    Spelling{Op::kLog, "log"},
    Spelling{Op::kLog1p, "log1p"},
    Spelling{Op::kLog2, "log2"},
    Spelling{Op::kLog10, "log10"},
    Spelling{Op::kSqrt, "sqrt"},
    Spelling{Op::kRsqrt, "rsqrt"},
    Spelling{Op::kSin, "sin"},
    Spelling{Op::kCos, "cos"},
    Spelling{Op::kTan, "tan"},
    Spelling{Op::kTanh, "tanh"},
    Spelling{Op::kAtan, "atan"},
    Spelling{Op::kSigmoid, "sigmoid"},
    Spelling{Op::kLogSigmoid, "logsigmoid"},
    Spelling{Op::kRelu, "relu"},
    Spelling{Op::kSoftplus, "softplus"},
    Spelling{Op::kGelu, "gelu"},
    Spelling{Op::kSilu, "silu"},
    Spelling{Op::kElu, "elu"},
    Spelling{Op::kErf, "erf"},
    Spelling{Op::kSign, "sign"},
    Spelling{Op::kFloor, "floor"},
    Spelling{Op::kCeil, "ceil"},
    Spelling{Op::kRound, "round"},
    Spelling{Op::kTrunc, "trunc"},
    Spelling{Op::kReciprocal, "reciprocal"},
    Spelling{Op::kNot, "not"},
    Spelling{Op::kCast, "cast"},
    Spelling{Op::kDetach, "detach"},
    Spelling{Op::kAdd, "+"},
    Spelling{Op::kSub, "-"},
    Spelling{Op::kMul, "*"},
    Spelling{Op::kDiv, "/"},
    Spelling{Op::kFloorDiv, "//"},
    Spelling{Op::kMod, "%"},
    Spelling{Op::kPow, "**"},
    Spelling{Op::kMaximum, "maximum"},
    Spelling{Op::kMinimum, "minimum"},
    Spelling{Op::kXlogy, "xlogy"},
    Spelling{Op::kEq, "=="},
    Spelling{Op::kNe, "!="},
    Spelling{Op::kLt, "<"},
    Spelling{Op::kLe, "<="},
    Spelling{Op::kGt, ">"},
    Spelling{Op::kGe, ">="},
    Spelling{Op::kAnd, "logical_and"},
    Spelling{Op::kOr, "logical_or"},
    Spelling{Op::kXor, "logical_xor"},
    Spelling{Op::kClampMin, "clamp(min=...)"},
    Spelling{Op::kClampMax, "clamp(max=...)"},
    Spelling{Op::kWhere, "where"},
    Spelling{Op::kSelect, "if-else"},
    Spelling{Op::kSum, "sum"},
    Spelling{Op::kMean, "mean"},
    Spelling{Op::kProd, "prod"},
    Spelling{Op::kAmax, "amax"},
    Spelling{Op::kAmin, "amin"},
    Spelling{Op::kLogSumExp, "logsumexp"},
    Spelling{Op::kAny, "any"},
    Spelling{Op::kAll, "all"},
    Spelling{Op::kNorm, "norm"},
    Spelling{Op::kVar, "var"},
    Spelling{Op::kStd, "std"},
    Spelling{Op::kMaxValues, "max"},
    Spelling{Op::kMinValues, "min"},
    Spelling{Op::kMedianValues, "median"},
    Spelling{Op::kArgmax, "argmax"},
    Spelling{Op::kArgmin, "argmin"},
    Spelling{Op::kKthvalue, "kthvalue"},
    Spelling{Op::kQuantile, "quantile"},
    Spelling{Op::kSoftmax, "softmax"},
    Spelling{Op::kLogSoftmax, "log_softmax"},
    Spelling{Op::kCumsum, "cumsum"},
    Spelling{Op::kCumprod, "cumprod"},
    Spelling{Op::kCummaxValues, "cummax"},
    Spelling{Op::kCumminValues, "cummin"},
    Spelling{Op::kLogCumsumExp, "logcumsumexp"},
    Spelling{Op::kSortValues, "sort"},
    Spelling{Op::kSortIndices, "argsort"},
    Spelling{Op::kTopkValues, "topk"},
    Spelling{Op::kTopkIndices, "topk"},
    Spelling{Op::kFlip, "flip"},
    Spelling{Op::kRoll, "roll"},
    Spelling{Op::kMatmul, "@"},
    Spelling{Op::kTranspose, "transpose"},
    Spelling{Op::kDiagEmbed, "diag"},
    Spelling{Op::kDiagonal, "diagonal"},
    Spelling{Op::kTril, "tril"},
    Spelling{Op::kTriu, "triu"},
    Spelling{Op::kReshape, "reshape"},
    Spelling{Op::kExpand, "expand"},
    Spelling{Op::kSlice, "slice"},
    Spelling{Op::kIndex, "index"},
    Spelling{Op::kIndexSelect, "index_select"},
    Spelling{Op::kGather, "gather"},
    Spelling{Op::kCat, "cat"},
    Spelling{Op::kOneHot, "one_hot"},
    Spelling{Op::kFull, "full"},
    Spelling{Op::kArange, "arange"},
    Spelling{Op::kEye, "eye"},
};

constexpr bool in_table_order() {
  for (size_t i = 0; i < kSpellings.size(); ++i) {
    if (kSpellings[i].op != static_cast<Op>(i)) return false;
  }
  return kSpellings.back().op == Op::kEye;
}
static_assert(in_table_order());

}  // namespace

std::string_view spelling(Op op) { return kSpellings[static_cast<size_t>(op)].text; }

}  // namespace ballast::candidate
