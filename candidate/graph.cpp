#include "candidate/graph.h"

#include <array>
#include <cassert>

namespace ballast::candidate {
namespace {

constexpr std::array kRows{
#define OP(name, operands, commutative) OpRow{#name, operands, commutative},
#include "candidate/ops.def"
};

struct FieldRow {
  std::string_view name;
  bool tokens;   // the first dimension is T
  bool experts;  // an E dimension
  bool groups;   // the last dimension is G
};

constexpr std::array kFields{
    FieldRow{"logits", true, true, false},       FieldRow{"scores", true, true, false},
    FieldRow{"probs", true, true, false},        FieldRow{"probs_global", false, true, false},
    FieldRow{"chosen", true, true, false},       FieldRow{"load", false, true, false},
    FieldRow{"load_global", false, true, false}, FieldRow{"load_ema", false, true, false},
    FieldRow{"cost", false, true, false},        FieldRow{"is_null", false, true, false},
    FieldRow{"device", false, true, true},       FieldRow{"progress", false, false, false},
    FieldRow{"depth", false, false, false},      FieldRow{"bias", false, true, false},
};
static_assert(kFields.size() == kFieldCount);

const FieldRow& field_row(Field field) {
  assert(static_cast<size_t>(field) < kFields.size());
  return kFields[static_cast<size_t>(field)];
}

}  // namespace

const OpRow& row(Op op) {
  assert(static_cast<size_t>(op) < kRows.size());
  return kRows[static_cast<size_t>(op)];
}

const std::vector<Op>& all_ops() {
  static const std::vector<Op> ops = [] {
    std::vector<Op> list;
    for (size_t i = 0; i < kRows.size(); ++i) list.push_back(static_cast<Op>(i));
    return list;
  }();
  return ops;
}

std::string_view field_name(Field field) { return field_row(field).name; }

Type field_type(Field field) {
  const FieldRow& row = field_row(field);
  Type type{row.experts, Element::kFloat, {}};
  if (row.tokens) type.shape.push_back(Dim::symbol(Symbol::kT));
  if (row.experts) type.shape.push_back(Dim::symbol(Symbol::kE));
  if (row.groups) type.shape.push_back(Dim::symbol(Symbol::kG));
  return type;
}

}  // namespace ballast::candidate
