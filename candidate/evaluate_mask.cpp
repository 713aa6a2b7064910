// x[mask]: a tensor whose size depends on the data. The language has none, but sums, means and
// extremes of one are those of torch.where(mask, x, neutral).
#include <algorithm>
#include <array>
#include <limits>

#include "candidate/deeper.h"
#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

struct Reduction {
  std::string_view name;
  Op op;
  double neutral;
};
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::array<Reduction, 6> kReductions = {{{"sum", Op::kSum, 0},
                                                   {"mean", Op::kSum, 0},
                                                   {"max", Op::kAmax, -kInfinity},
                                                   {"amax", Op::kAmax, -kInfinity},
                                                   {"min", Op::kAmin, kInfinity},
                                                   {"amin", Op::kAmin, kInfinity}}};

// The mask covers the leading dimensions of x; here with a size of 1 for each of the others.
NodeId widened(Lowering& low, const Value& selection) {
  Shape shape = low.shape(selection.mask);
  shape.resize(low.shape(selection.node).size(), Dim(1));
  return low.reshape(selection.mask, shape);
}

}  // namespace

std::optional<Value> Evaluator::select_by_mask(const Value& base, const Value& index) {
  if (!index.is(ValueKind::kNode) || !low_.is_tensor(index.node)) return std::nullopt;
  const Shape &all = low_.shape(base.node), &mask = low_.shape(index.node);
  if (low_.element(index.node) != Element::kBool || mask.empty()) return std::nullopt;
  if (mask.size() > all.size() || !std::equal(mask.begin(), mask.end(), all.begin()))
    low_.refuse("a mask " + to_string(mask) + " does not fit " + low_.describe(base.node),
                "torch.where(mask, x, 0) broadcasts");
  Value value = Value::of(ValueKind::kMasked);
  value.node = base.node;
  value.mask = index.node;
  return value;
}

// nullopt when no argument is a selection.
std::optional<Value> Evaluator::reduce_selection(const NameRow& row, const Arguments& args) {
  const auto given =
      std::find_if(args.given().begin(), args.given().end(),
                   [](const Argument& argument) { return argument.value.is(ValueKind::kMasked); });
  if (given == args.given().end()) return std::nullopt;
  const Value& selection = given->value;
  const bool counts = row.name == "numel" || row.name == "nelement" || row.name == "len";
  const auto* reduction =
      std::find_if(kReductions.begin(), kReductions.end(),
                   [&](const Reduction& candidate) { return candidate.name == row.name; });
  const auto leading = static_cast<int64_t>(low_.shape(selection.mask).size());
  const bool whole = leading == low_.rank(selection.node);
  const bool first_dim = args.has("dim") && args.integer("dim") == 0;
  if ((!counts && reduction == kReductions.end()) ||
      (args.has("dim") && !(first_dim && row.name != "max" && row.name != "min")) ||
      (counts && !whole && row.name != "len"))
    fail(given->at,
         args.callee() + " of " + describe(low_, selection) + ": its shape depends on the data",
         "of x[mask] only sum(), mean(), max(), min(), numel() are here; apply the rest before: "
         "f(x)[mask].sum()");
  if (counts) return Value::of(low_.sum(selection.mask));
  const Element element = low_.element(selection.node);
  if (element != Element::kFloat && row.name != "sum")
    fail(given->at, args.callee() + " of " + describe(low_, selection) + " needs floats",
         "x.float()[mask]");
  const NodeId kept = low_.where(widened(low_, selection), selection.node,
                                 scalar_of(low_, reduction->neutral, element));
  Dims dims = low_.all_dims(kept);
  if (first_dim) dims.resize(static_cast<size_t>(leading));
  const NodeId result = low_.reduce(reduction->op, kept, dims);
  if (row.name != "mean") return Value::of(result);
  NodeId count = low_.sum(selection.mask);
  if (!first_dim && !whole) {
    Dim rest(1);
    for (int64_t i = leading; i < low_.rank(kept); ++i)
      rest = rest * low_.shape(kept)[static_cast<size_t>(i)];
    count = low_.product(count, low_.size(rest));
  }
  return Value::of(low_.quotient(result, count));
}

}  // namespace ballast::candidate
