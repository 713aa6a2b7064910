// What a candidate does, as a vector and as a number: equal functions are near each other whatever
// their texts look like, and have coefficients in equal units (docs/design.md, section 5).
#pragma once

#include <vector>

#include "candidate/graph.h"
#include "trainer/record.h"

namespace ballast::trainer {

// Small states in which every field of the record takes several values, E, k, S, G and gates
// differ, and the 8 states that a selection_bias walks through.
struct FingerprintStates {
  std::vector<Record> gradient;  // float64
  std::vector<Record> steps;     // float64, one E
};
FingerprintStates make_fingerprint_states();

// Floats of a fingerprint: 832 of router gradients (all of them, state after state: no projection
// is needed), 128 of biases (8 steps, E = 16).
constexpr size_t kFingerprintSize = 960;

// The gradients of the loss with respect to the logits, then the centred biases that selection_bias
// gives when it is fed its own centred output, starting from zeros; divided by their common norm,
// in float64 until then. Zeros stand for a hook that is not there. Empty when all of it is 0 or
// some of it is not finite: such a function is told from others by its identity only. Throws
// CandidateError.
std::vector<float> fingerprint(const candidate::Program& program, const FingerprintStates& states);

// Skewed routers of the default preset (E = 16, k = 2), from mild to strong skew, early to late.
struct UnitStates {
  std::vector<Record> records;  // float64
  double reference_norm = 0;    // of global-batch LBL's router gradient over them
};
UnitStates make_unit_states();

// What the loss must be multiplied with so that its router-gradient norm over the states is that of
// global-batch LBL (arXiv 2501.11873, eq. 4-6: E * sum_e load_global_e * mean_t probs_te). 1
// without a loss; nullopt when the norm is 0 but for rounding there, or not finite. Throws
// CandidateError.
std::optional<double> unit(const candidate::Program& program, const UnitStates& states);

}  // namespace ballast::trainer
