// Tensors made from numbers, and the same values in another type.
#include <algorithm>
#include <cmath>

#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

std::optional<Element> dtype_of(const Arguments& args) {
  if (!args.has("dtype")) return std::nullopt;
  const Value& dtype = args.value("dtype");
  if (!dtype.is(ValueKind::kDtype)) args.refuse("dtype", "must be a dtype such as torch.float32");
  return dtype.element;
}

Value filled(Lowering& low, const Arguments& args, Shape shape, double value, Element element) {
  check_extras(args);
  return Value::of(
      low.full(scalar_of(low, value, dtype_of(args).value_or(element)), std::move(shape)));
}

NodeId fill_value(Lowering& low, const Arguments& args, std::optional<Element> element) {
  const NodeId value = args.number("fill_value");
  return low.cast(value, element.value_or(low.element(value)));
}

// The elements of a nested list, and its shape.
struct Data {
  std::vector<NodeId> numbers;
  std::vector<int64_t> shape;
  Element element = Element::kBool;
};

void read_data(Lowering& low, const Arguments& args, const Value& value, size_t depth, Data& data) {
  low.spend(1);
  if (value.is(ValueKind::kNode) && !low.is_tensor(value.node)) {
    if (depth != data.shape.size()) args.refuse("data", "the list is ragged");
    data.element = std::max(data.element, low.element(value.node));
    return data.numbers.push_back(value.node);
  }
  if (value.is(ValueKind::kNode))
    args.refuse("data", "a list of tensors would lose its gradient", "torch.stack([a, b])");
  if (!value.is_sequence() || value.guards != nullptr)
    args.refuse("data", "needs numbers, got " + describe(low, value));
  const auto size = static_cast<int64_t>(value.items->size());
  const bool first_of_depth = data.shape.size() == depth;
  if (size == 0) args.refuse("data", "an empty tensor");
  if (first_of_depth && !data.numbers.empty()) args.refuse("data", "the list is ragged");
  if (first_of_depth) data.shape.push_back(size);
  if (data.shape[depth] != size) args.refuse("data", "the list is ragged");
  for (const Value& item : *value.items) read_data(low, args, item, depth + 1, data);
}

Value from_data(Lowering& low, const Arguments& args) {
  check_extras(args);
  Data data;
  read_data(low, args, args.value("data"), 0, data);
  const Element element = dtype_of(args).value_or(data.element);
  if (data.shape.empty()) return Value::of(low.full(low.cast(data.numbers[0], element), {}));
  std::vector<NodeId> parts;
  for (const NodeId number : data.numbers)
    parts.push_back(low.full(low.cast(number, element), {Dim(1)}));
  return Value::of(low.reshape(low.cat(parts, 0), Shape(data.shape.begin(), data.shape.end())));
}

Value cast_to(Lowering& low, const Arguments& args, Element element) {
  return Value::of(low.cast(args.tensor("input"), element));
}

NodeId float_range(Lowering& low, const Arguments& args, double start, double end, double step) {
  const double count = std::ceil((end - start) / step);
  if (!(count >= 0 && count <= 4096))
    args.refuse("end", "a range of more than 4096 floats, or of none");
  const NodeId places = low.cast(
      low.add(Op::kArange, {}, {1}, {Dim(0), Dim(static_cast<int64_t>(count))}), Element::kFloat);
  return low.sum_of(low.product(places, low.number(step)), low.number(start));
}

}  // namespace

NodeId scalar_of(Lowering& low, double value, Element element) {
  if (element == Element::kFloat) return low.number(value);
  if (element == Element::kBool) return low.boolean(value != 0);
  return low.size(Dim(static_cast<int64_t>(value)));
}

Value lower_zeros(Lowering& low, const Arguments& args) {
  return filled(low, args, args.sizes("size"), 0, Element::kFloat);
}
Value lower_ones(Lowering& low, const Arguments& args) {
  return filled(low, args, args.sizes("size"), 1, Element::kFloat);
}
Value lower_zeros_like(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  return filled(low, args, low.shape(x), 0, low.element(x));
}
Value lower_ones_like(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  return filled(low, args, low.shape(x), 1, low.element(x));
}
Value lower_new_zeros(Lowering& low, const Arguments& args) {
  return filled(low, args, args.sizes("size"), 0, low.element(args.tensor("input")));
}
Value lower_new_ones(Lowering& low, const Arguments& args) {
  return filled(low, args, args.sizes("size"), 1, low.element(args.tensor("input")));
}

Value lower_full(Lowering& low, const Arguments& args) {
  check_extras(args);
  return Value::of(low.full(fill_value(low, args, dtype_of(args)), args.sizes("size")));
}

Value lower_full_like(Lowering& low, const Arguments& args) {
  check_extras(args);
  const NodeId x = args.tensor("input");
  return Value::of(
      low.full(fill_value(low, args, dtype_of(args).value_or(low.element(x))), low.shape(x)));
}

Value lower_new_full(Lowering& low, const Arguments& args) {
  check_extras(args);
  const Element element = dtype_of(args).value_or(low.element(args.tensor("input")));
  return Value::of(low.full(fill_value(low, args, element), args.sizes("size")));
}

