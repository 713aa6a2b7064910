// What a node of a candidate's graph is worth at run time, and what its forward gets to see.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "candidate/graph.h"
#include "trainer/record.h"

namespace c10 {
class Error;
}

namespace ballast::trainer {

// Python's bool, int and float stay Python numbers: they promote as such, and they are known
// without a look at the device.
using Value = std::variant<bool, int64_t, double, at::Tensor>;

inline bool is_tensor(const Value& v) { return std::holds_alternative<at::Tensor>(v); }
double number(const Value& v);  // REQUIRES: a number

// The router that a graph is evaluated on. Borrows both.
struct Context {
  const Record& record;
  const at::Tensor* bias;  // null in balance_loss
  candidate::Bindings bindings;

  at::ScalarType dtype() const { return record.logits.scalar_type(); }
  // Options of a tensor of this element on the record's device: bool, int64 or the record's dtype.
  at::TensorOptions options(candidate::Element element) const;
};

// ATen refused what a candidate asked for: CandidateError "where: why". Only want of memory is not
// the candidate's text's fault: std::bad_alloc.
[[noreturn]] void throw_as_candidate_error(const std::string& where, const c10::Error& error);

std::string to_string(const candidate::Bindings& bindings);  // "T=32, S=4, E=8, k=1, G=1"

// One node with the values of its operands.
struct Call {
  const candidate::Node& node;
  std::span<const Value* const> in;
  const Context& context;

  // Operand i as a tensor. A number becomes what PyTorch makes of a Python number beside a tensor:
  // a wrapped 0-dim tensor, which does not take part in type promotion among its own kind.
  at::Tensor tensor(size_t i) const;
  // The same; bool and int tensors become floats of the record's dtype.
  at::Tensor floats(size_t i) const;
  // The number that operand i is. REQUIRES: a number
  double number(size_t i) const { return trainer::number(*in[i]); }
  int64_t integer(size_t i) const;

  int64_t attribute(size_t i) const { return node.ints[i]; }
  int64_t size(size_t i) const;  // node.dims[i]; throws CandidateError when it is no whole number
  std::vector<int64_t> sizes() const;  // all of node.dims, each >= 0
};

}  // namespace ballast::trainer
