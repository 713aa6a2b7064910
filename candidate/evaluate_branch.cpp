// Conditions, branches, loops: what Python decides while it runs becomes Select and Where nodes.
#include <algorithm>
#include <utility>

#include "candidate/deeper.h"
#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

constexpr std::string_view kAmbiguous = "has no single truth value";

}  // namespace

Evaluator::Truth Evaluator::truth(const Value& value) {
  switch (value.kind) {
    case ValueKind::kNone:
      return {false};
    case ValueKind::kText:
      return {!value.text.empty()};
    case ValueKind::kTuple:
    case ValueKind::kList:
      return {!value.items->empty()};
    case ValueKind::kNode:
      break;
    case ValueKind::kUnusable:
      low_.refuse("this value " + value.text);
    default:
      low_.refuse(describe(low_, value) + " is no condition");
  }
  NodeId x = value.node;
  if (const auto known = low_.decided(x)) return {*known};
  if (low_.is_tensor(x) && elements(low_.shape(x)) != Dim(1))
    low_.refuse(describe(low_, value) + " " + std::string(kAmbiguous),
                "torch.where(condition, a, b) chooses item by item; .any() and .all() give one");
  if (low_.is_tensor(x)) x = low_.reshape(x, {});
  if (low_.element(x) != Element::kBool) x = low_.binary(Op::kNe, x, low_.size(Dim(0)));
  if (const auto known = low_.decided(x)) return {*known};
  return {std::nullopt, x};
}

NodeId Evaluator::bool_node(const Truth& truth) {
  return truth.known ? low_.boolean(*truth.known) : truth.node;
}

// `a and b`, where b is only looked at when a holds.
NodeId Evaluator::both(NodeId a, NodeId b) {
  if (!low_.is_tensor(a) && !low_.is_tensor(b))
    return low_.add(Op::kSelect, {a, b, low_.boolean(false)});
  return low_.binary(Op::kAnd, low_.tensor(a), low_.tensor(b));
}

Evaluator::Flow Evaluator::run_if(const Stmt& stmt, size_t arm) {
  if (arm == stmt.conditions.size())
    return arm < stmt.blocks.size() ? run_block(stmt.blocks[arm]) : Flow{};
  const Deeper deeper(*this, stmt.at);
  const ExprId id = stmt.conditions[arm];
  const Value value = usable(eval(id), "this value");
  low_.at(ast_.exprs[id].at);
  const Truth condition = truth(value);
  if (condition.known)
    return *condition.known ? run_block(stmt.blocks[arm]) : run_if(stmt, arm + 1);
  return run_branches(
      stmt.at, condition.node, [&] { return run_block(stmt.blocks[arm]); },
      [&] { return run_if(stmt, arm + 1); });
}

// Runs `side` under the condition; gives back what it bound, and takes it back.
Evaluator::Side Evaluator::run_side(NodeId condition, bool holds,
                                    const std::function<Flow()>& side) {
  const bool lazy = !low_.is_tensor(condition);
  Side out;
  std::vector<PendingReturn> earlier = std::exchange(pending_, {});
  if (lazy) low_.enter(condition, holds);
  out.bound = journaled([&] { out.flow = side(); });
  if (lazy) low_.leave();
  out.pending = std::exchange(pending_, std::move(earlier));
  return out;
}

// Runs both sides from the same state. Where the condition is a number, the graph evaluates one.
Evaluator::Flow Evaluator::run_branches(Position at, NodeId condition,
                                        const std::function<Flow()>& yes_side,
                                        const std::function<Flow()>& no_side) {
  const Side yes = run_side(condition, true, yes_side);
  const Side no = run_side(condition, false, no_side);
  low_.at(at);
  for (const PendingReturn& pending : yes.pending)
    pending_.push_back({both(condition, pending.condition), pending.value});
  for (const PendingReturn& pending : no.pending)
    pending_.push_back({both(opposite(condition), pending.condition), pending.value});
  return join(at, condition, yes, no);
}

Evaluator::Flow Evaluator::join(Position at, NodeId condition, const Side& yes, const Side& no) {
  const bool yes_returns = yes.flow.kind == Flow::kReturn;
  const bool no_returns = no.flow.kind == Flow::kReturn;
  if (yes_returns && no_returns) {
    low_.at(returned_at_);
    Flow flow{Flow::kReturn, merge(condition, yes.flow.value, no.flow.value)};
    if (flow.value.is(ValueKind::kUnusable))
      low_.refuse("the returned value " + flow.value.text,
                  "return values of one shape in every branch");
    return flow;
  }
  if (yes_returns) {
    pending_.push_back({condition, yes.flow.value});
    for (const auto& [name, value] : no.bound) bind(name, value);
    return no.flow;
  }
  if (no_returns) {
    pending_.push_back({opposite(condition), no.flow.value});
    for (const auto& [name, value] : yes.bound) bind(name, value);
    return yes.flow;
  }
  if (yes.flow.kind != no.flow.kind)
    fail(at, "`break` or `continue` under a condition that is known only at run time",
         "compute with a factor that is 0 or 1 instead");
  merge_names(at, condition, yes.bound, no.bound);
  return yes.flow;
}

void Evaluator::merge_names(Position at, NodeId condition, const Names& yes, const Names& no) {
  const Value unbound = Value::of(ValueKind::kUnusable,
                                  "is bound in only one branch at line " + std::to_string(at.line));
  // What a side did not bind keeps its value from before.
  const auto after = [&](const Names& side, std::string_view name) {
    const auto bound = side.find(name);
    if (bound != side.end()) return bound->second;
    const auto before = scope_->names.find(name);
    return before == scope_->names.end() ? unbound : before->second;
  };
  Names merged;
  for (const Names* side : {&yes, &no})
    for (const auto& [name, value] : *side)
      if (!merged.contains(name))
        merged.emplace(name, merge(condition, after(yes, name), after(no, name)));
  for (const auto& [name, value] : merged) bind(name, value);
}

