// Gradients against central differences, in float64.
#pragma once

#include <gtest/gtest.h>

#include <cmath>

#include "trainer/gradient.h"
#include "trainer/interpreter.h"
#include "trainer/state.h"

namespace ballast::trainer {

// Expects d balance_loss / d logits at `state` to be what (f(x + h) - f(x - h)) / 2h says, for
// every logit, to 1e-6 of the largest component: with h = 1e-5 truncation and rounding are both
// below 1e-9 of a smooth function's scale. REQUIRES: no window probs in the state and no detach in
// the program (their gradients are not their values' on purpose).
inline void expect_gradient_of_differences(const candidate::Program& program, const State& state) {
  constexpr double kStep = 1e-5;
  const Record r = make_state(state).record;
  const at::Tensor value = balance_loss(program, r);
  ASSERT_TRUE(std::isfinite(value.item<double>()));
  const at::Tensor found = gradient(value, r.logits);
  const auto at_logit = [&](size_t t, size_t e, double step) {
    State moved = state;
    moved.logits[t][e] += step;
    return balance_loss(program, make_state(moved).record).item<double>();
  };
  const double scale = std::max(found.abs().max().item<double>(), 1e-3);
  for (size_t t = 0; t < state.logits.size(); ++t) {
    for (size_t e = 0; e < state.logits[t].size(); ++e) {
      const double want = (at_logit(t, e, kStep) - at_logit(t, e, -kStep)) / (2 * kStep);
      const double got = found[static_cast<int64_t>(t)][static_cast<int64_t>(e)].item<double>();
      ASSERT_NEAR(got, want, 1e-6 * scale) << "logit of token " << t << ", expert " << e;
    }
  }
}

}  // namespace ballast::trainer
