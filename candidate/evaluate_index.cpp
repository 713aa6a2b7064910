// x[...]: lists, tuples and tensors.
#include <algorithm>

#include "candidate/deeper.h"
#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

[[noreturn]] void refuse_mask(const Lowering& low) {
  low.refuse("indexing with a mask gives a shape that depends on the data",
             "keep the shape: torch.where(mask, x, 0); sum: (x * mask).sum(); mean: (x * "
             "mask).sum() / mask.sum()");
}

void check_index_tensor(const Lowering& low, NodeId index) {
  if (low.element(index) == Element::kBool) refuse_mask(low);
  if (low.element(index) == Element::kFloat)
    low.refuse("an index must be an int tensor, got " + low.describe(index),
               "r.chosen and other 0/1 masks multiply: x * r.chosen; topk(...).indices are ints");
}

}  // namespace

// The state of one x[...]: a view that loses, keeps or gains dimensions, then tensor indices.
class TensorIndexing {
 public:
  TensorIndexing(Lowering& low, NodeId x) : low_(low), x_(x) {}

  void insert() { x_ = low_.unsqueeze(x_, dim_++); }
  void skip(int64_t dims) {
    dim_ += dims;
    if (dims > 0) separate();
  }
  void slice(const Dim& start, const Dim& stop, int64_t step) {
    x_ = low_.slice(x_, dim_++, start, stop, step);
    separate();
  }
  void integer(NodeId index) {
    x_ = low_.add(Op::kIndex, {x_, index}, {dim_});
    advanced_here();
    ++integers_;
  }
  void tensor(NodeId index) {
    check_index_tensor(low_, index);
    advanced_here();
    tensors_.push_back({dim_++, index});
  }
  const Dim& size() const { return low_.shape(x_)[static_cast<size_t>(dim_)]; }
  bool copies() const { return !tensors_.empty(); }

  NodeId finish() {
    if (tensors_.empty()) return x_;
    if (split_ && tensors_.size() + integers_ > 1)
      low_.refuse("indices with a slice between them", "index in two steps: x[:, i][j]");
    return select();
  }

 private:
  // NumPy moves the result's dimensions to the front when indices are apart; nobody means that.
  void advanced_here() {
    if (gap_) split_ = true;
    begun_ = true;
  }
  void separate() {
    if (begun_) gap_ = true;
  }

  // Several indices pick from the joined dimension: i * size + j.
  NodeId select() {
    const int64_t first = tensors_[0].dim;
    NodeId index = tensors_[0].index;
    Shape shape = low_.shape(x_);
    Dim joined = shape[static_cast<size_t>(first)];
    for (size_t i = 1; i < tensors_.size(); ++i) {
      const Dim& size = low_.shape(x_)[static_cast<size_t>(tensors_[i].dim)];
      index = low_.sum_of(low_.product(index, low_.size(size)), tensors_[i].index);
      joined = joined * size;
    }
    const auto at = shape.begin() + first;
    shape.erase(at, at + static_cast<std::ptrdiff_t>(tensors_.size()));
    shape.insert(shape.begin() + first, joined);
    const NodeId from = low_.reshape(x_, shape);
    const NodeId picked = low_.add(Op::kIndexSelect, {from, low_.flatten(index)}, {first});
    shape.erase(shape.begin() + first);
    shape.insert(shape.begin() + first, low_.shape(index).begin(), low_.shape(index).end());
    return low_.reshape(picked, shape);
  }

  struct TensorIndex {
    int64_t dim;
    NodeId index;
  };

  Lowering& low_;
  NodeId x_;
  int64_t dim_ = 0;
  std::vector<TensorIndex> tensors_;
  size_t integers_ = 0;
  bool begun_ = false, gap_ = false, split_ = false;
};

namespace {

// A bound of a slice as a size within [0, size].
Dim bound(const Lowering& low, const Value& value, const Dim& size) {
  const auto given = as_size(low, value);
  if (!given || low.element(value.node) == Element::kFloat)
    low.refuse("a slice needs whole numbers known from T, S, E, k or constants, got " +
                   describe(low, value),
               "sizes like r.num_experts // 2 are unknown before the run; use a mask: "
               "torch.arange(E) < n");
  const bool negative = *given != Dim(0) && (Dim(-1) * *given).never_negative();
  Dim at = negative ? size + *given : *given;
  const auto beyond = (at - size).constant();
  if (beyond && *beyond > 0) at = size;
  const auto constant = at.constant();
  return constant && *constant < 0 ? Dim(0) : at;
}

}  // namespace

Value Evaluator::subscript(const Expr& expr) {
  const Value base = usable(eval(expr.items[0]), "this value");
  low_.at(expr.at);
  if (base.is_sequence()) return index_sequence(base, expr.items[1]);
  if (base.is(ValueKind::kNode) && low_.is_tensor(base.node))
    return index_tensor(expr.at, base, expr.items[1]);
  low_.refuse(describe(low_, base) + " cannot be indexed");
}

