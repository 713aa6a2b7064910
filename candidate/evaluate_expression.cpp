// Expressions: literals, operators, conditions.
#include <algorithm>
#include <array>

#include "candidate/deeper.h"
#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

struct OperatorRow {
  Operator op;
  std::string_view text;
  Op node;
};
constexpr std::array<OperatorRow, 8> kArithmetic = {{{Operator::kAdd, "+", Op::kAdd},
                                                     {Operator::kSub, "-", Op::kSub},
                                                     {Operator::kMul, "*", Op::kMul},
                                                     {Operator::kDiv, "/", Op::kDiv},
                                                     {Operator::kFloorDiv, "//", Op::kFloorDiv},
                                                     {Operator::kMod, "%", Op::kMod},
                                                     {Operator::kPow, "**", Op::kPow},
                                                     {Operator::kMatmul, "@", Op::kMatmul}}};

constexpr std::array<OperatorRow, 6> kComparison = {{{Operator::kEq, "==", Op::kEq},
                                                     {Operator::kNe, "!=", Op::kNe},
                                                     {Operator::kLt, "<", Op::kLt},
                                                     {Operator::kLe, "<=", Op::kLe},
                                                     {Operator::kGt, ">", Op::kGt},
                                                     {Operator::kGe, ">=", Op::kGe}}};

template <size_t N>
const OperatorRow* find(const std::array<OperatorRow, N>& rows, Operator op) {
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const OperatorRow& row) { return row.op == op; });
  return found == rows.end() ? nullptr : &*found;
}

// What autograd keeps of the operands of an operator.
Effect effect_of(const Lowering& low, Operator op, NodeId a, NodeId b) {
  switch (op) {
    case Operator::kMul:
    case Operator::kMatmul:
      return low.is_tensor(a) && low.is_tensor(b) ? Effect::kFresh : Effect::kLinear;
    case Operator::kDiv:
      return low.is_tensor(b) ? Effect::kFresh : Effect::kLinear;
    case Operator::kPow:
      return Effect::kResult;
    default:
      return Effect::kLinear;
  }
}

}  // namespace

Value Evaluator::eval(ExprId id) {
  const Expr& expr = ast_.exprs[id];
  const Deeper deeper(*this, expr.at);
  low_.at(expr.at);
  low_.spend(1);
  return eval_kind(expr);
}

Value Evaluator::eval_kind(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kName:
      return name(expr);
    case ExprKind::kInt:
      return Value::of(low_.size(Dim(expr.integer)));
    case ExprKind::kFloat:
      return Value::of(low_.number(expr.number));
    case ExprKind::kText:
      return Value::of(ValueKind::kText, expr.string);
    case ExprKind::kTrue:
    case ExprKind::kFalse:
      return Value::of(low_.boolean(expr.kind == ExprKind::kTrue));
    case ExprKind::kNone:
      return {};
    case ExprKind::kEllipsis:
      return Value::of(ValueKind::kEllipsis);
    case ExprKind::kTuple:
    case ExprKind::kList: {
      Values items;
      for (const ExprId item : expr.items) items.push_back(usable(eval(item), "this item"));
      Value value = Value::sequence(
          expr.kind == ExprKind::kList ? ValueKind::kList : ValueKind::kTuple, std::move(items));
      value.storage = fresh_storage();
      return value;
    }
    case ExprKind::kPrefix:
      return prefix(expr);
    case ExprKind::kChain:
      return chain(expr);
    case ExprKind::kCompare:
      return compare(expr);
    case ExprKind::kAnd:
    case ExprKind::kOr:
      return logic(expr);
    case ExprKind::kTernary:
      return ternary(expr);
    case ExprKind::kAttribute:
      return attribute(expr);
    case ExprKind::kCall:
      return call(expr);
    case ExprKind::kSubscript:
      return subscript(expr);
    case ExprKind::kSlice:
      low_.refuse("a slice can only stand between [ and ]");
    case ExprKind::kComprehension:
      return comprehension(expr);
  }
  return {};
}

const Value& Evaluator::usable(const Value& value, std::string_view name) const {
  if (value.is(ValueKind::kUnusable)) low_.refuse(std::string(name) + " " + value.text);
  return value;
}

Value Evaluator::chain(const Expr& expr) {
  Value left = eval(expr.items[0]);
  for (size_t i = 0; i < expr.operators.size(); ++i) {
    const Value right = eval(expr.items[i + 1]);
    left = binary(expr.operators[i].at, expr.operators[i].op, left, right);
  }
  return left;
}

