// Symbolic execution of a syntax tree: statements run over an environment of values, tensors and
// run-time numbers become nodes, helpers are inlined, loops unrolled, branches merged.
#pragma once

#include <deque>
#include <functional>
#include <map>

#include "candidate/arguments.h"
#include "candidate/ast.h"
#include "candidate/lowering.h"

namespace ballast::candidate {

using Names = std::map<std::string_view, Value>;

struct Scope {
  Names names;
  const Function* function = nullptr;  // null at the top level
  const Scope* parent = nullptr;       // where the function was defined
  bool captured = false;               // a function defined here may be called later
};

struct Closure {
  const Function* function;
  std::vector<Value> defaults;  // by parameter
  Scope* scope;
};

class TensorIndexing;  // evaluate_index.cpp

class Evaluator {
 public:
  Evaluator(const Ast& ast, const Limits& limits) : ast_(ast), low_(limits) {}
  Program run();

 private:
  // What remains to be done after a statement.
  struct Flow {
    enum Kind { kNext, kReturn, kBreak, kContinue } kind = kNext;
    Value value;
  };
  // A condition that is known now, or a node: a Python bool, or a 0-dim bool tensor.
  struct Truth {
    std::optional<bool> known;
    NodeId node = 0;
  };
  // A `return` under a condition, while the rest of the function goes on.
  struct PendingReturn {
    NodeId condition;
    Value value;
  };
  // One side of a branch: how it ended, what it bound, and its returns under conditions.
  struct Side {
    Flow flow;
    Names bound;
    std::vector<PendingReturn> pending;
  };
  // What names meant before a side of a branch bound them.
  struct Journal {
    const Scope* scope;
    std::map<std::string_view, std::optional<Value>> before;
  };
  class Deeper;

  // Statements.
  Flow run_block(const Block& block);
  Flow run_statement(const Stmt& stmt);
  Flow run_if(const Stmt& stmt, size_t arm);
  Flow run_branches(Position at, NodeId condition, const std::function<Flow()>& yes,
                    const std::function<Flow()>& no);
  Side run_side(NodeId condition, bool holds, const std::function<Flow()>& side);
  Flow join(Position at, NodeId condition, const Side& yes, const Side& no);
  Flow run_for(const Stmt& stmt);
  Position start_of(ExprId id) const;
  void run_import(const Stmt& stmt);
  void define(const Stmt& stmt);
  void assign(ExprId target, const Value& value);
  void augment(const Stmt& stmt);
  void check_in_place(std::string_view name, const Value& old, const Value& result);

  // Branches.
  Truth truth(const Value& value);
  NodeId bool_node(const Truth& truth);
  NodeId truth_node(const Value& value);
  NodeId opposite(NodeId condition) { return low_.unary(Op::kNot, condition); }
  NodeId both(NodeId a, NodeId b);
  Value merge(NodeId condition, const Value& a, const Value& b);
  Value merge_nodes(NodeId condition, const Value& a, const Value& b);
  void merge_names(Position at, NodeId condition, const Names& yes, const Names& no);
  void bind(std::string_view name, const Value& value);
  Names journaled(const std::function<void()>& body);

  // Expressions.
  Value eval(ExprId id);
  Value eval_kind(const Expr& expr);
  Value name(const Expr& expr);
  Value chain(const Expr& expr);
  Value compare(const Expr& expr);
  Value logic(const Expr& expr);
  Value prefix(const Expr& expr);
  Value ternary(const Expr& expr);
  Value comprehension(const Expr& expr);
  void take_item(const Expr& expr, const Value& item, Values& items);
  Value binary(Position at, Operator op, const Value& a, const Value& b);
  Value sequence_operation(Operator op, const Value& a, const Value& b);
  NodeId bitwise(Operator op, NodeId a, NodeId b);
  Truth comparison(Position at, Operator op, const Value& a, const Value& b);
  const Value& usable(const Value& value, std::string_view name) const;

  // Attributes, indices, calls.
  Value attribute(const Expr& expr);
  Value tensor_attribute(const Value& base, std::string_view name);
  Value bound_method(const Value& self, std::string_view name);
  Value record_field(std::string_view name);
  Value module_attribute(const std::string& module, std::string_view name);
  std::optional<Value> select_by_mask(const Value& base, const Value& index);
  std::optional<Value> reduce_selection(const NameRow& row, const Arguments& args);
  Value subscript(const Expr& expr);
  Value index_sequence(const Value& base, ExprId index);
  Value index_tensor(Position at, const Value& base, ExprId index);
  void index_item(TensorIndexing& state, const Value& value, int64_t spare);
  void index_slice(Position at, TensorIndexing& state, const Expr& slice);
  Value call(const Expr& expr);
  Value call_row(const Value& callee, Position at, std::vector<Argument> arguments);
  Value call_function(const Closure& closure, Position at, const std::vector<Argument>& arguments);
  Value call_body(const Closure& closure, Names names, Position at);
  void bind_parameters(const Closure& closure, Position at, const std::vector<Argument>& arguments,
                       Names& names);
  std::optional<Value> append(const Expr& expr);

  // Storage: which values share memory in PyTorch.
  Storage fresh_storage();
  Value fresh(NodeId node);
  Storage root(Storage storage) const;
  Storage unite(Storage a, Storage b);
  // Whether a name other than `except` of this scope holds the memory.
  bool aliased(Storage storage, std::string_view except);
  void note_operands(Effect effect, const std::vector<Argument>& arguments, const Value& result);
  void keep(const Value& value);  // autograd holds on to it

  // Hooks.
  std::optional<NodeId> run_hook(std::string_view name, size_t parameters);
  const Closure* find_hook(std::string_view name, size_t parameters);
  [[noreturn]] void fail_without_hook() const;
  void check_hook_type(std::string_view name, const Value& result);

  const Ast& ast_;
  Lowering low_;
  std::deque<Scope> scopes_;
  std::deque<Closure> closures_;
  Scope* scope_ = nullptr;
  std::vector<PendingReturn> pending_;
  std::vector<Journal> journals_;
  std::vector<const Function*> calls_;
  int depth_ = 0;
  Position returned_at_;  // of the last `return`
  std::vector<Storage> storage_parent_{kForeign};
  std::vector<bool> storage_kept_{true};
};

}  // namespace ballast::candidate
