// Names, attributes and the memory that values share.
#include <algorithm>
#include <array>
#include <limits>

#include "candidate/deeper.h"
#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

constexpr std::array<Field, 13> kFields = {
    Field::kLogits, Field::kScores,     Field::kProbs,   Field::kProbsGlobal, Field::kChosen,
    Field::kLoad,   Field::kLoadGlobal, Field::kLoadEma, Field::kCost,        Field::kIsNull,
    Field::kDevice, Field::kProgress,   Field::kDepth};

// Names that people and models expect because the trainer has them. Empty for any other.
std::string_view why_out_of_reach(std::string_view name) {
  if (name == "selection_bias") return "the trainer calls it, a loss cannot: write the loss alone";
  if (name == "bias") return "only selection_bias(r, bias) receives it";
  if (name == "coefficient") return "it is applied to what balance_loss returns: leave it out";
  if (name == "cross_entropy" || name == "ce_loss" || name == "lm_loss")
    return "balance_loss returns the balancing loss alone: leave it out";
  return "";
}

struct SizeField {
  std::string_view name;
  Symbol symbol;
};
constexpr std::array<SizeField, 3> kSizeFields = {
    {{"num_experts", Symbol::kE}, {"num_sequences", Symbol::kS}, {"top_k", Symbol::kK}}};

struct Dtype {
  std::string_view name;
  Element element;
};
constexpr std::array<Dtype, 14> kDtypes = {{{"float32", Element::kFloat},
                                            {"float", Element::kFloat},
                                            {"float64", Element::kFloat},
                                            {"double", Element::kFloat},
                                            {"float16", Element::kFloat},
                                            {"half", Element::kFloat},
                                            {"bfloat16", Element::kFloat},
                                            {"int64", Element::kInt},
                                            {"long", Element::kInt},
                                            {"int32", Element::kInt},
                                            {"int", Element::kInt},
                                            {"int16", Element::kInt},
                                            {"uint8", Element::kInt},
                                            {"bool", Element::kBool}}};

constexpr double kPi = 3.14159265358979323846, kE = 2.71828182845904523536;

std::vector<std::string_view> field_names() {
  std::vector<std::string_view> names;
  for (const Field field : kFields) names.push_back(field_name(field));
  for (const SizeField& field : kSizeFields) names.push_back(field.name);
  return names;
}

Value dtype(Element element) {
  Value value = Value::of(ValueKind::kDtype);
  value.element = element;
  return value;
}

Value callable(const NameRow* row) {
  Value value = Value::of(ValueKind::kCallable);
  value.row = row;
  return value;
}

}  // namespace

Value Evaluator::name(const Expr& expr) {
  const std::string_view name = expr.text;
  const bool local = scope_->function != nullptr && scope_->function->locals.contains(name);
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    const auto found = scope->names.find(name);
    if (found != scope->names.end()) return usable(found->second, quoted(name));
    if (local) low_.refuse(quoted(name) + " is used before it is bound");
  }
  if (name == "torch" || name == "math") return Value::of(ValueKind::kModule, std::string(name));
  if (name == "F") return Value::of(ValueKind::kModule, "torch.nn.functional");
  if (const NameRow* row = find_name(kBuiltin, name)) return callable(row);
  std::vector<std::string_view> known;
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->parent)
    for (const auto& [other, value] : scope->names) known.push_back(other);
  const auto near = nearest(name, known);
  const auto fields = field_names();
  if (name == "np" || name == "numpy" || name == "nn")
    low_.refuse(quoted(name) + " is not imported", "use torch, F (torch.nn.functional) and math");
  if (name == "dist")
    low_.refuse(refuse_name(kBuiltin, name).message, refuse_name(kBuiltin, name).hint);
  if (std::find(fields.begin(), fields.end(), name) != fields.end())
    low_.refuse(quoted(name) + " is not defined",
                "it is a field of the record: r." + std::string(name));
  if (const std::string_view why = why_out_of_reach(name); !why.empty())
    low_.refuse(quoted(name) + " is not defined", std::string(why));
  if (!near.empty())
    low_.refuse(quoted(name) + " is not defined", "did you mean " + quoted(near[0]) + "?");
  Refusal refusal = refuse_name(kBuiltin, name);
  const bool foreign = refusal.message.find("is not in the language") == std::string::npos ||
                       refusal.hint == "only tensor operations and arithmetic are";
  if (!foreign && refusal.hint.empty()) refusal.message = quoted(name) + " is not defined";
  low_.refuse(std::move(refusal.message), std::move(refusal.hint));
}