Value Evaluator::binary(Position at, Operator op, const Value& a, const Value& b) {
  low_.at(at);
  if (a.is_sequence() || b.is_sequence()) return sequence_operation(op, a, b);
  usable(a, "the left side"), usable(b, "the right side");
  if (!a.is(ValueKind::kNode) || !b.is(ValueKind::kNode))
    low_.refuse("cannot calculate with " + describe(low_, a) + " and " + describe(low_, b),
                a.is(ValueKind::kMasked) || b.is(ValueKind::kMasked)
                    ? "calculate first and select last, (a * b)[mask].sum(), or keep the shape: "
                      "torch.where(mask, x, 0)"
                    : "");
  const OperatorRow* row = find(kArithmetic, op);
  if (row == nullptr) return fresh(bitwise(op, a.node, b.node));
  Value result = fresh(op == Operator::kFloorDiv ? low_.floor_divide(a.node, b.node)
                       : op == Operator::kMod    ? low_.remainder(a.node, b.node)
                       : op == Operator::kPow    ? low_.power(a.node, b.node)
                                                 : low_.binary(row->node, a.node, b.node));
  note_operands(effect_of(low_, op, a.node, b.node), {{"", a, at}, {"", b, at}}, result);
  return result;
}

Value Evaluator::sequence_operation(Operator op, const Value& a, const Value& b) {
  constexpr size_t kLongest = 4096;
  if (a.guards != nullptr || b.guards != nullptr)
    low_.refuse("the length of this range is unknown before the run");
  Values items;
  if (op == Operator::kAdd && a.kind == b.kind) {
    items = *a.items;
    items.insert(items.end(), b.items->begin(), b.items->end());
  } else if (op == Operator::kMul) {
    const Value& list = a.is_sequence() ? a : b;
    const auto times = as_size(low_, a.is_sequence() ? b : a);
    const auto count = times ? times->constant() : std::nullopt;
    if (!count) low_.refuse("a list can only be repeated a constant number of times");
    const auto total =
        static_cast<double>(std::max<int64_t>(*count, 0)) * static_cast<double>(list.items->size());
    if (total > static_cast<double>(kLongest)) low_.refuse("a list of more than 4096 items");
    for (int64_t i = 0; i < *count && !list.items->empty(); ++i)
      items.insert(items.end(), list.items->begin(), list.items->end());
  } else {
    low_.refuse("cannot calculate with " + describe(low_, a) + " and " + describe(low_, b),
                "torch.tensor([...]) or torch.stack([...]) makes a tensor of a list");
  }
  if (items.size() > kLongest) low_.refuse("a list of more than 4096 items");
  low_.spend(items.size());
  Value out = Value::sequence(a.is_sequence() ? a.kind : b.kind, std::move(items));
  out.storage = fresh_storage();
  return out;
}

// & | ^ on bools, Python's or tensors of them.
NodeId Evaluator::bitwise(Operator op, NodeId a, NodeId b) {
  const Op node = op == Operator::kBitAnd ? Op::kAnd : op == Operator::kBitOr ? Op::kOr : Op::kXor;
  const bool shift = op == Operator::kShiftLeft || op == Operator::kShiftRight;
  if (shift || low_.element(a) != Element::kBool || low_.element(b) != Element::kBool)
    low_.refuse("bit operations on " + low_.describe(a) + " and " + low_.describe(b) +
                    " are not in the language",
                "& | ^ take bools: put comparisons in brackets, (a > 0) & (b > 0)");
  if (low_.is_tensor(a) || low_.is_tensor(b))
    return low_.binary(node, low_.tensor(a), low_.tensor(b));
  return low_.binary(node, a, b);
}

Value Evaluator::prefix(const Expr& expr) {
  const Operator op = expr.operators[0].op;
  const Value value = usable(eval(expr.items[0]), "this value");
  low_.at(expr.at);
  if (op == Operator::kNot) {
    const Truth condition = truth(value);
    return Value::of(condition.known ? low_.boolean(!*condition.known) : opposite(condition.node));
  }
  if (!value.is(ValueKind::kNode)) low_.refuse("cannot calculate with " + describe(low_, value));
  if (op == Operator::kMinus) return fresh(low_.unary(Op::kNeg, value.node));
  if (op == Operator::kPlus) {
    if (low_.element(value.node) == Element::kBool && !low_.is_tensor(value.node))
      return Value::of(low_.cast(value.node, Element::kInt));
    return value;
  }
  if (!low_.is_tensor(value.node) || low_.element(value.node) != Element::kBool)
    low_.refuse("~ needs a bool tensor, got " + describe(low_, value), "for numbers write `not x`");
  return fresh(low_.unary(Op::kNot, value.node));
}

Value Evaluator::compare(const Expr& expr) {
  Value left = eval(expr.items[0]);
  std::optional<Truth> all;
  for (size_t i = 0; i < expr.operators.size(); ++i) {
    const Value right = eval(expr.items[i + 1]);
    const Truth here = comparison(expr.operators[i].at, expr.operators[i].op, left, right);
    if (!all) {
      all = here;
    } else if (all->known || here.known) {
      const Truth& open = all->known ? here : *all;
      const bool known = all->known ? *all->known : *here.known;
      all = known ? open : Truth{false};
    } else {
      // a < b < c is `a < b and b < c`: only single truth values can be joined.
      all = Truth{std::nullopt,
                  both(truth_node(Value::of(all->node)), truth_node(Value::of(here.node)))};
    }
    left = right;
  }
  return fresh(bool_node(*all));
}

