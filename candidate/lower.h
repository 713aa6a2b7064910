// The functions behind the rows of names.def: each turns one call into nodes.
#pragma once

#include "candidate/arguments.h"
#include "candidate/lowering.h"

namespace ballast::candidate {

Value lower_node(Lowering& low, const Arguments& args);  // rows of one node

#define NAME(spaces, name, signature, effect, function) \
  Value lower_##function(Lowering& low, const Arguments& args);
#define NODE(spaces, name, signature, effect, op)
#include "candidate/names.def"

// Shared between their files.
// A tuple whose items have names: max(dim).values.
Value named_tuple(Values items, const std::vector<std::string_view>& fields);
Value values_and_indices(Value values, Value indices);
Value values_and_indices(NodeId values, NodeId indices);
NodeId with_dtype(Lowering& low, const Arguments& args, NodeId x);  // cast to `dtype=`, if given
NodeId floats(Lowering& low, const Arguments& args);  // `input`, which must be a float tensor
void check_extras(const Arguments& args);             // inplace=, requires_grad=, ...
NodeId sort_indices(Lowering& low, NodeId x, int64_t dim, bool descending);
// The items of a list, range or tensor, for a loop: a sequence, with guards where its length is
// known only at run time.
Value iterate(Lowering& low, const Value& value);
// What -1 stands for in a new shape of x, and the check that all sizes fit.
Shape resolve_shape(Lowering& low, NodeId x, Shape shape);
NodeId scalar_of(Lowering& low, double value, Element element);

}  // namespace ballast::candidate
