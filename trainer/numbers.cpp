// Python numbers: the values of nodes that are no tensors, by the rules of CPython 3.
//
// They depend on sizes, progress and depth only, so conditions on them are decided without looking
// at a tensor.
#include <cmath>
#include <limits>
#include <stdexcept>

#include "trainer/forward.h"
#include "trainer/interpreter.h"

namespace ballast::trainer {

namespace {

using candidate::Element;
using candidate::Op;

std::string text(const Value& v) {
  if (const bool* b = std::get_if<bool>(&v)) return *b ? "True" : "False";
  if (const int64_t* n = std::get_if<int64_t>(&v)) return std::to_string(*n);
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.17g", std::get<double>(v));
  return buffer;
}

// What Python would raise.
[[noreturn]] void raise(const Call& c, std::string_view why) {
  std::string operands;
  for (size_t i = 0; i < c.in.size(); ++i) operands += (i ? ", " : "") + text(*c.in[i]);
  throw CandidateError(std::string(candidate::row(c.node.op).name) + "(" + operands +
                       "): " + std::string(why) + " (" + to_string(c.context.bindings) + ")");
}

// A finite argument whose result is not: OverflowError, or ValueError for NaN.
double checked(const Call& c, double result) {
  for (size_t i = 0; i < c.in.size(); ++i)
    if (!std::isfinite(c.number(i))) return result;
  if (std::isnan(result)) raise(c, "outside the function's domain");
  if (std::isinf(result)) raise(c, "the result is infinite");
  return result;
}

// The exact result of an int operation that must fit 64 bits.
int64_t checked(const Call& c, bool overflow, int64_t result) {
  if (overflow) raise(c, "the whole number does not fit into 64 bits");
  return result;
}

// To the type that the node declares.
Value as(const Call& c, double x) {
  switch (c.node.type.element) {
    case Element::kBool:
      return x != 0;
    case Element::kInt:
      if (!(std::abs(x) < 9.2e18)) raise(c, "no whole number of 64 bits");
      return static_cast<int64_t>(x);
    case Element::kFloat:
      break;
  }
  return x;
}

bool ints(const Call& c) {
  for (const Value* v : c.in)
    if (std::holds_alternative<double>(*v)) return false;
  return true;
}

// CPython's float_divmod (Objects/floatobject.c).
std::pair<double, double> divmod(double a, double b) {
  double mod = std::fmod(a, b);
  double div = (a - mod) / b;
  if (mod != 0) {
    if ((b < 0) != (mod < 0)) {
      mod += b;
      div -= 1;
    }
  } else {
    mod = std::copysign(0.0, b);
  }
  if (div == 0) return {std::copysign(0.0, a / b), mod};
  double floor = std::floor(div);
  if (div - floor > 0.5) floor += 1;
  return {floor, mod};
}

int64_t int_power(const Call& c, int64_t base, int64_t exponent) {
  int64_t result = 1;
  bool overflow = false;
  while (exponent > 0 && !overflow) {
    if (exponent & 1) overflow = __builtin_mul_overflow(result, base, &result);
    exponent >>= 1;
    if (exponent > 0 && !overflow) overflow = __builtin_mul_overflow(base, base, &base);
  }
  return checked(c, overflow, result);
}

Value power(const Call& c) {
  const double a = c.number(0), b = c.number(1);
  if (a == 0 && b < 0) raise(c, "0 to a negative power");
  if (ints(c) && b >= 0) {
    const int64_t base = c.integer(0);
    if (base == 0 || base == 1) return b == 0 ? int64_t{1} : base;
    if (base == -1) return c.integer(1) % 2 == 0 ? int64_t{1} : int64_t{-1};
    return int_power(c, base, c.integer(1));
  }
  if (a < 0 && std::isfinite(b) && b != std::floor(b))
    raise(c, "a negative number to a broken power");
  return checked(c, std::pow(a, b));
}

Value arithmetic_on_ints(const Call& c) {
  const int64_t a = c.integer(0), b = c.in.size() > 1 ? c.integer(1) : 0;
  int64_t r = 0;
  switch (c.node.op) {
    case Op::kNeg:
      return checked(c, __builtin_sub_overflow(int64_t{0}, a, &r), r);
    case Op::kAbs:
      return checked(c, a < 0 && __builtin_sub_overflow(int64_t{0}, a, &r), a < 0 ? r : a);
    case Op::kAdd:
      return checked(c, __builtin_add_overflow(a, b, &r), r);
    case Op::kSub:
      return checked(c, __builtin_sub_overflow(a, b, &r), r);
    case Op::kMul:
      return checked(c, __builtin_mul_overflow(a, b, &r), r);
    case Op::kFloorDiv:
    case Op::kMod: {
      if (b == 0) raise(c, "division by zero");
      if (b == -1)
        return c.node.op == Op::kMod ? 0 : checked(c, __builtin_sub_overflow(int64_t{0}, a, &r), r);
      const int64_t mod = a % b, wrapped = mod != 0 && (mod < 0) != (b < 0) ? mod + b : mod;
      return c.node.op == Op::kMod ? wrapped : (a - wrapped) / b;
    }
    default:
      throw std::logic_error("no arithmetic op");
  }
}

Value arithmetic(const Call& c) {
  if (ints(c)) return arithmetic_on_ints(c);
  const double a = c.number(0), b = c.in.size() > 1 ? c.number(1) : 0;
  switch (c.node.op) {
    case Op::kNeg:
      return -a;
    case Op::kAbs:
      return std::abs(a);
    case Op::kAdd:
      return a + b;
    case Op::kSub:
      return a - b;
    case Op::kMul:
      return a * b;
    case Op::kFloorDiv:
    case Op::kMod: {
      if (b == 0) raise(c, "division by zero");
      const auto [div, mod] = divmod(a, b);
      return c.node.op == Op::kMod ? mod : div;
    }
    default:
      throw std::logic_error("no arithmetic op");
  }
}

// Functions of `math`, and what PyTorch's activations are on one number.
double function(const Call& c, double x) {
  switch (c.node.op) {
    case Op::kExp:
      return checked(c, std::exp(x));
    case Op::kExpm1:
      return checked(c, std::expm1(x));
    case Op::kLog:
      return checked(c, std::log(x));
    case Op::kLog1p:
      return checked(c, std::log1p(x));
    case Op::kLog2:
      return checked(c, std::log2(x));
    case Op::kLog10:
      return checked(c, std::log10(x));
    case Op::kSqrt:
      return checked(c, std::sqrt(x));
    case Op::kRsqrt:
      return checked(c, 1 / std::sqrt(x));
    case Op::kSin:
      return checked(c, std::sin(x));
    case Op::kCos:
      return checked(c, std::cos(x));
    case Op::kTan:
      return checked(c, std::tan(x));
    case Op::kTanh:
      return std::tanh(x);
    case Op::kAtan:
      return std::atan(x);
    case Op::kErf:
      return std::erf(x);
    case Op::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Op::kLogSigmoid:
      return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x)));
    case Op::kSoftplus:
      return x > 20 ? x : std::log1p(std::exp(x));
    case Op::kSilu:
      return x / (1 + std::exp(-x));
    case Op::kElu:
      return x > 0 ? x : std::expm1(x);
    case Op::kGelu:
      if (c.attribute(0) == 0) return 0.5 * x * (1 + std::erf(x * M_SQRT1_2));
      return 0.5 * x * (1 + std::tanh(M_SQRT2 * M_2_SQRTPI * 0.5 * (x + 0.044715 * x * x * x)));
    case Op::kReciprocal:
      if (x == 0) raise(c, "division by zero");
      return 1 / x;
    default:
      throw std::logic_error("no function of one number");
  }
}

