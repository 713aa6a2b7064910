// The forward of each row of candidate/ops.def, one function a row under the row's name: a row
// without a forward does not link. Gradients are ATen's.
#pragma once

#include "trainer/value.h"

namespace ballast::trainer {

// Forwards of nodes whose type is a tensor (ops_*.cpp).
namespace forward {
#define OP(name, operands, commutative) at::Tensor name(const Call& call);
#include "candidate/ops.def"
}  // namespace forward

using Forward = at::Tensor (*)(const Call&);
Forward forward_of(candidate::Op op);

// The value of a node whose type is a Python number, by Python's rules (numbers.cpp). Throws
// CandidateError where Python raises.
Value number_forward(const Call& call);

}  // namespace ballast::trainer
