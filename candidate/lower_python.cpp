// Python's builtins, and what is left of math.
#include <cmath>
#include <limits>

#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

constexpr int64_t kMostIterations = 64;

bool is_tensor(const Lowering& low, const Value& value) {
  return value.is(ValueKind::kNode) && low.is_tensor(value.node);
}

// The larger (or smaller) of two, as Python picks it: the first, unless the second beats it.
NodeId better(Lowering& low, const Arguments& args, NodeId a, NodeId b, bool larger) {
  if (!low.is_tensor(a) && !low.is_tensor(b))
    return low.binary(larger ? Op::kMaximum : Op::kMinimum, a, b);
  for (const NodeId x : {a, b})
    if (low.rank(x) > 0)
      args.refuse("values",
                  "compares whole tensors: " + low.describe(x) + " has no single truth value",
                  larger ? "torch.maximum(a, b), or x.max()" : "torch.minimum(a, b), or x.min()");
  return low.where(low.binary(larger ? Op::kGt : Op::kLt, b, a), b, a);
}

Value extreme(Lowering& low, const Arguments& args, bool larger) {
  if (!args.has("values")) args.refuse("values", "needs arguments");
  Values values;
  for (const Argument& argument : args.given()) values.push_back(argument.value);
  if (values.size() == 1) {
    const Value only = values[0];
    if (is_tensor(low, only) && low.rank(only.node) == 1)
      return Value::of(low.add(larger ? Op::kMaxValues : Op::kMinValues, {only.node}, {0, 0}));
    if (!only.is_sequence() || only.guards != nullptr || only.items->empty())
      args.refuse("values", "needs a list or several values, got " + describe(low, only),
                  larger ? "x.max()" : "x.min()");
    values = *only.items;
  }
  low.spend(values.size());
  std::optional<NodeId> best;
  for (const Value& value : values) {
    if (!value.is(ValueKind::kNode))
      args.refuse("values", "cannot compare " + describe(low, value));
    best = best ? better(low, args, *best, value.node, larger) : value.node;
  }
  return Value::of(*best);
}

// float(x), int(x), bool(x) of a tensor leave autograd, as item() does.
NodeId as_number(Lowering& low, const Arguments& args, Element element) {
  const Value& x = args.value("x");
  if (!x.is(ValueKind::kNode)) args.refuse("x", "needs a number, got " + describe(low, x));
  if (!low.is_tensor(x.node)) return low.cast(x.node, element);
  if (elements(low.shape(x.node)) != Dim(1))
    args.refuse("x", "needs one number, got " + low.describe(x.node),
                "x." + std::string(args.row().name) + "() casts a tensor");
  return low.cast(low.unary(Op::kDetach, low.reshape(x.node, {})), element);
}

bool counts_tokens(const Lowering& low, NodeId x) {
  const auto dim = low.dim(x);
  if (!dim) return false;
  for (const Dim::Term& term : dim->terms())
    if (term.powers[static_cast<size_t>(Symbol::kT)] > 0) return true;
  return false;
}

struct Bounds {
  NodeId start, stop;
  int64_t step;
};

Bounds range_bounds(Lowering& low, const Arguments& args) {
  std::vector<NodeId> numbers;
  for (const Argument& argument : args.given()) {
    const Value& x = argument.value;
    if (!x.is(ValueKind::kNode) || low.is_tensor(x.node) || low.element(x.node) == Element::kFloat)
      fail(argument.at, "range() needs ints, got " + describe(low, x),
           "int(x), x.shape[0] or r.num_experts");
    if (counts_tokens(low, x.node))
      fail(argument.at,
           "a loop over " + low.dim(x.node)->to_string() + " steps: at most 64 are unrolled",
           "use tensor operations over the tokens");
    numbers.push_back(x.node);
  }
  if (numbers.empty() || numbers.size() > 3) args.refuse("bounds", "takes 1 to 3 ints");
  Bounds bounds{low.size(Dim(0)), numbers[0], 1};
  if (numbers.size() > 1) bounds.start = numbers[0], bounds.stop = numbers[1];
  if (numbers.size() == 3) {
    const auto step = low.integer(numbers[2]);
    if (!step || *step == 0) args.refuse("bounds", "the step must be a constant other than 0");
    bounds.step = *step;
  }
  return bounds;
}

}  // namespace

Value lower_python_abs(Lowering& low, const Arguments& args) {
  return Value::of(low.unary(Op::kAbs, args.node("x")));
}

Value lower_python_min(Lowering& low, const Arguments& args) { return extreme(low, args, false); }
Value lower_python_max(Lowering& low, const Arguments& args) { return extreme(low, args, true); }

