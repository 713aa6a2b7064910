// Statements, functions and hooks.
#include <algorithm>
#include <utility>

#include "candidate/deeper.h"
#include "candidate/lower.h"

namespace ballast::candidate {

Program Evaluator::run() {
  scopes_.emplace_back();
  scope_ = &scopes_.front();
  run_block(ast_.body);
  const std::optional<NodeId> loss = run_hook("balance_loss", 1);
  const std::optional<NodeId> bias = run_hook("selection_bias", 2);
  if (!loss && !bias) fail_without_hook();
  return low_.finish(loss, bias);
}

void Evaluator::fail_without_hook() const {
  std::vector<std::string_view> defined;
  for (const Function& function : ast_.functions) defined.push_back(function.name);
  const auto near = nearest("balance_loss", defined);
  fail({1, 1}, "the text defines neither balance_loss(r) nor selection_bias(r, bias)",
       near.empty() ? "start with `def balance_loss(r):`"
                    : "rename " + quoted(near[0]) + " to `balance_loss`");
}

const Closure* Evaluator::find_hook(std::string_view name, size_t parameters) {
  const auto found = scope_->names.find(name);
  if (found == scope_->names.end()) return nullptr;
  if (!found->second.is(ValueKind::kFunction)) fail({1, 1}, quoted(name) + " must be a function");
  const Closure* closure = found->second.closure;
  const Function& function = *closure->function;
  size_t required = 0, positional = 0;
  for (const Parameter& parameter : function.parameters) {
    required += parameter.value == kNoExpr;
    positional += !parameter.keyword_only;
  }
  if (required > parameters || positional < parameters)
    fail(function.at,
         quoted(name) + " must take " + (parameters == 1 ? "one argument" : "two arguments"),
         parameters == 1 ? "def balance_loss(r):" : "def selection_bias(r, bias):");
  return closure;
}

std::optional<NodeId> Evaluator::run_hook(std::string_view name, size_t parameters) {
  const Closure* closure = find_hook(name, parameters);
  if (closure == nullptr) return std::nullopt;
  std::vector<Argument> arguments{{"", Value::of(ValueKind::kRecord), closure->function->at}};
  if (parameters == 2) {
    Value bias = Value::of(low_.field(Field::kBias));
    arguments.push_back({"", bias, closure->function->at});
  }
  returned_at_ = closure->function->at;
  const Value result = call_function(*closure, closure->function->at, arguments);
  check_hook_type(name, result);
  if (!low_.is_tensor(result.node) && parameters == 1)
    return low_.under_requirements(low_.tensor(low_.cast(result.node, Element::kFloat)));
  return low_.under_requirements(result.node);
}

void Evaluator::check_hook_type(std::string_view name, const Value& result) {
  const bool loss = name == "balance_loss";
  const std::string wanted =
      loss ? "one float (a 0-dim tensor)" : "a float (E,) tensor, the next bias";
  const std::string returns = std::string(name) + " returns ";
  if (result.is(ValueKind::kUnusable)) fail(returned_at_, returns + "a value that " + result.text);
  if (result.is(ValueKind::kNone))
    fail(returned_at_, returns + "nothing, but must return " + wanted, "end it with `return`");
  if (!result.is(ValueKind::kNode))
    fail(returned_at_, returns + describe(low_, result) + ", but must return " + wanted);
  const Type& type = low_.type(result.node);
  if (loss ? !type.tensor || (type.shape.empty() && type.element == Element::kFloat)
           : type == field_type(Field::kBias))
    return;
  const bool shape = loss ? !type.shape.empty() : type.shape != field_type(Field::kBias).shape;
  fail(returned_at_, returns + describe(low_, result) + ", but must return " + wanted,
       !shape ? "x.float() makes it float"
       : loss ? "reduce it with .sum() or .mean()"
              : "return bias + step, one number per expert");
}

Evaluator::Flow Evaluator::run_block(const Block& block) {
  for (const StmtId id : block) {
    Flow flow = run_statement(ast_.stmts[id]);
    if (flow.kind != Flow::kNext) return flow;
  }
  return {};
}

Evaluator::Flow Evaluator::run_statement(const Stmt& stmt) {
  const Deeper deeper(*this, stmt.at);
  low_.at(stmt.at);
  low_.spend(1);
  switch (stmt.kind) {
    case StmtKind::kExpression:
      eval(stmt.value);
      return {};
    case StmtKind::kAssign: {
      const Value value = usable(eval(stmt.value), "this value");
      for (const ExprId target : stmt.targets) assign(target, value);
      return {};
    }
    case StmtKind::kAugment:
      augment(stmt);
      return {};
    case StmtKind::kReturn: {
      Flow flow{Flow::kReturn,
                stmt.value == kNoExpr ? Value() : usable(eval(stmt.value), "this value")};
      returned_at_ = stmt.value == kNoExpr ? stmt.at : start_of(stmt.value);
      return flow;
    }
    case StmtKind::kIf:
      return run_if(stmt, 0);
    case StmtKind::kFor:
      return run_for(stmt);
    case StmtKind::kPass:
      return {};
    case StmtKind::kBreak:
      return {Flow::kBreak, {}};
    case StmtKind::kContinue:
      return {Flow::kContinue, {}};
    case StmtKind::kDef:
      define(stmt);
      return {};
    case StmtKind::kImport:
      run_import(stmt);
      return {};
  }
  return {};
}

// Where an expression starts: a.b(c) is reported at b otherwise.
Position Evaluator::start_of(ExprId id) const {
  const auto trails = [&](ExprKind kind) {
    return kind == ExprKind::kAttribute || kind == ExprKind::kCall || kind == ExprKind::kSubscript;
  };
  while (trails(ast_.exprs[id].kind)) id = ast_.exprs[id].items[0];
  return ast_.exprs[id].at;
}

void Evaluator::run_import(const Stmt& stmt) {
  for (const Import& import : stmt.imports) {
    low_.at(stmt.at);
    const Value value = import.name.empty() ? Value::of(ValueKind::kModule, import.module)
                                            : module_attribute(import.module, import.name);
    bind(import.bound, value);
  }
}

void Evaluator::define(const Stmt& stmt) {
  const Function& function = ast_.functions[stmt.function];
  Closure closure{&function, {}, scope_};
  for (const Parameter& parameter : function.parameters)
    closure.defaults.push_back(parameter.value == kNoExpr ? Value() : eval(parameter.value));
  scope_->captured = true;
  closures_.push_back(std::move(closure));
  Value value = Value::of(ValueKind::kFunction);
  value.closure = &closures_.back();
  bind(function.name, value);
}

void Evaluator::assign(ExprId target, const Value& value) {
  const Expr& expr = ast_.exprs[target];
  low_.at(expr.at);
  if (expr.kind == ExprKind::kName) {
    bind(expr.text, value);
    return;
  }
  const size_t wanted = expr.items.size();
  if (value.is(ValueKind::kNode) && low_.is_tensor(value.node) && low_.rank(value.node) > 0 &&
      low_.shape(value.node)[0] == Dim(static_cast<int64_t>(wanted))) {
    const Value items = iterate(low_, value);
    for (size_t i = 0; i < wanted; ++i) assign(expr.items[i], (*items.items)[i]);
    return;
  }
  if (!value.is_sequence() || value.guards)
    low_.refuse("cannot unpack " + describe(low_, value) + " into " + std::to_string(wanted) +
                " names");
  if (value.items->size() != wanted)
    low_.refuse("cannot unpack " + std::to_string(value.items->size()) + " values into " +
                std::to_string(wanted) + " names");
  for (size_t i = 0; i < wanted; ++i) assign(expr.items[i], (*value.items)[i]);
}

Value Evaluator::call_function(const Closure& closure, Position at,
                               const std::vector<Argument>& arguments) {
  const Function& function = *closure.function;
  if (std::find(calls_.begin(), calls_.end(), &function) != calls_.end())
    fail(at, quoted(function.name) + " calls itself", "write a loop with a constant bound");
  Names names;
  bind_parameters(closure, at, arguments, names);
  const bool hook = calls_.empty();
  try {
    return call_body(closure, std::move(names), at);
  } catch (Fail& problem) {
    if (!hook)
      problem.add_context(" (in " + quoted(function.name) + ", called at line " +
                          std::to_string(at.line) + ")");
    throw;
  }
}

void Evaluator::bind_parameters(const Closure& closure, Position at,
                                const std::vector<Argument>& arguments, Names& names) {
  const Function& function = *closure.function;
  size_t next = 0;
  for (const Argument& argument : arguments) {
    const Parameter* parameter = nullptr;
    if (argument.keyword.empty()) {
      if (next < function.parameters.size() && !function.parameters[next].keyword_only)
        parameter = &function.parameters[next++];
      if (parameter == nullptr)
        fail(argument.at, quoted(function.name) + " got too many arguments");
    } else {
      for (const Parameter& candidate : function.parameters)
        if (candidate.name == argument.keyword) parameter = &candidate;
      if (parameter == nullptr)
        fail(argument.at, quoted(function.name) + " has no parameter " + quoted(argument.keyword));
    }
    if (!names.emplace(parameter->name, argument.value).second)
      fail(argument.at, quoted(function.name) + " got " + quoted(parameter->name) + " twice");
  }
  for (size_t i = 0; i < function.parameters.size(); ++i) {
    const Parameter& parameter = function.parameters[i];
    if (names.contains(parameter.name)) continue;
    if (parameter.value == kNoExpr)
      fail(at, quoted(function.name) + " needs the argument " + quoted(parameter.name));
    names.emplace(parameter.name, closure.defaults[i]);
  }
}

Value Evaluator::call_body(const Closure& closure, Names names, Position at) {
  const Deeper deeper(*this, at);
  low_.spend(1 + names.size());
  scopes_.push_back({std::move(names), closure.function, closure.scope, false});
  Scope* const scope = &scopes_.back();
  Scope* const caller = std::exchange(scope_, scope);
  calls_.push_back(closure.function);
  std::vector<PendingReturn> outer = std::exchange(pending_, {});
  const Flow flow = run_block(closure.function->body);
  Value result = flow.kind == Flow::kReturn ? flow.value : Value();
  for (auto pending = pending_.rbegin(); pending != pending_.rend(); ++pending) {
    low_.at(returned_at_);
    result = merge(pending->condition, pending->value, result);
    if (result.is(ValueKind::kUnusable))
      low_.refuse(quoted(closure.function->name) + " returns a value that " + result.text,
                  "return values of one shape in every branch");
  }
  pending_ = std::move(outer);
  calls_.pop_back();
  scope_ = caller;
  if (!scope->captured) scope->names.clear();
  return result;
}

}  // namespace ballast::candidate