Value Evaluator::attribute(const Expr& expr) {
  const Value base = usable(eval(expr.items[0]), "this value");
  low_.at(expr.at);
  switch (base.kind) {
    case ValueKind::kRecord:
      return record_field(expr.text);
    case ValueKind::kModule:
      return module_attribute(base.text, expr.text);
    case ValueKind::kNode:
      return tensor_attribute(base, expr.text);
    case ValueKind::kMasked:
      if (expr.text == "shape" || expr.text == "T")
        low_.refuse(describe(low_, base) + " has a shape that depends on the data",
                    "mask.sum() counts its items");
      return bound_method(base, expr.text);
    case ValueKind::kTuple:
      if (base.fields != nullptr) {
        const auto found = std::find(base.fields->begin(), base.fields->end(), expr.text);
        if (found != base.fields->end())
          return (*base.items)[static_cast<size_t>(found - base.fields->begin())];
        std::string fields;
        for (const std::string_view field : *base.fields)
          fields += (fields.empty() ? "" : ", ") + std::string(field);
        low_.refuse("this result has no field " + quoted(expr.text),
                    "its fields are " + fields + ": x." + std::string((*base.fields)[0]));
      }
      [[fallthrough]];
    default:
      low_.refuse(
          describe(low_, base) + " has no attribute " + quoted(expr.text),
          base.is_sequence() ? "index it: x[0]; torch.stack makes a tensor of a list of them" : "");
  }
}

Value Evaluator::record_field(std::string_view name) {
  for (const Field field : kFields)
    if (field_name(field) == name) return Value::of(low_.field(field));
  for (const SizeField& field : kSizeFields)
    if (field.name == name) return Value::of(low_.size(Dim::symbol(field.symbol)));
  const std::vector<std::string_view> names = field_names();
  std::string all;
  for (const std::string_view known : names) all += (all.empty() ? "" : ", ") + std::string(known);
  const auto near = nearest(name, names);
  low_.refuse(
      "the record has no field " + quoted(name) + "; its fields are " + all,
      near.empty() ? "compute it from these" : "did you mean r." + std::string(near[0]) + "?");
}

Value Evaluator::module_attribute(const std::string& module, std::string_view name) {
  if (module == "math" || module == "torch") {
    if (name == "pi") return Value::of(low_.number(kPi));
    if (name == "e") return Value::of(low_.number(kE));
    if (name == "tau" && module == "math") return Value::of(low_.number(2 * kPi));
    if (name == "inf") return Value::of(low_.number(std::numeric_limits<double>::infinity()));
    if (name == "nan")
      low_.refuse("a constant that is not a number (NaN)", "NaN makes every result NaN");
  }
  if (module == "math") {
    if (const NameRow* row = find_name(kMath, name)) return callable(row);
    Refusal refusal = refuse_name(kMath, name);
    low_.refuse(std::move(refusal.message), std::move(refusal.hint));
  }
  if (module == "torch") {
    for (const Dtype& row : kDtypes)
      if (row.name == name) return dtype(row.element);
    if (name == "nn" || name == "linalg" || name == "special")
      return Value::of(ValueKind::kModule, "torch." + std::string(name));
    if (name == "Tensor") return Value::of(ValueKind::kModule, "torch.Tensor");
  }
  if (module == "torch.nn" && name == "functional")
    return Value::of(ValueKind::kModule, "torch.nn.functional");
  const bool functional = module == "torch.nn.functional";
  const std::string path = module == "torch" || functional
                               ? std::string(name)
                               : module.substr(6) + "." + std::string(name);
  if (const NameRow* row = find_name(functional ? kFunctional : kTorch, path)) return callable(row);
  Refusal refusal = refuse_name(functional ? kFunctional : kTorch, path);
  low_.refuse(std::move(refusal.message), std::move(refusal.hint));
}

