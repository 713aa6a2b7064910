// One router state given by hand as JSON (`ballast check --at STATE.json`), and a candidate's
// answer.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "candidate/graph.h"
#include "trainer/record.h"

namespace ballast::trainer {

using Row = std::vector<double>;

// What a person writes down; the rest of the record follows from it (docs/design.md, section 3).
struct State {
  std::vector<Row> logits;                 // (T,E)
  std::string gate = "softmax";            // or "sigmoid"
  int64_t top_k = 1;                       // k, 1 to E
  int64_t num_sequences = 1;               // S, divides T
  std::optional<Row> load_global;          // (E)   absent: load
  std::optional<Row> probs_global;         // (E)   absent: mean of probs, with its gradient
  std::optional<Row> load_ema;             // (E)   absent: load
  std::optional<Row> cost;                 // (E)   absent: ones
  std::optional<Row> is_null;              // (E)   absent: zeros
  std::optional<std::vector<Row>> device;  // (E,G) absent: one group, (E,1) ones
  std::optional<Row> bias;                 // (E)   absent: zeros
  double progress = 0;                     // in [0, 1]
  double depth = 0;                        // in [0, 1]
};

// Keys as the members are called; `logits` and `top_k` must be there. Throws Error naming the key
// that is missing, unknown, of the wrong type or shape, or out of range.
State parse_state(std::string_view json);

struct StateRecord {
  Record record;
  at::Tensor bias;  // (E)
};

// Scores, probs, chosen and load by the rules of the router: `chosen` is the top k of scores +
// bias, equal ones in the order of their experts. record.logits is a leaf that requires gradient.
StateRecord make_state(const State& state, at::ScalarType dtype = at::kDouble);

struct Answer {
  std::string json;  // {"value":.., "grad_logits":[[..]], "bias":[..]}, 17 significant digits
  bool finite = true;
};

// What the program says at this state, in float64, without any coefficient. "bias" is what the hook
// returned, before centring, and null without the hook. A program without balance_loss adds nothing
// to the objective: its value is 0 and its gradient zeros. Throws CandidateError.
Answer answer_at(const candidate::Program& program, const State& state);

}  // namespace ballast::trainer
