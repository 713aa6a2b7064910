// Calls, and assignments that PyTorch would do in place.
#include <algorithm>

#include "candidate/deeper.h"
#include "candidate/lower.h"

namespace ballast::candidate {

Value Evaluator::call(const Expr& expr) {
  if (std::optional<Value> appended = append(expr)) return *appended;
  const Value callee = usable(eval(expr.items[0]), "this function");
  std::vector<Argument> arguments;
  for (size_t i = 1; i < expr.items.size(); ++i) {
    const Value value = eval(expr.items[i]);
    low_.at(ast_.exprs[expr.items[i]].at);
    arguments.push_back(
        {expr.keywords[i - 1], usable(value, "this argument"), ast_.exprs[expr.items[i]].at});
  }
  low_.at(expr.at);
  if (callee.is(ValueKind::kFunction)) return call_function(*callee.closure, expr.at, arguments);
  if (callee.is(ValueKind::kCallable)) return call_row(callee, expr.at, std::move(arguments));
  if (callee.is(ValueKind::kNode) && low_.is_tensor(callee.node))
    low_.refuse(describe(low_, callee) + " cannot be called", "x[...] indexes a tensor");
  low_.refuse(describe(low_, callee) + " cannot be called");
}

Value Evaluator::call_row(const Value& callee, Position at, std::vector<Argument> arguments) {
  const NameRow& row = *callee.row;
  if (callee.items != nullptr) arguments.insert(arguments.begin(), {"", (*callee.items)[0], at});
  for (Argument& argument : arguments) {
    // dtype=float names torch's type by Python's.
    if (argument.keyword != "dtype" || !argument.value.is(ValueKind::kCallable)) continue;
    const std::string_view name = argument.value.row->name;
    if (name != "float" && name != "int" && name != "bool") continue;
    argument.value = Value::of(ValueKind::kDtype);
    argument.value.element = name == "float" ? Element::kFloat
                             : name == "int" ? Element::kInt
                                             : Element::kBool;
  }
  const Arguments bound(low_, row, at, arguments);
  low_.at(at);
  std::optional<Value> reduced = reduce_selection(row, bound);
  Value result = reduced ? *reduced : row.lower(low_, bound);
  // New memory, unless the result may be a view of the first operand.
  const bool view = row.effect == Effect::kView && !arguments.empty();
  const Storage storage = view ? arguments[0].value.storage : kForeign;
  const auto place = [&](Value& value) {
    if (value.is(ValueKind::kNode) && low_.is_tensor(value.node))
      value.storage = view ? storage : fresh_storage();
  };
  place(result);
  if (result.is(ValueKind::kTuple) && (result.fields != nullptr || view)) {
    Values items = *result.items;
    for (Value& item : items) place(item);
    result.items = std::make_shared<const Values>(std::move(items));
  }
  if (result.is(ValueKind::kList)) result.storage = fresh_storage();
  note_operands(row.effect, arguments, result);
  return result;
}

// items.append(x) on a local list: binds the name to the longer list.
std::optional<Value> Evaluator::append(const Expr& expr) {
  const Expr& callee = ast_.exprs[expr.items[0]];
  if (callee.kind != ExprKind::kAttribute || callee.text != "append") return std::nullopt;
  const Expr& base = ast_.exprs[callee.items[0]];
  if (base.kind != ExprKind::kName) return std::nullopt;
  const auto found = scope_->names.find(base.text);
  if (found == scope_->names.end() || !found->second.is(ValueKind::kList)) return std::nullopt;
  if (expr.items.size() != 2 || !expr.keywords[0].empty()) low_.refuse("append() takes one value");
  const Value item = usable(eval(expr.items[1]), "this value");
  low_.at(expr.at);
  Value list = scope_->names.at(base.text);
  if (aliased(list.storage, base.text))
    low_.refuse("append() would also change another name of this list",
                quoted(base.text) + " = " + std::string(base.text) + " + [x]");
  Values items = *list.items;
  items.push_back(item);
  low_.spend(items.size());
  list.items = std::make_shared<const Values>(std::move(items));
  bind(base.text, list);
  return Value();
}

void Evaluator::augment(const Stmt& stmt) {
  const Expr& target = ast_.exprs[stmt.targets[0]];
  const Value old = name(target);
  const Value value = usable(eval(stmt.value), "this value");
  Value result = binary(stmt.at, stmt.op, old, value);
  low_.at(stmt.at);
  const bool in_place =
      old.is(ValueKind::kList) || (old.is(ValueKind::kNode) && low_.is_tensor(old.node));
  if (in_place && stmt.op != Operator::kMatmul) {
    check_in_place(target.text, old, result);
    result.storage = old.storage;
  }
  bind(target.text, result);
}

void Evaluator::check_in_place(std::string_view name, const Value& old, const Value& result) {
  const std::string hint = "write " + std::string(name.substr(0, 40)) + " = " +
                           std::string(name.substr(0, 40)) + " + ...";
  const bool tensor = old.is(ValueKind::kNode);
  if (tensor && root(old.storage) == kForeign)
    low_.refuse("this would change a field of the record in place: " + quoted(name) +
                    " is one, or a view of one",
                hint);
  if (aliased(old.storage, name))
    low_.refuse("this would change " + quoted(name) + " in place, and other names share its memory",
                hint);
  if (!tensor) return;
  if (storage_kept_[root(old.storage)])
    low_.refuse(
        "this would change " + quoted(name) + " in place, but autograd still needs its old value",
        hint);
  if (low_.shape(old.node) != low_.shape(result.node))
    low_.refuse("this would change " + quoted(name) + " in place, but its shape is " +
                    to_string(low_.shape(old.node)) + " and the result's " +
                    to_string(low_.shape(result.node)),
                hint);
  if (low_.element(old.node) != low_.element(result.node))
    low_.refuse("this would change " + quoted(name) + " in place, but it is " +
                    low_.describe(old.node) + " and the result " + low_.describe(result.node),
                hint);
}

}  // namespace ballast::candidate