void Evaluator::bind(std::string_view name, const Value& value) {
  if (!journals_.empty() && journals_.back().scope == scope_) {
    std::map<std::string_view, std::optional<Value>>& before = journals_.back().before;
    if (!before.contains(name)) {
      const auto old = scope_->names.find(name);
      before.emplace(name, old == scope_->names.end() ? std::nullopt : std::optional(old->second));
    }
  }
  scope_->names[name] = value;
}

// Runs `body`, then takes back what it bound in this scope, and gives that back.
Names Evaluator::journaled(const std::function<void()>& body) {
  journals_.push_back({scope_, {}});
  body();
  const Journal journal = std::move(journals_.back());
  journals_.pop_back();
  Names bound;
  for (const auto& [name, before] : journal.before) {
    low_.spend(1);
    bound.emplace(name, scope_->names.at(name));
    if (before) {
      scope_->names[name] = *before;
    } else {
      scope_->names.erase(name);
    }
  }
  return bound;
}

Value Evaluator::merge(NodeId condition, const Value& a, const Value& b) {
  low_.spend(1);
  if (a.is(ValueKind::kUnusable)) return a;
  if (b.is(ValueKind::kUnusable)) return b;
  const auto differ = [&] {
    return Value::of(ValueKind::kUnusable, "is " + describe(low_, a) + " in one branch and " +
                                               describe(low_, b) + " in the other");
  };
  if (a.kind != b.kind) return differ();
  switch (a.kind) {
    case ValueKind::kNode:
      return merge_nodes(condition, a, b);
    case ValueKind::kTuple:
    case ValueKind::kList:
    case ValueKind::kSequence: {
      if (a.items == b.items) return a;
      if (a.guards != b.guards || a.items->size() != b.items->size()) return differ();
      Values items;
      for (size_t i = 0; i < a.items->size(); ++i) {
        items.push_back(merge(condition, (*a.items)[i], (*b.items)[i]));
        if (items.back().is(ValueKind::kUnusable)) return items.back();
      }
      Value out = Value::sequence(a.kind, std::move(items));
      out.guards = a.guards;
      out.storage = unite(a.storage, b.storage);
      return out;
    }
    case ValueKind::kText:
    case ValueKind::kModule:
      return a.text == b.text ? a : differ();
    case ValueKind::kDtype:
      return a.element == b.element ? a : differ();
    case ValueKind::kFunction:
      return a.closure == b.closure ? a : differ();
    case ValueKind::kMasked:
      return a.node == b.node && a.mask == b.mask ? a : differ();
    case ValueKind::kCallable:
      return a.row == b.row && a.items == b.items ? a : differ();
    default:
      return a;
  }
}

// A number beside a 0-dim tensor becomes one, and both get the wider element type.
Value Evaluator::merge_nodes(NodeId condition, const Value& a, const Value& b) {
  NodeId x = a.node, y = b.node;
  Value out = Value::of(x);
  out.storage = low_.is_tensor(x) && low_.is_tensor(y) ? unite(a.storage, b.storage) : kForeign;
  if (x == y) return out;
  const bool numbers = !low_.is_tensor(x) && !low_.is_tensor(y);
  if (!numbers || low_.is_tensor(condition)) x = low_.tensor(x), y = low_.tensor(y);
  if (low_.shape(x) != low_.shape(y))
    return Value::of(ValueKind::kUnusable, "is " + describe(low_, a) + " in one branch and " +
                                               describe(low_, b) + " in the other");
  const Element element = std::max(low_.element(x), low_.element(y));
  if (!numbers) x = low_.cast(x, element), y = low_.cast(y, element);
  out.node = low_.add(low_.is_tensor(condition) ? Op::kWhere : Op::kSelect, {condition, x, y});
  if (low_.is_tensor(out.node) && !(low_.is_tensor(a.node) && low_.is_tensor(b.node))) {
    // One side was a number, or both: the tensor that PyTorch would hold is the other one.
    out.storage = low_.is_tensor(a.node)   ? a.storage
                  : low_.is_tensor(b.node) ? b.storage
                                           : fresh(out.node).storage;
  }
  return out;
}

Evaluator::Flow Evaluator::run_for(const Stmt& stmt) {
  const Value source = usable(eval(stmt.value), "this value");
  low_.at(ast_.exprs[stmt.value].at);
  const Value all = iterate(low_, source);
  constexpr size_t kMost = 64;
  if (all.items->size() > kMost)
    low_.refuse(
        "a loop of " + std::to_string(all.items->size()) + " steps: at most 64 are unrolled",
        "use tensor operations");
  for (size_t i = 0; i < all.items->size(); ++i) {
    bool stop = false;
    const auto body = [&] {
      assign(stmt.targets[0], (*all.items)[i]);
      Flow flow = run_block(stmt.blocks[0]);
      stop = flow.kind == Flow::kBreak;
      return flow.kind == Flow::kReturn ? flow : Flow{};
    };
    Flow flow = all.guards == nullptr
                    ? body()
                    : run_branches(stmt.at, (*all.guards)[i], body, [] { return Flow{}; });
    if (flow.kind == Flow::kReturn) return flow;
    if (stop) break;
  }
  return {};
}

}  // namespace ballast::candidate
