#include "candidate/grammar.h"

#include <array>

#include "candidate/idioms.h"

namespace ballast::candidate {
namespace {

enum class Kind { kNumber, kScalar, kExperts, kTokens, kTable, kSequences };

std::optional<Kind> kind_of(const Type& type) {
  static const Dim T = Dim::symbol(Symbol::kT), E = Dim::symbol(Symbol::kE),
                   S = Dim::symbol(Symbol::kS);
  if (!type.tensor) return Kind::kNumber;
  if (type.shape.empty()) return Kind::kScalar;
  if (type.shape == Shape{E}) return Kind::kExperts;
  if (type.shape == Shape{T}) return Kind::kTokens;
  if (type.shape == Shape{T, E}) return Kind::kTable;
  if (type.shape == Shape{S, E}) return Kind::kSequences;
  return std::nullopt;
}

class Grammar {
 public:
  Grammar(Maker& make, Rng& rng, bool in_hook) : m_(make), rng_(rng), in_hook_(in_hook) {}

  NodeId number(int depth) {
    switch (rng_.below(depth > 0 ? 6 : 3)) {
      case 0:
        return m_.inverse_experts();
      case 1:
      case 2:
        return m_.number(draw_magnitude(rng_, 0.01, 10));
      case 3:
        return m_.div(m_.size(Symbol::kK), m_.experts());
      case 4:
        return draw_schedule(m_, rng_).node;
      default:
        return combined_by(Op::kMul, number(0), [&] { return draw_schedule(m_, rng_).node; });
    }
  }

  NodeId tensor(Kind kind, int depth) {
    if (depth <= 0) return leaf(kind);
    switch (rng_.below(8)) {
      case 0:
        return leaf(kind);
      case 1:
      case 2:
        return draw_wrapped(m_, rng_, tensor(kind, depth - 1));
      case 3:
        return combined_by(Op::kMul, number(0), [&] { return tensor(kind, depth - 1); });
      case 4:
        return from_larger(kind, depth - 1);
      case 5:
        return relative(kind, tensor(kind, depth - 1));
      default:
        return combined(kind, depth - 1);
    }
  }

  NodeId mask(Kind kind, int depth) {
    const Op op = rng_.chance(0.5) ? Op::kLt : Op::kGt;
    const bool numbers = kind == Kind::kNumber, with_number = numbers || rng_.chance(0.5);
    const NodeId x = numbers ? draw_schedule(m_, rng_).node : tensor(kind, depth - 1);
    return combined_by(op, x, [&] { return with_number ? number(0) : tensor(kind, depth - 1); });
  }

 private:
  // `x` is drawn before `y`, which calls of two arguments would leave to the compiler.
  template <typename Second>
  NodeId combined_by(Op op, NodeId x, Second second) {
    const NodeId y = second();
    return m_.binary(op, x, y);
  }

  NodeId leaf(Kind kind) {
    switch (kind) {
      case Kind::kExperts:
        return experts_leaf();
      case Kind::kTable:
        return table_leaf();
      case Kind::kTokens:
        return tokens_leaf();
      case Kind::kSequences:
        return m_.sequence_means(table_leaf());
      default:
        return reduced_all(leaf(rng_.chance(0.7) ? Kind::kExperts : Kind::kTokens));
    }
  }

  NodeId experts_leaf() {
    switch (rng_.below(8)) {
      case 0:
      case 1:
      case 2:
        return draw_load(m_, rng_);
      case 3:
      case 4:
      case 5:
        return draw_shares(m_, rng_);
      case 6:
        if (in_hook_) return m_.field(Field::kBias);
        return straight_through();
      default:
        return m_.field(rng_.chance(0.5) ? Field::kCost : Field::kLoadEma);
    }
  }

  NodeId table_leaf() {
    constexpr std::array kFields{Field::kLogits, Field::kScores, Field::kProbs, Field::kProbs,
                                 Field::kChosen};
    return m_.field(kFields[static_cast<size_t>(rng_.below(kFields.size()))]);
  }

  NodeId tokens_leaf() {
    switch (rng_.below(4)) {
      case 0:
        return m_.over(Op::kAmax, m_.field(Field::kProbs), 1);
      case 1:
        return m_.over(Op::kLogSumExp, m_.field(Field::kLogits), 1);
      case 2:
        return m_.over(Op::kSum, m_.mul(m_.field(Field::kChosen), m_.field(Field::kScores)), 1);
      default: {
        const NodeId probs = m_.field(Field::kProbs);
        return m_.unary(Op::kNeg, m_.over(Op::kSum, m_.mul(probs, m_.safe_log(probs)), 1));
      }
    }
  }

