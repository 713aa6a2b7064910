#include "trainer/value.h"

#include <ATen/ATen.h>
#include <ATen/ScalarOps.h>

#include <cassert>
#include <new>

#include "trainer/interpreter.h"

namespace ballast::trainer {

using candidate::Element;
using candidate::Symbol;

double number(const Value& v) {
  assert(!is_tensor(v));
  if (const bool* b = std::get_if<bool>(&v)) return *b ? 1 : 0;
  if (const int64_t* n = std::get_if<int64_t>(&v)) return static_cast<double>(*n);
  return std::get<double>(v);
}

at::TensorOptions Context::options(Element element) const {
  const at::TensorOptions device = at::TensorOptions().device(record.logits.device());
  switch (element) {
    case Element::kBool:
      return device.dtype(at::kBool);
    case Element::kInt:
      return device.dtype(at::kLong);
    case Element::kFloat:
      break;
  }
  return device.dtype(dtype());
}

void throw_as_candidate_error(const std::string& where, const c10::Error& error) {
  const std::string why = error.what_without_backtrace();
  const bool memory = dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
                      why.find("can't allocate memory") != std::string::npos;
  if (memory) throw std::bad_alloc();
  throw CandidateError(where + ": " + why);
}

std::string to_string(const candidate::Bindings& b) {
  const auto text = [&](const char* name, Symbol s) { return name + std::to_string(b[s]); };
  return text("T=", Symbol::kT) + text(", S=", Symbol::kS) + text(", E=", Symbol::kE) +
         text(", k=", Symbol::kK) + text(", G=", Symbol::kG);
}

at::Tensor Call::tensor(size_t i) const {
  const Value& v = *in[i];
  if (const at::Tensor* t = std::get_if<at::Tensor>(&v)) return *t;
  if (const bool* b = std::get_if<bool>(&v)) return at::native::wrapped_scalar_tensor(*b);
  if (const int64_t* n = std::get_if<int64_t>(&v)) return at::native::wrapped_scalar_tensor(*n);
  return at::native::wrapped_scalar_tensor(std::get<double>(v));
}

at::Tensor Call::floats(size_t i) const {
  if (!is_tensor(*in[i])) return at::native::wrapped_scalar_tensor(number(i));
  const at::Tensor t = tensor(i);
  return t.is_floating_point() ? t : t.to(context.dtype());
}

int64_t Call::integer(size_t i) const {
  const Value& v = *in[i];
  if (const bool* b = std::get_if<bool>(&v)) return *b ? 1 : 0;
  assert(std::holds_alternative<int64_t>(v));
  return std::get<int64_t>(v);
}

int64_t Call::size(size_t i) const {
  const std::optional<int64_t> value = node.dims[i].evaluate(context.bindings);
  if (!value)
    throw CandidateError("the size " + node.dims[i].to_string() + " is not a whole number for " +
                         to_string(context.bindings));
  return *value;
}

std::vector<int64_t> Call::sizes() const {
  std::vector<int64_t> out(node.dims.size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = size(i);
    if (out[i] < 0)
      throw CandidateError("the size " + node.dims[i].to_string() + " is " +
                           std::to_string(out[i]) + " for " + to_string(context.bindings));
  }
  return out;
}

}  // namespace ballast::trainer