Value Evaluator::index_sequence(const Value& base, ExprId index) {
  const Position at = low_.at();
  if (base.guards != nullptr) low_.refuse("the length of this range is unknown before the run");
  const auto size = static_cast<int64_t>(base.items->size());
  const Expr& expr = ast_.exprs[index];
  const auto whole = [&](ExprId id, int64_t otherwise) {
    if (id == kNoExpr) return otherwise;
    const Value value = eval(id);
    low_.at(at);
    if (value.is(ValueKind::kNone)) return otherwise;
    const auto dim = as_size(low_, value);
    if (!dim || !dim->constant() || low_.element(value.node) == Element::kFloat)
      low_.refuse("an index into a list must be a constant int, got " + describe(low_, value));
    return *dim->constant();
  };
  if (expr.kind != ExprKind::kSlice) {
    const int64_t i = whole(index, 0);
    if (i < -size || i >= size)
      low_.refuse("index " + std::to_string(i) + " is outside of " + std::to_string(size) +
                  " items");
    return (*base.items)[static_cast<size_t>(i < 0 ? i + size : i)];
  }
  const int64_t step = whole(expr.items[2], 1);
  if (step == 0) low_.refuse("the step of a slice must not be 0");
  const auto clamp = [&](int64_t i, int64_t least, int64_t most) {
    return std::clamp(i < 0 ? i + size : i, least, most);
  };
  const int64_t start = clamp(whole(expr.items[0], step > 0 ? 0 : size - 1), step > 0 ? 0 : -1,
                              step > 0 ? size : size - 1);
  const int64_t stop =
      expr.items[1] == kNoExpr && step < 0
          ? -1
          : clamp(whole(expr.items[1], size), step > 0 ? 0 : -1, step > 0 ? size : size - 1);
  Values items;
  for (int64_t i = start; step > 0 ? i < stop : i > stop;
       i += std::clamp<int64_t>(step, -size - 1, size + 1))
    items.push_back((*base.items)[static_cast<size_t>(i)]);
  low_.spend(items.size());
  Value out = Value::sequence(base.kind, std::move(items));
  out.storage = fresh_storage();
  return out;
}

Value Evaluator::index_tensor(Position at, const Value& base, ExprId index) {
  const Expr& whole = ast_.exprs[index];
  const std::vector<ExprId> parts =
      whole.kind == ExprKind::kTuple ? whole.items : std::vector<ExprId>{index};
  const int64_t rank = low_.rank(base.node);
  std::vector<Value> values;  // of parts that are no slices
  int64_t used = 0, ellipses = 0;
  for (const ExprId part : parts) {
    const bool slice = ast_.exprs[part].kind == ExprKind::kSlice;
    values.push_back(slice ? Value() : usable(eval(part), "this index"));
    ellipses += values.back().is(ValueKind::kEllipsis);
    used += slice || values.back().is(ValueKind::kNode) || values.back().is(ValueKind::kList);
  }
  low_.at(at);
  if (values.size() == 1)
    if (std::optional<Value> selection = select_by_mask(base, values[0])) return *selection;
  for (const Value& value : values)
    if (value.is(ValueKind::kNode) && low_.is_tensor(value.node))
      check_index_tensor(low_, value.node);
  if (ellipses > 1) low_.refuse("more than one ... in an index");
  if (used > rank)
    low_.refuse(std::to_string(used) + " indices for " + describe(low_, base),
                rank == 0 ? "a 0-dim tensor is used as it is" : "");
  TensorIndexing state(low_, base.node);
  for (size_t i = 0; i < parts.size(); ++i) {
    low_.at(at);
    if (ast_.exprs[parts[i]].kind == ExprKind::kSlice) {
      index_slice(at, state, ast_.exprs[parts[i]]);
    } else {
      index_item(state, values[i], rank - used);
    }
  }
  low_.at(at);
  Value result = Value::of(state.finish());
  result.storage = state.copies() ? fresh_storage() : base.storage;
  return result;
}

void Evaluator::index_item(TensorIndexing& state, const Value& value, int64_t spare) {
  switch (value.kind) {
    case ValueKind::kNone:
      return state.insert();
    case ValueKind::kEllipsis:
      return state.skip(spare);
    case ValueKind::kNode:
      if (low_.is_tensor(value.node)) return state.tensor(value.node);
      if (low_.element(value.node) == Element::kBool)
        low_.refuse("a bool is no index", "write 0 or 1");
      if (low_.element(value.node) == Element::kFloat)
        low_.refuse("an index must be an int, got a Python float",
                    "write int(x), and // in place of /");
      return state.integer(value.node);
    case ValueKind::kList: {
      std::vector<NodeId> numbers;
      for (const Value& item : *value.items) {
        if (!as_size(low_, item) || low_.element(item.node) != Element::kInt)
          low_.refuse("a list of indices must hold ints, got " + describe(low_, item));
        numbers.push_back(low_.full(item.node, {Dim(1)}));
      }
      if (numbers.empty()) low_.refuse("an empty list of indices");
      return state.tensor(low_.cat(numbers, 0));
    }
    default:
      low_.refuse("cannot index with " + describe(low_, value));
  }
}

void Evaluator::index_slice(Position at, TensorIndexing& state, const Expr& slice) {
  std::vector<Value> parts;
  for (const ExprId part : slice.items) parts.push_back(part == kNoExpr ? Value() : eval(part));
  low_.at(at);
  const Dim size = state.size();
  const Dim start = parts[0].is(ValueKind::kNone) ? Dim(0) : bound(low_, parts[0], size);
  Dim stop = parts[1].is(ValueKind::kNone) ? size : bound(low_, parts[1], size);
  int64_t step = 1;
  if (!parts[2].is(ValueKind::kNone)) {
    const auto given = as_size(low_, parts[2]);
    const auto constant = given ? given->constant() : std::nullopt;
    if (!constant) low_.refuse("the step of a slice must be a constant");
    step = *constant;
    if (step < 1)
      low_.refuse("the step of a slice must be at least 1", "x.flip(dim) turns it around");
  }
  const auto length = (stop - start).constant();
  if (length && *length < 0) stop = start;
  state.slice(start, stop, step);
}

}  // namespace ballast::candidate
