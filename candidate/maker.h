// Short names for building graphs: what the genetic operators write expressions with.
#pragma once

#include <vector>

#include "candidate/builder.h"

namespace ballast::candidate {

class Maker {
 public:
  explicit Maker(Builder& builder) : b_(builder) {}

  Builder& builder() { return b_; }
  const Type& type(NodeId x) const { return b_.type(x); }

  NodeId field(Field field) { return b_.field(field); }
  NodeId number(double value) { return b_.number(value); }
  NodeId integer(int64_t value) { return b_.size(Dim(value)); }
  NodeId size(Symbol symbol) { return b_.size(Dim::symbol(symbol)); }
  NodeId experts() { return size(Symbol::kE); }

  NodeId unary(Op op, NodeId x) { return b_.add(op, {x}); }
  NodeId binary(Op op, NodeId x, NodeId y) { return b_.add(op, {x, y}); }
  NodeId add(NodeId x, NodeId y) { return b_.add(Op::kAdd, {x, y}); }
  NodeId sub(NodeId x, NodeId y) { return b_.add(Op::kSub, {x, y}); }
  NodeId mul(NodeId x, NodeId y) { return b_.add(Op::kMul, {x, y}); }
  NodeId div(NodeId x, NodeId y) { return b_.add(Op::kDiv, {x, y}); }
  NodeId square(NodeId x) { return b_.add(Op::kPow, {x, integer(2)}); }
  NodeId relu(NodeId x) { return b_.add(Op::kRelu, {x}); }
  NodeId detach(NodeId x) { return b_.add(Op::kDetach, {x}); }
  NodeId scaled(double factor, NodeId x) { return mul(number(factor), x); }
  // log(x + 1e-9): defined for shares that are 0.
  NodeId safe_log(NodeId x) { return unary(Op::kLog, add(x, number(1e-9))); }

  // A reduction over `dim`, or over all dimensions.
  NodeId over(Op op, NodeId x, int64_t dim);
  NodeId over_all(Op op, NodeId x);
  NodeId sum(NodeId x) { return over_all(Op::kSum, x); }
  NodeId mean(NodeId x) { return over_all(Op::kMean, x); }

  NodeId inverse_experts() { return div(integer(1), experts()); }  // 1/E
  // P + (F - P).detach(): the value of F with the gradient of P.
  NodeId straight_through(NodeId load, NodeId shares) {
    return add(shares, detach(sub(load, shares)));
  }
  // (T,E) -> (S, T/S, E), mean over the tokens of each sequence: (S,E).
  NodeId sequence_means(NodeId x);

 private:
  Builder& b_;
};

}  // namespace ballast::candidate
