#include "tests/candidate/random_graph.h"

#include <algorithm>

#include "candidate/maker.h"

namespace ballast::candidate {
namespace {

const Dim T = Dim::symbol(Symbol::kT), S = Dim::symbol(Symbol::kS), E = Dim::symbol(Symbol::kE),
          K = Dim::symbol(Symbol::kK), G = Dim::symbol(Symbol::kG);

class Generator {
 public:
  explicit Generator(Rng& rng) : rng_(rng), make_(builder_) {
    for (int f = 0; f < static_cast<int>(Field::kBias); ++f) {
      pool_.push_back(make_.field(static_cast<Field>(f)));
    }
    for (const Dim& size : {E, K, S, T, E - 1, Dim(0), Dim(1), Dim(2), Dim(3)}) {
      pool_.push_back(builder_.size(size));
    }
    for (double value : {0.5, 2.5, -1.5, 0.1, 2.0}) pool_.push_back(make_.number(value));
    pool_.push_back(builder_.boolean(true));
  }

  Program program(int nodes) {
    const size_t first = pool_.size();
    for (int tries = 0; tries < 100 * nodes && pool_.size() < first + size_t(nodes); ++tries) {
      try_one();
    }
    NodeId loss = make_.number(0.25);
    for (size_t i = first; i < pool_.size(); ++i) loss = make_.add(loss, as_number(pool_[i]));
    return builder_.finish(loss, std::nullopt);
  }

 private:
  NodeId any() {
    // The younger half more often, so that graphs get deep.
    const auto size = static_cast<int64_t>(pool_.size());
    const int64_t from = rng_.chance(0.5) ? size / 2 : 0;
    return pool_[static_cast<size_t>(from + rng_.below(size - from))];
  }

  int64_t any_dim(NodeId x) {
    return rng_.below(std::max<int64_t>(1, static_cast<int64_t>(type(x).shape.size())));
  }

  const Type& type(NodeId x) const { return builder_.type(x); }

  void try_one() {
    constexpr int64_t kFirst = static_cast<int64_t>(Op::kNeg);
    const auto op =
        static_cast<Op>(kFirst + rng_.below(static_cast<int64_t>(all_ops().size()) - kFirst));
    const int count = row(op).operands;
    std::vector<NodeId> in;
    for (int i = 0; i < (count < 0 ? 1 : count); ++i) in.push_back(any());
    if (count < 0) {
      for (NodeId other : pool_) {
        if (type(other) == type(in[0]) && rng_.chance(0.2) && in.size() < 3) in.push_back(other);
      }
    }
    try {
      const NodeId x = in.empty() ? 0 : in[0];
      const double number = op == Op::kNorm ? static_cast<double>(1 + rng_.below(3)) : 0;
      const NodeId made = builder_.add(op, in, ints(op, x), dims(op, x), number);
      if (std::find(pool_.begin(), pool_.end(), made) == pool_.end()) pool_.push_back(made);
    } catch (const BuildError&) {
      // Operands that do not fit: draw again.
    }
  }

  std::vector<int64_t> reduced(Op op, NodeId x) {
    std::vector<int64_t> list{rng_.chance(0.3) ? 1 : 0};
    if (op == Op::kVar || op == Op::kStd) list.push_back(rng_.below(2));
    const auto rank = static_cast<int64_t>(type(x).shape.size());
    const int64_t only = rng_.chance(0.5) ? rng_.below(std::max<int64_t>(rank, 1)) : -1;
    for (int64_t dim = 0; dim < rank; ++dim) {
      if (only < 0 || dim == only) list.push_back(dim);
    }
    return list;
  }

  std::vector<int64_t> ints(Op op, NodeId x) {
    if (op >= Op::kSum && op <= Op::kStd) return reduced(op, x);
    if (op >= Op::kMaxValues && op <= Op::kQuantile) return {rng_.below(2), any_dim(x)};
    switch (op) {
      case Op::kGelu:
        return {rng_.below(2)};
      case Op::kCast:
        return {rng_.below(3)};
      case Op::kSortValues:
      case Op::kSortIndices:
      case Op::kTopkValues:
      case Op::kTopkIndices:
        return {any_dim(x), rng_.below(2)};
      case Op::kRoll:
        return {rng_.below(5) - 2, any_dim(x)};
      case Op::kTranspose:
        return {any_dim(x), any_dim(x)};
      case Op::kSlice:
        return {any_dim(x), 1 + rng_.below(2)};
      case Op::kArange:
        return {1 + rng_.below(2)};
      case Op::kTril:
      case Op::kTriu:
        return {rng_.below(3) - 1};
      default: {
        const bool one = (op >= Op::kSoftmax && op <= Op::kFlip) || op == Op::kIndex ||
                         op == Op::kIndexSelect || op == Op::kGather || op == Op::kCat;
        return one ? std::vector<int64_t>{any_dim(x)} : std::vector<int64_t>{};
      }
    }
  }

  Shape reshaped(NodeId x) {
    const Shape& shape = type(x).shape;
    switch (rng_.below(4)) {
      case 0:
        return {elements(shape)};
      case 1: {
        Shape wider = shape;
        wider.insert(wider.begin() + rng_.below(static_cast<int64_t>(shape.size()) + 1), Dim(1));
        return wider;
      }
      case 2:
        return {K, divide(elements(shape), K).value_or(Dim(1))};
      default:
        return {S, divide(elements(shape), S * E).value_or(Dim(1)), E};
    }
  }

  std::vector<Dim> dims(Op op, NodeId x) {
    switch (op) {
      case Op::kReshape:
        return reshaped(x);
      case Op::kExpand: {
        Shape shape = type(x).shape;
        for (Dim& size : shape) size = size.is_one() && rng_.chance(0.5) ? E : size;
        if (rng_.chance(0.5)) shape.insert(shape.begin(), rng_.chance(0.5) ? S : Dim(3));
        return shape;
      }
      case Op::kSlice: {
        const Shape& shape = type(x).shape;
        const Dim size = shape.empty() ? Dim(1) : shape[static_cast<size_t>(any_dim(x))];
        const Dim stop = rng_.chance(0.5) ? size : rng_.chance(0.5) ? size - 1 : Dim(2);
        return {Dim(rng_.below(2)), stop};
      }
      case Op::kTopkValues:
      case Op::kTopkIndices:
        return {rng_.chance(0.5) ? K : Dim(1)};
      case Op::kOneHot:
      case Op::kEye:
        return {rng_.chance(0.5) ? T : 20 * E};
      case Op::kArange:
        return {Dim(rng_.below(2)), rng_.chance(0.5) ? E : Dim(5)};
      case Op::kFull:
        return rng_.chance(0.5) ? Shape{T, E} : rng_.chance(0.5) ? Shape{} : Shape{E, G};
      default:
        return {};
    }
  }

  NodeId as_number(NodeId x) {
    if (!type(x).tensor) return x;
    constexpr auto kFloat = static_cast<int64_t>(Element::kFloat);
    return make_.sum(builder_.add(Op::kCast, {x}, {kFloat}));
  }

  Rng& rng_;
  Builder builder_;
  Maker make_;
  std::vector<NodeId> pool_;
};

}  // namespace

Program random_program(Rng& rng, int nodes) { return Generator(rng).program(nodes); }

}  // namespace ballast::candidate
