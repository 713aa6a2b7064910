// The arguments of one call, bound to the parameters of its row, and read with PyTorch's rules.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "candidate/lowering.h"
#include "candidate/names.h"

namespace ballast::candidate {

struct Argument {
  std::string_view keyword;  // empty: positional
  Value value;
  Position at;
};

class Arguments {
 public:
  // Binds. Fails with the parameter list when they do not fit.
  Arguments(Lowering& low, const NameRow& row, Position at, std::vector<Argument> given);

  const NameRow& row() const { return row_; }
  const std::vector<Argument>& given() const { return given_; }

  bool has(std::string_view name) const;            // given, and not None
  const Value& value(std::string_view name) const;  // REQUIRES: has(name)
  // Fails when an argument is given that the language cannot honour.
  void must_not_have(std::string_view name, std::string_view hint = "") const;

  NodeId tensor(std::string_view name) const;
  NodeId node(std::string_view name) const;    // a tensor or a number
  NodeId number(std::string_view name) const;  // a Python number, or the default
  double real(std::string_view name) const;    // a number known now
  int64_t integer(std::string_view name) const;
  bool flag(std::string_view name) const;
  std::string text(std::string_view name) const;
  Dim size(std::string_view name) const;
  Shape sizes(std::string_view name) const;                  // an int, several, or a list of them
  std::vector<NodeId> tensors(std::string_view name) const;  // a list or tuple of at least one
  // Dimensions of x, normalised.
  int64_t dim(std::string_view name, NodeId x) const;
  Dims dims(std::string_view name, NodeId x) const;  // an int or a list; None: all, in order

  [[noreturn]] void refuse(std::string_view name, std::string message, std::string hint = "") const;
  std::string callee() const;  // "sum()"

 private:
  size_t index_of(std::string_view name) const;
  const Value& whole(std::string_view name) const;  // a rest parameter's items as a tuple
  std::string_view fallback(std::string_view name) const;
  void bind_keyword(const Argument& argument);

  Lowering& low_;
  const NameRow& row_;
  Position at_;
  std::vector<Argument> given_;         // in the order written
  std::vector<const Argument*> bound_;  // by parameter
  std::vector<Value> rest_;
  Value rest_value_;
};

// How a message names a value: "a float (T,E) tensor", "a list", "a string".
std::string describe(const Lowering& low, const Value& value);
// A value that must be a whole number known as a polynomial of E, k, ...
std::optional<Dim> as_size(const Lowering& low, const Value& value);

}  // namespace ballast::candidate