Evaluator::Truth Evaluator::comparison(Position at, Operator op, const Value& a, const Value& b) {
  low_.at(at);
  usable(a, "the left side"), usable(b, "the right side");
  const bool is = op == Operator::kIs || op == Operator::kIsNot;
  const bool equality = op == Operator::kEq || op == Operator::kNe;
  const bool positive = op == Operator::kIs || op == Operator::kEq || op == Operator::kIn;
  if (is || (equality && (a.is(ValueKind::kNone) || b.is(ValueKind::kNone)))) {
    if (!a.is(ValueKind::kNone) && !b.is(ValueKind::kNone))
      low_.refuse("`is` only compares with None", "write ==");
    return {(a.kind == b.kind) == positive};
  }
  if (op == Operator::kIn || op == Operator::kNotIn) {
    if (!b.is_sequence() || b.guards) low_.refuse("`in` needs a list, got " + describe(low_, b));
    std::optional<NodeId> found;
    for (const Value& item : *b.items) {
      const NodeId same = bool_node(comparison(at, Operator::kEq, a, item));
      if (low_.is_tensor(same)) low_.refuse("`in` compares numbers only");
      found = found ? low_.binary(Op::kOr, *found, same) : same;
    }
    const NodeId result = found ? *found : low_.boolean(false);
    return {std::nullopt, op == Operator::kIn ? result : opposite(result)};
  }
  if (a.is(ValueKind::kText) && b.is(ValueKind::kText) && equality)
    return {(a.text == b.text) == positive};
  if (!a.is(ValueKind::kNode) || !b.is(ValueKind::kNode))
    low_.refuse("cannot compare " + describe(low_, a) + " with " + describe(low_, b));
  return {std::nullopt, low_.binary(find(kComparison, op)->node, a.node, b.node)};
}

// `and` and `or` give back one of their operands; the others are not looked at.
Value Evaluator::logic(const Expr& expr) {
  const bool conjunction = expr.kind == ExprKind::kAnd;
  Value result = usable(eval(expr.items[0]), "this value");
  std::vector<std::pair<NodeId, Value>> open;  // conditions under which an earlier operand decides
  for (size_t i = 1; i < expr.items.size(); ++i) {
    low_.at(ast_.exprs[expr.items[i - 1]].at);
    const Truth left = truth(result);
    if (left.known && *left.known != conjunction) break;
    if (!left.known) open.emplace_back(left.node, result);
    result = usable(eval(expr.items[i]), "this value");
  }
  for (auto step = open.rbegin(); step != open.rend(); ++step) {
    low_.at(expr.at);
    const auto& [condition, value] = *step;
    const bool bools = value.is(ValueKind::kNode) && result.is(ValueKind::kNode) &&
                       low_.element(value.node) == Element::kBool &&
                       low_.element(result.node) == Element::kBool;
    if (bools) {
      result = Value::of(bitwise(conjunction ? Operator::kBitAnd : Operator::kBitOr, condition,
                                 truth_node(result)));
      continue;
    }
    result = conjunction ? merge(condition, result, value) : merge(condition, value, result);
    usable(result, "this value");
  }
  return result;
}

NodeId Evaluator::truth_node(const Value& value) { return bool_node(truth(value)); }

Value Evaluator::ternary(const Expr& expr) {
  const Value value = usable(eval(expr.items[1]), "the condition");
  low_.at(ast_.exprs[expr.items[1]].at);
  const Truth condition = truth(value);
  if (condition.known) return eval(expr.items[*condition.known ? 0 : 2]);
  const bool lazy = !low_.is_tensor(condition.node);
  if (lazy) low_.enter(condition.node, true);
  const Value yes = eval(expr.items[0]);
  if (lazy) low_.leave(), low_.enter(condition.node, false);
  const Value no = eval(expr.items[2]);
  if (lazy) low_.leave();
  low_.at(expr.at);
  return usable(merge(condition.node, yes, no), "this value");
}

// One step of a comprehension: binds the target, and appends unless a condition is false.
void Evaluator::take_item(const Expr& expr, const Value& item, Values& items) {
  assign(expr.items[1], item);
  for (size_t i = 3; i < expr.items.size(); ++i) {
    const Truth condition = truth(usable(eval(expr.items[i]), "the condition"));
    if (!condition.known)
      low_.refuse("the length of this list is unknown before the run",
                  "multiply by the condition instead");
    if (!*condition.known) return;
  }
  items.push_back(usable(eval(expr.items[0]), "this item"));
}

Value Evaluator::comprehension(const Expr& expr) {
  const Value source = usable(eval(expr.items[2]), "this value");
  low_.at(ast_.exprs[expr.items[2]].at);
  const Value all = iterate(low_, source);
  if (all.guards != nullptr)
    low_.refuse("the length of this list is unknown before the run",
                "use tensor operations, or a loop that adds up");
  Values items;
  journaled([&] {
    for (const Value& item : *all.items) take_item(expr, item, items);
  });
  Value out = Value::sequence(ValueKind::kList, std::move(items));
  out.storage = fresh_storage();
  return out;
}

}  // namespace ballast::candidate
