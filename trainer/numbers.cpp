// Python numbers: the values of nodes that are no tensors, by the rules of CPython 3.
//
// They depend on sizes, progress and depth only, so conditions on them are decided without looking
// at a tensor.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "candidate/python_number.h"
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

bool is_float(const Value& v) { return std::holds_alternative<double>(v); }

bool ints(const Call& c) {
  return std::none_of(c.in.begin(), c.in.end(), [](const Value* v) { return is_float(*v); });
}

[[noreturn]] void raise_overflow(const Call& c) {
  raise(c, "the whole number does not fit into 64 bits");
}

int64_t product(const Call& c, int64_t a, int64_t b) {
  int64_t r = 0;
  if (__builtin_mul_overflow(a, b, &r)) raise_overflow(c);
  return r;
}

int64_t difference(const Call& c, int64_t a, int64_t b) {
  int64_t r = 0;
  if (__builtin_sub_overflow(a, b, &r)) raise_overflow(c);
  return r;
}

int64_t int_power(const Call& c, int64_t base, int64_t exponent) {
  int64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result = product(c, result, base);
    if (exponent > 1) base = product(c, base, base);
  }
  return result;
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
  switch (c.node.op) {
    case Op::kNeg:
      return difference(c, 0, a);
    case Op::kAbs:
      return a < 0 ? difference(c, 0, a) : a;
    case Op::kAdd: {
      int64_t r = 0;
      if (__builtin_add_overflow(a, b, &r)) raise_overflow(c);
      return r;
    }
    case Op::kSub:
      return difference(c, a, b);
    case Op::kMul:
      return product(c, a, b);
    case Op::kFloorDiv:
      if (b == 0) raise(c, "division by zero");
      return b == -1 ? difference(c, 0, a) : candidate::python::floor_div(a, b);
    case Op::kMod:
      if (b == 0) raise(c, "division by zero");
      return b == -1 ? 0 : candidate::python::mod(a, b);
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
      if (b == 0) raise(c, "division by zero");
      return candidate::python::floor_div(a, b);
    case Op::kMod:
      if (b == 0) raise(c, "division by zero");
      return candidate::python::mod(a, b);
    default:
      throw std::logic_error("no arithmetic op");
  }
}

// Functions of Python's `math`.
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
    default:
      throw std::logic_error("no op on Python numbers: " + std::string(row(c.node.op).name));
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

// A value that the node hands on, as the type it declares: of mixed numbers the wider one.
Value handed_on(const Call& c, size_t i) {
  return c.node.type.element == Element::kInt ? Value(c.integer(i)) : as(c, c.number(i));
}

// Python's max(a, b) and min(a, b): the first unless the second is strictly beyond it.
Value extreme(const Call& c, bool greatest) {
  const bool beyond = greatest ? c.number(1) > c.number(0) : c.number(1) < c.number(0);
  return handed_on(c, beyond ? 1 : 0);
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
      return as(c, candidate::python::round_half_even(x));
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
    case Op::kNot:
      return c.number(0) == 0;
    case Op::kCast:
      return is_float(*c.in[0]) ? as(c, c.number(0)) : handed_on(c, 0);
    case Op::kMaximum:
      return extreme(c, true);
    case Op::kMinimum:
      return extreme(c, false);
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
      return handed_on(c, c.number(0) != 0 ? 1 : 2);
    default:
      return function(c, c.number(0));
  }
}

}  // namespace ballast::trainer
