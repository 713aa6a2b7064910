// What every candidate must keep to, whatever it computes (docs/design.md, section 5, "Contract").
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "candidate/graph.h"
#include "trainer/record.h"

namespace ballast::trainer {

// One router state, with what the checks need of it in the types and orders they need. Built once,
// used for many candidates.
struct ContractState {
  std::string name;  // "E=8, k=1, S=4, softmax gate, 2 null experts, skewed logits"
  Record single;     // float32: what training computes with
  Record exact;      // float64: the rest
  at::Tensor bias;   // (E) float64
  bool without_ties = false;
  // The same router told otherwise, float64; only of states without ties.
  std::vector<int64_t> experts;  // the order of the experts in `relabelled`
  Record relabelled;
  at::Tensor relabelled_bias;
  std::vector<int64_t> tokens;     // the order of the tokens in `permuted`
  std::optional<Record> permuted;  // whole sequences in another order; absent when S = 1
  Record shuffled;                 // tokens in another order inside their sequences
};
std::vector<ContractState> make_contract_states();

struct ContractReport {
  std::optional<std::string> violation;  // which check failed where, by how much, and what to do
  // Only when there is no violation:
  bool order_dependent = false;  // moves when tokens change places inside their sequences
  double grad_norm = 0;          // of the loss over the states without ties, float64
};

// Value, gradient and bias are finite in float32 and float64; the loss has a router gradient
// somewhere or there is a selection_bias; on states without ties, value, gradient and bias follow
// when whole sequences are permuted or experts relabelled, to 1e-4 of their size. (The gradient is
// checked as well as the value, since x - x.detach() shows nothing in the value.)
//
// A gradient that float32 and float64 do not agree on is rounding noise (of a loss that is
// constant, as r.probs.sum() is) and counts as none.
ContractReport check_contract(const candidate::Program& program,
                              const std::vector<ContractState>& states);

}  // namespace ballast::trainer
