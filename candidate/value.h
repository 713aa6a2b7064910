// What a name or an expression of a candidate stands for while its text is turned into a graph.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "candidate/type.h"

namespace ballast::candidate {

struct NameRow;  // names.h
struct Closure;  // evaluator.h
using NodeId = uint32_t;

enum class ValueKind : uint8_t {
  kNone,
  kNode,      // node: a tensor or a Python number
  kText,      // text
  kTuple,     // items; with `fields` a named one
  kList,      // items
  kSequence,  // items: a range, enumerate or zip; with `guards` of a length known only at run time
  kEllipsis,
  kMasked,    // the items of tensor `node` that `mask` picks: their number depends on the data
  kRecord,    // r
  kModule,    // text: "torch", "torch.nn", "torch.nn.functional", "math", "torch.linalg", ...
  kCallable,  // row: torch.sum; with items[0], a method bound to it
  kFunction,  // closure: a helper
  kDtype,     // element
  kDevice,
  kUnusable,  // text says why: unbound in one branch, or of two shapes
};

struct Value;
using Values = std::vector<Value>;

// Which memory a tensor or list lives in; aliases share it. 0: memory that is not the candidate's
// own (the record's fields and views of them).
using Storage = uint32_t;
constexpr Storage kForeign = 0;

struct Value {
  ValueKind kind = ValueKind::kNone;
  Element element = Element::kFloat;
  NodeId node = 0;
  NodeId mask = 0;
  Storage storage = kForeign;
  std::string text;
  std::shared_ptr<const Values> items;
  std::shared_ptr<const std::vector<NodeId>> guards;  // items[i] exists where guards[i] holds
  const std::vector<std::string_view>* fields = nullptr;
  const NameRow* row = nullptr;
  const Closure* closure = nullptr;

  bool is(ValueKind k) const { return kind == k; }
  bool is_sequence() const {
    return is(ValueKind::kTuple) || is(ValueKind::kList) || is(ValueKind::kSequence);
  }

  static Value of(NodeId node) {
    Value value;
    value.kind = ValueKind::kNode;
    value.node = node;
    return value;
  }
  static Value of(ValueKind kind, std::string text = "") {
    Value value;
    value.kind = kind;
    value.text = std::move(text);
    return value;
  }
  static Value sequence(ValueKind kind, Values items) {
    Value value = of(kind);
    value.items = std::make_shared<const Values>(std::move(items));
    return value;
  }
};

}  // namespace ballast::candidate