  Op any_reduction() {
    constexpr std::array kOps{Op::kSum,  Op::kMean,      Op::kMean, Op::kAmax,
                              Op::kAmin, Op::kLogSumExp, Op::kNorm, Op::kVar};
    return kOps[static_cast<size_t>(rng_.below(kOps.size()))];
  }

  NodeId reduced_all(NodeId x) { return m_.over_all(any_reduction(), x); }
  NodeId reduced(NodeId x, int64_t dim) { return m_.over(any_reduction(), x, dim); }

  NodeId straight_through() {
    const NodeId load = draw_load(m_, rng_);
    return m_.straight_through(load, draw_shares(m_, rng_));
  }

  // From a tensor with one dimension more, reduced.
  NodeId from_larger(Kind kind, int depth) {
    switch (kind) {
      case Kind::kScalar:
        return reduced_all(tensor(rng_.chance(0.6) ? Kind::kExperts : Kind::kTable, depth));
      case Kind::kExperts:
        return reduced(tensor(Kind::kTable, depth), 0);
      case Kind::kTokens:
        return reduced(tensor(Kind::kTable, depth), 1);
      case Kind::kTable:  // an (E) factor is broadcast over tokens
        return combined_by(Op::kMul, tensor(Kind::kTable, depth), [&] { return experts_leaf(); });
      default:
        return leaf(kind);
    }
  }

  // What experts (or tokens) are in relation to their mean, sum or softmax.
  NodeId relative(Kind kind, NodeId x) {
    if (kind == Kind::kScalar || kind == Kind::kNumber) return m_.unary(Op::kTanh, x);
    const auto last = static_cast<int64_t>(m_.type(x).shape.size()) - 1;
    switch (rng_.below(3)) {
      case 0:
        return m_.builder().add(Op::kSoftmax, {x}, {last});
      case 1:
        return m_.sub(x, m_.mean(x));
      default:
        return m_.div(x, m_.add(m_.mean(m_.unary(Op::kAbs, x)), m_.number(1e-6)));
    }
  }

  NodeId combined(Kind kind, int depth) {
    const NodeId x = tensor(kind, depth);
    const NodeId y = tensor(kind, depth);
    constexpr std::array kOps{Op::kAdd, Op::kSub, Op::kMul, Op::kMul, Op::kMaximum, Op::kMinimum};
    const auto which = static_cast<size_t>(rng_.below(kOps.size() + 1));
    if (which < kOps.size()) return m_.binary(kOps[which], x, y);
    return m_.div(x, m_.add(m_.unary(Op::kAbs, y), m_.number(1e-3)));
  }

  Maker& m_;
  Rng& rng_;
  bool in_hook_;
};

}  // namespace

std::optional<NodeId> draw_expression(Maker& make, Rng& rng, const Type& type, int depth,
                                      bool in_hook) {
  const std::optional<Kind> kind = kind_of(type);
  if (!kind || type.element == Element::kInt) return std::nullopt;
  Grammar grammar(make, rng, in_hook);
  if (type.element == Element::kBool) return grammar.mask(*kind, depth);
  return *kind == Kind::kNumber ? grammar.number(depth) : grammar.tensor(*kind, depth);
}

NodeId draw_wrapped(Maker& m, Rng& rng, NodeId x) {
  constexpr std::array kFunctions{Op::kRelu, Op::kTanh,      Op::kSigmoid, Op::kSoftplus,
                                  Op::kAbs,  Op::kSilu,      Op::kExp,     Op::kNeg,
                                  Op::kElu,  Op::kLogSigmoid};
  const auto which = static_cast<size_t>(rng.below(kFunctions.size() + 4));
  if (which < kFunctions.size()) return m.unary(kFunctions[which], x);
  switch (which - kFunctions.size()) {
    case 0:
      return m.square(x);
    case 1:
      return m.unary(Op::kSqrt, m.add(m.unary(Op::kAbs, x), m.number(1e-6)));
    case 2:
      return m.unary(Op::kLog1p, m.unary(Op::kAbs, x));
    default:
      return m.unary(Op::kLog, m.add(m.unary(Op::kAbs, x), m.number(1e-6)));
  }
}

}  // namespace ballast::candidate
