// The hands of the front end: a Builder that knows where in the text it works, counts the work, and
// has the compositions of ops that PyTorch's functions are lowered to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "candidate/builder.h"
#include "candidate/fail.h"
#include "candidate/value.h"

namespace ballast::candidate {

using Dims = std::vector<int64_t>;  // dimensions of a tensor, counted from the left

class Lowering {
 public:
  explicit Lowering(const Limits& limits) : builder_(limits) {}

  // Where problems are reported.
  Position at() const { return at_; }
  void at(Position position) { at_ = position; }
  [[noreturn]] void refuse(std::string message, std::string hint = "") const;
  // Counts work that makes no node (loops that compute constants, long lists). Fails beyond the
  // bound.
  void spend(size_t steps);

  // Nodes. A BuildError becomes a Fail here.
  NodeId number(double value);
  NodeId boolean(bool value);
  NodeId size(const Dim& value);
  NodeId field(Field field);
  NodeId add(Op op, std::vector<NodeId> in, std::vector<int64_t> ints = {}, Shape dims = {},
             double number = 0);
  Program finish(std::optional<NodeId> loss, std::optional<NodeId> bias);

  const Type& type(NodeId id) const { return builder_.type(id); }
  const Shape& shape(NodeId id) const { return type(id).shape; }
  int64_t rank(NodeId id) const { return static_cast<int64_t>(shape(id).size()); }
  bool is_tensor(NodeId id) const { return type(id).tensor; }
  Element element(NodeId id) const { return type(id).element; }
  bool carries_gradient(NodeId id) const;

  // What is known of a number now: a constant, a polynomial of E, k, ..., a bool.
  std::optional<double> constant(NodeId id) const;
  std::optional<Dim> dim(NodeId id) const;
  std::optional<int64_t> integer(NodeId id) const;
  std::optional<bool> decided(NodeId id) const;
  std::string describe(NodeId id) const { return to_string(type(id)); }

  // Compositions. Dimensions are normalised.
  NodeId unary(Op op, NodeId x) { return add(op, {x}); }
  NodeId binary(Op op, NodeId a, NodeId b) { return add(op, {a, b}); }
  NodeId sum_of(NodeId a, NodeId b) { return add(Op::kAdd, {a, b}); }
  NodeId difference(NodeId a, NodeId b) { return add(Op::kSub, {a, b}); }
  NodeId product(NodeId a, NodeId b) { return add(Op::kMul, {a, b}); }
  NodeId quotient(NodeId a, NodeId b) { return add(Op::kDiv, {a, b}); }
  // a // b and a % b; refused where PyTorch's backward pass would raise.
  NodeId floor_divide(NodeId a, NodeId b);
  NodeId remainder(NodeId a, NodeId b);
  // a ** b, where bools count as 0 and 1.
  NodeId power(NodeId a, NodeId b);
  NodeId detached(NodeId x) { return is_tensor(x) ? add(Op::kDetach, {x}) : x; }
  NodeId square(NodeId x) { return product(x, x); }
  NodeId cast(NodeId x, Element to);  // x itself when it is one
  NodeId tensor(NodeId x);            // a number as a 0-dim tensor
  NodeId number_of(NodeId x) const;   // the number that a 0-dim tensor was made of, else x
  NodeId where(NodeId condition, NodeId a, NodeId b) { return add(Op::kWhere, {condition, a, b}); }
  Dims all_dims(NodeId x) const;
  // Reduction with ints = {keepdim, (correction,) dims...}; of a 0-dim tensor over "dim 0" too.
  NodeId reduce(Op op, NodeId x, Dims dims, bool keepdim = false, double number = 0);
  NodeId spread(Op op, NodeId x, Dims dims, bool keepdim, int64_t correction);  // var, std
  NodeId sum(NodeId x) { return reduce(Op::kSum, x, all_dims(x)); }
  NodeId mean(NodeId x) { return reduce(Op::kMean, x, all_dims(x)); }
  NodeId reshape(NodeId x, Shape to);  // x itself when it has that shape
  NodeId expand(NodeId x, Shape to);
  NodeId flatten(NodeId x);
  NodeId unsqueeze(NodeId x, int64_t dim);
  NodeId squeeze(NodeId x, int64_t dim);  // of a size that is 1
  NodeId transpose(NodeId x, int64_t a, int64_t b);
  NodeId permute(NodeId x, const Dims& order);
  NodeId slice(NodeId x, int64_t dim, const Dim& start, const Dim& stop, int64_t step = 1);
  NodeId full(NodeId value, Shape shape) { return add(Op::kFull, {value}, {}, std::move(shape)); }
  NodeId stack(const std::vector<NodeId>& xs, int64_t dim);
  NodeId cat(const std::vector<NodeId>& xs, int64_t dim);

  // Whether x is a view whose memory is not in the order of its shape.
  bool scattered(NodeId x) const;

  // `dim` of PyTorch, negative from the right, in a tensor of `rank` dimensions. Fails outside.
  int64_t normalise_dim(int64_t dim, int64_t rank) const;

  // Conditions on numbers under which the text that is being lowered runs, innermost last.
  void enter(NodeId condition, bool holds) { path_.push_back({condition, holds}); }
  void leave() { path_.pop_back(); }
  // `condition` must hold whenever this place is reached, or the candidate fails when it runs.
  void require(NodeId condition);
  // `x` (a tensor) where all requirements hold; elsewhere an index error at run time.
  // Forgets them.
  NodeId under_requirements(NodeId x);

 private:
  template <typename Make>
  auto guarded(const Make& make) const;  // make(), with a BuildError as a Fail
  struct PathCondition {
    NodeId condition;
    bool holds;
  };
  void note_gradient(NodeId id, Op op, const std::vector<NodeId>& in);

  Builder builder_;
  Position at_;
  size_t steps_ = 0;
  std::vector<PathCondition> path_;
  std::optional<NodeId> requirement_;
  std::vector<bool> gradient_;  // by node: depends on the router's logits
};

}  // namespace ballast::candidate
