// Runs candidates: the forward of every op of candidate/ops.def in ATen; gradients are ATen's.
#pragma once

#include <ATen/core/Tensor.h>

#include "candidate/graph.h"
#include "common/error.h"
#include "trainer/record.h"

namespace ballast::trainer {

// The candidate asked for something that these sizes do not allow (an index beyond E, a slice
// beyond a dimension, T not divisible). An outcome: caught around one job.
class CandidateError : public Error {
 public:
  using Error::Error;
};

// balance_loss(r): () tensor of the record's dtype, connected to r.logits where the program is.
// REQUIRES: program.loss
at::Tensor balance_loss(const candidate::Program& program, const Record& r);

// selection_bias(r, bias): (E), no gradient. REQUIRES: program.bias
at::Tensor selection_bias(const candidate::Program& program, const Record& r,
                          const at::Tensor& bias);

}  // namespace ballast::trainer