Value lower_tensor(Lowering& low, const Arguments& args) {
  const Value& data = args.value("data");
  if (data.is(ValueKind::kNode) && low.is_tensor(data.node)) {
    if (args.row().name == "as_tensor") return Value::of(with_dtype(low, args, data.node));
    args.refuse("data", "the data is a tensor already, and a copy would lose its gradient",
                "x.detach() or x.clone()");
  }
  return from_data(low, args);
}

Value lower_new_tensor(Lowering& low, const Arguments& args) { return from_data(low, args); }

Value lower_scalar_tensor(Lowering& low, const Arguments& args) {
  check_extras(args);
  return Value::of(
      low.full(low.cast(args.number("data"), dtype_of(args).value_or(Element::kFloat)), {}));
}

Value lower_arange(Lowering& low, const Arguments& args) {
  check_extras(args);
  const bool two = args.has("end");
  const NodeId start = two ? args.number("start") : low.size(Dim(0));
  const NodeId end = args.number(two ? "end" : "start"), step = args.number("step");
  const bool floats = low.element(start) == Element::kFloat ||
                      low.element(end) == Element::kFloat || low.element(step) == Element::kFloat;
  if (floats) {
    const auto a = low.constant(start), b = low.constant(end), c = low.constant(step);
    if (!a || !b || !c || *c == 0) args.refuse("start", "a range of floats needs constants");
    return Value::of(
        low.cast(float_range(low, args, *a, *b, *c), dtype_of(args).value_or(Element::kFloat)));
  }
  const Shape from = two ? args.sizes("start") : Shape{Dim(0)};
  const Shape to = args.sizes(two ? "end" : "start");
  const NodeId range = low.add(Op::kArange, {}, {args.integer("step")}, {from[0], to[0]});
  return Value::of(low.cast(range, dtype_of(args).value_or(Element::kInt)));
}

Value lower_linspace(Lowering& low, const Arguments& args) {
  check_extras(args);
  const NodeId start = args.number("start"), end = args.number("end");
  const Dim steps = args.size("steps");
  if (steps.is_one()) return Value::of(low.full(low.cast(start, Element::kFloat), {Dim(1)}));
  const NodeId places = low.cast(low.add(Op::kArange, {}, {1}, {Dim(0), steps}), Element::kFloat);
  const NodeId step = low.quotient(low.difference(end, start), low.size(steps - Dim(1)));
  return Value::of(low.sum_of(low.product(places, step), start));
}

Value lower_eye(Lowering& low, const Arguments& args) {
  check_extras(args);
  const Dim n = args.size("n");
  if (args.has("m") && args.size("m") != n)
    args.refuse("m", "only square ones are in the language");
  return Value::of(
      low.cast(low.add(Op::kEye, {}, {}, {n}), dtype_of(args).value_or(Element::kFloat)));
}

Value lower_device(Lowering&, const Arguments&) { return Value::of(ValueKind::kDevice); }

// Of float32, whatever the argument: training is in float32.
Value lower_finfo(Lowering& low, const Arguments&) {
  static const std::vector<std::string_view> kFields{"eps", "max", "min", "tiny",
                                                     "smallest_normal"};
  Values values;
  for (const double value : {0x1p-23, 0x1.fffffep127, -0x1.fffffep127, 0x1p-126, 0x1p-126})
    values.push_back(Value::of(low.number(value)));
  return named_tuple(std::move(values), kFields);
}

Value lower_detach(Lowering& low, const Arguments& args) {
  return Value::of(low.unary(Op::kDetach, args.tensor("input")));
}

Value lower_to_float(Lowering& low, const Arguments& args) {
  return cast_to(low, args, Element::kFloat);
}
Value lower_to_int(Lowering& low, const Arguments& args) {
  return cast_to(low, args, Element::kInt);
}
Value lower_to_bool(Lowering& low, const Arguments& args) {
  return cast_to(low, args, Element::kBool);
}

Value lower_to(Lowering& low, const Arguments& args) {
  NodeId x = args.tensor("input");
  for (const Argument& argument : args.given()) {
    const Value& target = argument.value;
    if (&argument == &args.given()[0]) continue;  // x itself
    if (target.is(ValueKind::kDtype)) x = low.cast(x, target.element);
    if (argument.keyword.empty() && target.is(ValueKind::kNode) && low.is_tensor(target.node))
      x = low.cast(x, low.element(target.node));
  }
  return Value::of(x);
}

Value lower_to_dtype(Lowering& low, const Arguments& args) {
  return Value::of(with_dtype(low, args, args.tensor("input")));
}

Value lower_type_as(Lowering& low, const Arguments& args) {
  return Value::of(low.cast(args.tensor("input"), low.element(args.tensor("other"))));
}

// A Python number in PyTorch; here a 0-dim tensor without gradient, which computes the same.
Value lower_item(Lowering& low, const Arguments& args) {
  const NodeId x = args.tensor("input");
  if (elements(low.shape(x)) != Dim(1))
    args.refuse("input", "needs a tensor of one element, got " + low.describe(x),
                "reduce it first: x.mean()");
  return Value::of(low.unary(Op::kDetach, low.reshape(x, {})));
}

}  // namespace ballast::candidate