Value comparison(const Call& c) {
  const auto compare = [op = c.node.op](auto a, auto b) {
    switch (op) {
      case Op::kEq:
        return a == b;
      case Op::kNe:
        return a != b;
      case Op::kLt:
        return a < b;
      case Op::kLe:
        return a <= b;
      case Op::kGt:
        return a > b;
      default:
        return a >= b;
    }
  };
  return ints(c) ? compare(c.integer(0), c.integer(1)) : compare(c.number(0), c.number(1));
}

// Python's max(a, b) and min(a, b): the first unless the second is strictly beyond it.
const Value& extreme(const Call& c, bool greatest) {
  const bool beyond = greatest ? c.number(1) > c.number(0) : c.number(1) < c.number(0);
  return *c.in[beyond ? 1 : 0];
}

Value leaf(const Call& c) {
  switch (c.node.op) {
    case Op::kNumber:
      return c.node.number;
    case Op::kBool:
      return c.attribute(0) != 0;
    case Op::kSize:
      return c.size(0);
    default:
      return static_cast<candidate::Field>(c.attribute(0)) == candidate::Field::kProgress
                 ? c.context.record.progress
                 : c.context.record.depth;
  }
}

Value rounded(const Call& c) {
  if (ints(c)) return c.integer(0);
  const double x = c.number(0);
  switch (c.node.op) {
    case Op::kFloor:
      return as(c, std::floor(x));
    case Op::kCeil:
      return as(c, std::ceil(x));
    case Op::kRound:
      return as(c, std::nearbyint(x));  // ties to even, as Python's round
    default:
      return as(c, std::trunc(x));
  }
}

}  // namespace

Value number_forward(const Call& c) {
  switch (c.node.op) {
    case Op::kField:
    case Op::kNumber:
    case Op::kBool:
    case Op::kSize:
      return leaf(c);
    case Op::kNeg:
    case Op::kAbs:
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kFloorDiv:
    case Op::kMod:
      return arithmetic(c);
    case Op::kDiv:
      if (c.number(1) == 0) raise(c, "division by zero");
      return c.number(0) / c.number(1);
    case Op::kPow:
      return power(c);
    case Op::kFloor:
    case Op::kCeil:
    case Op::kRound:
    case Op::kTrunc:
      return rounded(c);
    case Op::kSign:
      return as(c, (c.number(0) > 0) - (c.number(0) < 0));
    case Op::kRelu:
      return c.number(0) > 0 ? *c.in[0] : as(c, 0);
    case Op::kNot:
      return c.number(0) == 0;
    case Op::kCast:
      return as(c, c.number(0));
    case Op::kDetach:
      return *c.in[0];
    case Op::kMaximum:
    case Op::kClampMin:
      return extreme(c, true);
    case Op::kMinimum:
    case Op::kClampMax:
      return extreme(c, false);
    case Op::kXlogy:
      return c.number(0) == 0 ? 0.0 : checked(c, c.number(0) * std::log(c.number(1)));
    case Op::kEq:
    case Op::kNe:
    case Op::kLt:
    case Op::kLe:
    case Op::kGt:
    case Op::kGe:
      return comparison(c);
    case Op::kAnd:
      return c.number(0) != 0 && c.number(1) != 0;
    case Op::kOr:
      return c.number(0) != 0 || c.number(1) != 0;
    case Op::kXor:
      return (c.number(0) != 0) != (c.number(1) != 0);
    case Op::kSelect:
      return *c.in[c.number(0) != 0 ? 1 : 2];
    default:
      return function(c, c.number(0));
  }
}

}  // namespace ballast::trainer