Value lower_python_sum(Lowering& low, const Arguments& args) {
  const Value& all = args.value("iterable");
  NodeId total = args.node("start");
  if (is_tensor(low, all)) {
    if (low.rank(all.node) == 0) args.refuse("iterable", "a 0-dim tensor has no items");
    return Value::of(low.sum_of(low.reduce(Op::kSum, all.node, {0}), total));
  }
  if (!all.is_sequence() || all.guards != nullptr)
    args.refuse("iterable", "needs a list or a tensor, got " + describe(low, all), "x.sum()");
  for (const Value& item : *all.items) {
    if (!item.is(ValueKind::kNode)) args.refuse("iterable", "cannot add " + describe(low, item));
    total = low.sum_of(total, item.node);
  }
  return Value::of(total);
}

Value lower_python_float(Lowering& low, const Arguments& args) {
  const Value& x = args.value("x");
  if (x.is(ValueKind::kText)) {
    if (x.text == "inf" || x.text == "+inf")
      return Value::of(low.number(std::numeric_limits<double>::infinity()));
    if (x.text == "-inf") return Value::of(low.number(-std::numeric_limits<double>::infinity()));
    args.refuse("x", "of the strings only 'inf' and '-inf' are in the language");
  }
  return Value::of(as_number(low, args, Element::kFloat));
}

Value lower_python_int(Lowering& low, const Arguments& args) {
  return Value::of(as_number(low, args, Element::kInt));
}
Value lower_python_bool(Lowering& low, const Arguments& args) {
  return Value::of(as_number(low, args, Element::kBool));
}

Value lower_python_round(Lowering& low, const Arguments& args) {
  const NodeId x = args.node("number");
  if (!args.has("ndigits")) return Value::of(low.unary(Op::kRound, x));
  const int64_t digits = args.integer("ndigits");
  if (digits < -300 || digits > 300) args.refuse("ndigits", "too many digits");
  const NodeId scale = low.number(std::pow(10.0, static_cast<double>(digits)));
  return Value::of(low.quotient(low.unary(Op::kRound, low.product(x, scale)), scale));
}

Value lower_python_pow(Lowering& low, const Arguments& args) {
  return Value::of(low.binary(Op::kPow, args.node("base"), args.node("exp")));
}

Value lower_python_len(Lowering& low, const Arguments& args) {
  const Value& x = args.value("obj");
  if (is_tensor(low, x)) {
    if (low.rank(x.node) == 0) args.refuse("obj", "a 0-dim tensor has no length");
    return Value::of(low.size(low.shape(x.node)[0]));
  }
  if (!x.is_sequence() || x.guards != nullptr)
    args.refuse("obj", describe(low, x) + " has no length");
  return Value::of(low.size(Dim(static_cast<int64_t>(x.items->size()))));
}

// Unrolled: up to 64 numbers, each with the condition under which the range reaches it.
Value lower_python_range(Lowering& low, const Arguments& args) {
  const Bounds bounds = range_bounds(low, args);
  const Op before = bounds.step > 0 ? Op::kLt : Op::kGt;
  Values items;
  std::vector<NodeId> guards;
  bool known = true;
  NodeId at = bounds.start;
  for (int64_t i = 0;; ++i) {
    low.spend(1);
    const NodeId reached = low.binary(before, at, bounds.stop);
    const auto decided = low.decided(reached);
    if (decided && !*decided) break;
    if (i == kMostIterations) {
      if (decided)
        args.refuse("bounds", "more than 64 steps", "use tensor operations, as torch.arange");
      low.require(low.unary(Op::kNot, reached));
      break;
    }
    if (!decided) known = false;
    items.push_back(Value::of(at));
    guards.push_back(reached);
    at = low.sum_of(at, low.size(Dim(bounds.step)));
  }
  Value range = Value::sequence(ValueKind::kSequence, std::move(items));
  if (!known) range.guards = std::make_shared<const std::vector<NodeId>>(std::move(guards));
  return range;
}

Value lower_python_enumerate(Lowering& low, const Arguments& args) {
  const Value all = iterate(low, args.value("iterable"));
  const NodeId start = args.number("start");
  Values items;
  for (const Value& item : *all.items) {
    const NodeId place = low.sum_of(start, low.size(Dim(static_cast<int64_t>(items.size()))));
    items.push_back(Value::sequence(ValueKind::kTuple, {Value::of(place), item}));
  }
  Value out = Value::sequence(ValueKind::kSequence, std::move(items));
  out.guards = all.guards;
  return out;
}

