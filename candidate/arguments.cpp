#include "candidate/arguments.h"

#include <algorithm>
#include <charconv>

namespace ballast::candidate {
namespace {

// NumPy's spellings that PyTorch's own argument parser accepts; the Python functions of F do not.
std::string_view canonical_keyword(std::string_view keyword, const NameRow& row) {
  if (row.spaces == kFunctional) return keyword;
  if (keyword == "axis") return "dim";
  if (keyword == "keepdims") return "keepdim";
  return keyword;
}

std::string parameter_list(const NameRow& row) {
  return row.signature.empty() ? "it takes no arguments" : "it takes " + std::string(row.signature);
}

}  // namespace

std::string describe(const Lowering& low, const Value& value) {
  switch (value.kind) {
    case ValueKind::kNone:
      return "None";
    case ValueKind::kNode:
      return (low.is_tensor(value.node) ? "a " : "a Python ") + low.describe(value.node);
    case ValueKind::kText:
      return "a string";
    case ValueKind::kTuple:
      return "a tuple";
    case ValueKind::kList:
      return "a list";
    case ValueKind::kSequence:
      return "a range";
    case ValueKind::kEllipsis:
      return "...";
    case ValueKind::kMasked:
      return "a selection by a mask from " + low.describe(value.node);
    case ValueKind::kRecord:
      return "the record r";
    case ValueKind::kModule:
      return "the module " + value.text;
    case ValueKind::kCallable:
      return "the function " + std::string(value.row->name);
    case ValueKind::kFunction:
      return "a function";
    case ValueKind::kDtype:
      return "a dtype";
    case ValueKind::kDevice:
      return "a device";
    case ValueKind::kUnusable:
      return "a value that " + value.text;
  }
  return "";
}

std::optional<Dim> as_size(const Lowering& low, const Value& value) {
  if (!value.is(ValueKind::kNode) || low.is_tensor(value.node)) return std::nullopt;
  return low.dim(value.node);
}

Arguments::Arguments(Lowering& low, const NameRow& row, Position at, std::vector<Argument> given)
    : low_(low),
      row_(row),
      at_(at),
      given_(std::move(given)),
      bound_(row.parameters.size(), nullptr) {
  size_t next = 0;
  for (const Argument& argument : given_) {
    if (!argument.keyword.empty()) {
      bind_keyword(argument);
      continue;
    }
    if (next < row.parameters.size() && row.parameters[next].rest) {
      rest_.push_back(argument.value);
      if (bound_[next] == nullptr) bound_[next] = &argument;
      continue;
    }
    if (next >= row.parameters.size() || row.parameters[next].keyword_only)
      fail(argument.at, callee() + " got too many arguments", parameter_list(row));
    bound_[next++] = &argument;
  }
  for (size_t i = 0; i < row.parameters.size(); ++i) {
    const SignatureParameter& parameter = row.parameters[i];
    if (bound_[i] == nullptr && parameter.fallback.empty() && !parameter.rest)
      fail(at_, callee() + " needs the argument " + quoted(parameter.name), parameter_list(row));
  }
  rest_value_ = Value::sequence(ValueKind::kTuple, rest_);
}

void Arguments::bind_keyword(const Argument& argument) {
  const std::string_view keyword = canonical_keyword(argument.keyword, row_);
  for (size_t i = 0; i < row_.parameters.size(); ++i) {
    if (row_.parameters[i].name != keyword) continue;
    if (bound_[i] != nullptr)
      fail(argument.at, callee() + " got " + quoted(argument.keyword) + " twice");
    if (row_.parameters[i].rest) rest_ = {argument.value};
    bound_[i] = &argument;
    return;
  }
  if (keyword == "out")
    fail(argument.at, "`out=` writes into a tensor in place", "assign the result to a name");
  fail(argument.at, callee() + " has no argument " + quoted(argument.keyword),
       parameter_list(row_));
}

std::string Arguments::callee() const { return std::string(row_.name) + "()"; }

size_t Arguments::index_of(std::string_view name) const {
  for (size_t i = 0; i < row_.parameters.size(); ++i)
    if (row_.parameters[i].name == name) return i;
  return row_.parameters.size();  // of a row that shares its lowering and lacks this parameter
}

bool Arguments::has(std::string_view name) const {
  const size_t i = index_of(name);
  if (i == row_.parameters.size()) return false;
  return bound_[i] != nullptr &&
         (row_.parameters[i].rest || !bound_[i]->value.is(ValueKind::kNone));
}

const Value& Arguments::value(std::string_view name) const { return bound_[index_of(name)]->value; }

const Value& Arguments::whole(std::string_view name) const {
  const size_t i = index_of(name);
  if (!row_.parameters[i].rest) return bound_[i]->value;
  // view(2, 3) and view((2, 3)) alike
  return rest_.size() == 1 && rest_[0].is_sequence() ? rest_[0] : rest_value_;
}

std::string_view Arguments::fallback(std::string_view name) const {
  const size_t i = index_of(name);
  return i == row_.parameters.size() ? std::string_view("None") : row_.parameters[i].fallback;
}

void Arguments::refuse(std::string_view name, std::string message, std::string hint) const {
  const size_t i = index_of(name);
  const bool given = i < bound_.size() && bound_[i] != nullptr;
  fail(given ? bound_[i]->at : at_, callee() + ": " + std::move(message), std::move(hint));
}

void Arguments::must_not_have(std::string_view name, std::string_view hint) const {
  if (has(name)) refuse(name, quoted(name) + " is not in the language", std::string(hint));
}

NodeId Arguments::tensor(std::string_view name) const {
  const Value& x = value(name);
  if (x.is(ValueKind::kNode) && low_.is_tensor(x.node)) return x.node;
  const bool number = x.is(ValueKind::kNode);
  std::string hint;
  if (number) {
    hint = find_name(kMath, row_.name) != nullptr
               ? "math." + std::string(row_.name) + "(...) takes numbers"
               : "torch.tensor(x) makes a 0-dim tensor of a number";
  } else if (x.is(ValueKind::kList) || x.is(ValueKind::kTuple)) {
    hint = "torch.stack(...) or torch.tensor(...) makes a tensor of a list";
  }
  refuse(name, quoted(name) + " must be a tensor, got " + describe(low_, x), hint);
}

NodeId Arguments::node(std::string_view name) const {
  if (!has(name)) return number(name);
  const Value& x = value(name);
  if (x.is(ValueKind::kNode)) return x.node;
  refuse(name, quoted(name) + " must be a tensor or a number, got " + describe(low_, x));
}

NodeId Arguments::number(std::string_view name) const {
  if (!has(name)) {
    const std::string_view text = fallback(name);
    if (text == "True" || text == "False") return low_.boolean(text == "True");
    int64_t whole = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (error == std::errc() && end == text.data() + text.size()) return low_.size(Dim(whole));
    double real = 0;
    std::from_chars(text.data(), text.data() + text.size(), real);
    return low_.number(real);
  }
  const Value& x = value(name);
  if (x.is(ValueKind::kNode) && !low_.is_tensor(x.node)) return x.node;
  refuse(name, quoted(name) + " must be a Python number, got " + describe(low_, x));
}

double Arguments::real(std::string_view name) const {
  const NodeId x = number(name);
  if (const auto value = low_.constant(x)) return *value;
  refuse(name, quoted(name) + " must be a constant");
}

int64_t Arguments::integer(std::string_view name) const {
  const NodeId x = number(name);
  const auto value = low_.integer(x);
  if (value && low_.element(x) != Element::kFloat) return *value;
  refuse(name, quoted(name) + " must be a whole-number constant");
}

bool Arguments::flag(std::string_view name) const {
  const auto value = low_.decided(number(name));
  if (value) return *value;
  refuse(name, quoted(name) + " must be True or False");
}

std::string Arguments::text(std::string_view name) const {
  if (!has(name)) {
    const std::string_view quotes = fallback(name);
    return quotes.size() < 2 ? "" : std::string(quotes.substr(1, quotes.size() - 2));
  }
  if (value(name).is(ValueKind::kText)) return value(name).text;
  refuse(name, quoted(name) + " must be a string, got " + describe(low_, value(name)));
}

Dim Arguments::size(std::string_view name) const {
  const Shape all = sizes(name);
  if (all.size() == 1) return all[0];
  refuse(name, quoted(name) + " must be one size");
}

Shape Arguments::sizes(std::string_view name) const {
  if (!has(name) && !fallback(name).empty() && fallback(name) != "None")
    return {*low_.dim(number(name))};
  if (!has(name)) return {};
  const Value& all = whole(name);
  Shape out;
  const auto take = [&](const Value& item) {
    const auto size = as_size(low_, item);
    if (!size)
      refuse(name,
             "a size must be a whole number known from T, S, E, k or constants, got " +
                 describe(low_, item),
             "sizes like r.num_experts // 2 are unknown before the run; use a mask: "
             "torch.arange(E) < n");
    out.push_back(*size);
  };
  if (all.is_sequence()) {
    for (const Value& item : *all.items) take(item);
  } else {
    take(all);
  }
  return out;
}

std::vector<NodeId> Arguments::tensors(std::string_view name) const {
  const Value& all = whole(name);
  if (!all.is_sequence() || all.guards != nullptr)
    refuse(name, quoted(name) + " must be a list of tensors, got " + describe(low_, all),
           "write [a, b]");
  std::vector<NodeId> out;
  for (const Value& item : *all.items) {
    if (!item.is(ValueKind::kNode) || !low_.is_tensor(item.node))
      refuse(name, quoted(name) + " must be a list of tensors, but has " + describe(low_, item),
             "torch.tensor(x) makes a 0-dim tensor of a number");
    out.push_back(item.node);
  }
  if (out.empty()) refuse(name, "the list is empty");
  low_.spend(out.size());
  return out;
}

int64_t Arguments::dim(std::string_view name, NodeId x) const {
  const Dims all = dims(name, x);
  if (all.size() == 1) return all[0];
  refuse(name, quoted(name) + " must be one dimension");
}

Dims Arguments::dims(std::string_view name, NodeId x) const {
  const std::string_view otherwise = fallback(name);
  if (!has(name) && (otherwise.empty() || otherwise == "None" || otherwise == "()"))
    return low_.all_dims(x);
  low_.at(has(name) ? bound_[index_of(name)]->at : at_);
  if (!has(name)) return {low_.normalise_dim(integer(name), low_.rank(x))};
  Dims out;
  const auto take = [&](const Value& item) {
    const auto size = as_size(low_, item);
    const auto whole = size ? size->constant() : std::nullopt;
    if (!whole)
      refuse(name, quoted(name) + " must be a whole-number constant, got " + describe(low_, item));
    const int64_t dim = low_.normalise_dim(*whole, low_.rank(x));
    if (std::find(out.begin(), out.end(), dim) != out.end())
      refuse(name, "dim " + std::to_string(dim) + " stands twice");
    out.push_back(dim);
  };
  const Value& all = whole(name);
  if (all.is_sequence()) {
    for (const Value& item : *all.items) take(item);
  } else {
    take(all);
  }
  low_.at(at_);
  return out.empty() ? low_.all_dims(x) : out;  // PyTorch: dim=() is all
}

}  // namespace ballast::candidate