Value Evaluator::tensor_attribute(const Value& base, std::string_view name) {
  const NodeId x = base.node;
  if (!low_.is_tensor(x))
    low_.refuse(describe(low_, base) + " has no attribute " + quoted(name),
                "numbers take + - * / ** and math.*; torch.tensor(x) makes a 0-dim tensor");
  const auto view = [&](NodeId node) {
    Value value = Value::of(node);
    value.storage = base.storage;
    return value;
  };
  const int64_t rank = low_.rank(x);
  if (name == "shape") return call_row(bound_method(base, "size"), low_.at(), {});
  if (name == "ndim") return Value::of(low_.size(Dim(rank)));
  if (name == "T" || name == "mT") {
    if (rank < 2 && name == "T") return base;
    if (rank < 2 || (rank > 2 && name == "T"))
      low_.refuse("." + std::string(name) + " of " + low_.describe(x),
                  "x.transpose(0, 1) or x.permute(...)");
    return view(low_.transpose(x, rank - 2, rank - 1));
  }
  if (name == "dtype") return dtype(low_.element(x));
  if (name == "device") return Value::of(ValueKind::kDevice);
  if (name == "is_cuda") return Value::of(low_.boolean(false));
  return bound_method(base, name);
}

Value Evaluator::bound_method(const Value& self, std::string_view name) {
  const NameRow* row = find_name(kMethod, name);
  if (row == nullptr) {
    Refusal refusal = refuse_name(kMethod, name);
    low_.refuse(std::move(refusal.message), std::move(refusal.hint));
  }
  Value value = callable(row);
  value.items = std::make_shared<const Values>(Values{self});
  return value;
}

Storage Evaluator::fresh_storage() {
  storage_parent_.push_back(static_cast<Storage>(storage_parent_.size()));
  storage_kept_.push_back(false);
  return storage_parent_.back();
}

Value Evaluator::fresh(NodeId node) {
  Value value = Value::of(node);
  if (low_.is_tensor(node)) value.storage = fresh_storage();
  return value;
}

Storage Evaluator::root(Storage storage) const {
  while (storage_parent_[storage] != storage) storage = storage_parent_[storage];
  return storage;
}

// The older one stays the root, so that what meets foreign memory is foreign.
Storage Evaluator::unite(Storage a, Storage b) {
  a = root(a), b = root(b);
  const Storage older = std::min(a, b), newer = std::max(a, b);
  storage_parent_[newer] = older;
  if (storage_kept_[newer]) storage_kept_[older] = true;
  return older;
}

bool Evaluator::aliased(Storage storage, std::string_view except) {
  const Storage wanted = root(storage);
  const std::function<bool(const Value&)> holds = [&](const Value& value) {
    low_.spend(1);
    const bool memory =
        value.is(ValueKind::kNode) ? low_.is_tensor(value.node) : value.is(ValueKind::kList);
    if (memory && root(value.storage) == wanted) return true;
    return value.items != nullptr && std::any_of(value.items->begin(), value.items->end(), holds);
  };
  for (const Scope& scope : scopes_)
    for (const auto& [name, value] : scope.names)
      if (!(&scope == scope_ && name == except) && holds(value)) return true;
  return false;
}

void Evaluator::keep(const Value& value) {
  if (value.is(ValueKind::kNode) && low_.is_tensor(value.node))
    storage_kept_[root(value.storage)] = true;
  if (!value.is_sequence()) return;
  for (const Value& item : *value.items)
    if (item.is(ValueKind::kNode) && low_.is_tensor(item.node))
      storage_kept_[root(item.storage)] = true;
}

void Evaluator::note_operands(Effect effect, const std::vector<Argument>& arguments,
                              const Value& result) {
  if (effect == Effect::kLinear || effect == Effect::kView) return;
  const auto carries = [&](const Value& value) {
    return value.is(ValueKind::kNode) && low_.carries_gradient(value.node);
  };
  const bool gradient =
      carries(result) ||
      (result.is_sequence() && std::any_of(result.items->begin(), result.items->end(), carries));
  if (!gradient) return;
  for (const Argument& argument : arguments) keep(argument.value);
  if (effect == Effect::kResult) keep(result);
}

}  // namespace ballast::candidate