Value lower_python_zip(Lowering& low, const Arguments& args) {
  std::vector<Value> all;
  size_t length = args.given().empty() ? 0 : SIZE_MAX;
  bool guarded = false;
  for (const Argument& argument : args.given()) {
    all.push_back(iterate(low, argument.value));
    length = std::min(length, all.back().items->size());
    guarded = guarded || all.back().guards != nullptr;
  }
  Values items;
  std::vector<NodeId> guards;
  for (size_t i = 0; i < length; ++i) {
    low.spend(1);
    Values tuple;
    NodeId reached = low.boolean(true);
    for (const Value& part : all) {
      tuple.push_back((*part.items)[i]);
      if (part.guards) reached = low.binary(Op::kAnd, reached, (*part.guards)[i]);
    }
    items.push_back(Value::sequence(ValueKind::kTuple, std::move(tuple)));
    guards.push_back(reached);
  }
  Value out = Value::sequence(ValueKind::kSequence, std::move(items));
  if (guarded) out.guards = std::make_shared<const std::vector<NodeId>>(std::move(guards));
  return out;
}

Value lower_python_reversed(Lowering& low, const Arguments& args) {
  const Value all = iterate(low, args.value("sequence"));
  if (all.guards) args.refuse("sequence", "its length is unknown before the run", "x.flip(0)");
  return Value::sequence(ValueKind::kSequence, Values(all.items->rbegin(), all.items->rend()));
}

Value lower_python_list(Lowering& low, const Arguments& args) {
  const Value all = iterate(low, args.value("iterable"));
  if (all.guards)
    args.refuse("iterable", "its length is unknown before the run", "use tensor operations");
  return Value::sequence(ValueKind::kList, *all.items);
}

Value lower_python_tuple(Lowering& low, const Arguments& args) {
  const Value all = iterate(low, args.value("iterable"));
  if (all.guards)
    args.refuse("iterable", "its length is unknown before the run", "use tensor operations");
  return Value::sequence(ValueKind::kTuple, *all.items);
}

Value iterate(Lowering& low, const Value& value) {
  if (value.is_sequence()) return value;
  if (!is_tensor(low, value)) low.refuse(describe(low, value) + " has no items to go through");
  const NodeId x = value.node;
  if (low.rank(x) == 0) low.refuse("a 0-dim tensor has no items to go through");
  const NodeId size = low.size(low.shape(x)[0]);
  if (counts_tokens(low, size))
    low.refuse("a loop over " + low.shape(x)[0].to_string() + " steps: at most 64 are unrolled",
               "use tensor operations over the tokens");
  Values items;
  std::vector<NodeId> guards;
  bool known = true;
  for (int64_t i = 0;; ++i) {
    const NodeId at = low.size(Dim(i)), reached = low.binary(Op::kLt, at, size);
    const auto decided = low.decided(reached);
    if (decided && !*decided) break;
    if (i == kMostIterations) {
      if (decided) low.refuse("more than 64 steps", "use tensor operations");
      low.require(low.unary(Op::kNot, reached));
      break;
    }
    if (!decided) known = false;
    items.push_back(Value::of(low.add(Op::kIndex, {x, at}, {0})));
    guards.push_back(reached);
  }
  Value out = Value::sequence(ValueKind::kSequence, std::move(items));
  if (!known) out.guards = std::make_shared<const std::vector<NodeId>>(std::move(guards));
  return out;
}

namespace {

NodeId math_number(Lowering& low, const Arguments& args, std::string_view name) {
  const Value& x = args.value(name);
  if (is_tensor(low, x))
    args.refuse(
        name, "math functions take numbers; of a tensor they would drop the gradient",
        "torch." + std::string(args.row().name == "fabs" ? "abs" : args.row().name) + "(x)");
  return low.cast(args.number(name), Element::kFloat);
}

}  // namespace

Value lower_math_log(Lowering& low, const Arguments& args) {
  const NodeId x = low.unary(Op::kLog, math_number(low, args, "x"));
  if (!args.has("base")) return Value::of(x);
  return Value::of(low.quotient(x, low.unary(Op::kLog, math_number(low, args, "base"))));
}

Value lower_math_fabs(Lowering& low, const Arguments& args) {
  return Value::of(low.unary(Op::kAbs, math_number(low, args, "x")));
}

Value lower_math_pow(Lowering& low, const Arguments& args) {
  return Value::of(low.binary(Op::kPow, math_number(low, args, "x"), math_number(low, args, "y")));
}

}  // namespace ballast::candidate
