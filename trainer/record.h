// What one router did with one micro-batch: the record `r` of the loss language.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "candidate/dim.h"

namespace ballast::trainer {

// Shapes: T tokens, E experts, G device groups. Float tensors of one dtype (float32 in training,
// float64 in `ballast check --at`), all on one device. docs/design.md, section 3.
struct Record {
  at::Tensor logits;          // (T,E) gradient
  at::Tensor scores;          // (T,E) gradient; softmax, or sigmoid not normalised
  at::Tensor probs;           // (T,E) gradient; rows sum to 1
  at::Tensor probs_global;    // (E)   value of the window, gradient of this micro-batch's own mean
  at::Tensor chosen;          // (T,E) 0 or 1, k ones a row
  at::Tensor load;            // (E)   sums to 1
  at::Tensor load_global;     // (E)   sums to 1
  at::Tensor load_ema;        // (E)
  at::Tensor cost;            // (E)   relative latency, mean 1 over true experts
  at::Tensor is_null;         // (E)   0 or 1
  at::Tensor device;          // (E,G) one-hot
  int64_t num_sequences = 1;  // S
  int64_t top_k = 1;          // k
  double progress = 0;        // in [0, 1]
  double depth = 0;           // in [0, 1]

  candidate::Bindings bindings() const;  // T, S, E, k, G of these tensors
};

}  // namespace ballast::trainer
