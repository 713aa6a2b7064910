// Anything that balances experts: a built-in method in C++, or a candidate through the interpreter.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/builtins.h"
#include "common/job.h"
#include "trainer/model.h"
#include "trainer/record.h"

namespace ballast::trainer {

struct Balancer {
  // Adds coefficient * unit * loss(r) to the objective (mean over layers and micro-batches).
  // Empty: no loss.
  std::function<at::Tensor(const Record& r)> loss;
  // The next step's selection bias (E) from the window's final record, without gradient: called
  // once per micro-batch after the step; the trainer averages and centres. Empty: the bias stays 0.
  // The rate the trainer applies: bias + rate * (selection_bias(r, bias) - bias), where rate is the
  // coefficient when there is no loss, else 1.
  std::function<at::Tensor(const Record& r, const at::Tensor& bias)> selection_bias;
  // Whether r.probs_global is read. If not, it may be left undefined: it costs time in every
  // record.
  bool uses_probs_global = true;
  // A bias solved for each micro-batch's own tokens before they are routed, and kept from one to
  // the next: what is published as batch-solved. Scoring is causal all the same: the last bias,
  // frozen. The rate applies as above. Empty: nothing is solved.
  std::function<at::Tensor(const at::Tensor& scores, const at::Tensor& bias, int64_t top_k)>
      solve_bias = {};
};

// The built-in ones are named in common/builtins.h. Throws Error naming the known ones for an
// unknown name, CandidateError for a text that does not parse. `schedule.bias_rate` is u of the
// auxiliary-loss-free rule.
Balancer make_balancer(const BalancerRef& ref, const ScheduleSpec& schedule);

}  // namespace ballast::trainer
