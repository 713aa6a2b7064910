// Router states drawn from a seed: what the probe looks at candidates with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/rng.h"
#include "trainer/state.h"

namespace ballast::trainer {

struct Draw {
  int64_t experts = 8;       // E
  int64_t top_k = 1;         // k
  int64_t sequences = 1;     // S
  int64_t length = 8;        // tokens per sequence
  int64_t null_experts = 0;  // the last ones of E
  int64_t groups = 1;        // G
  const char* gate = "softmax";
  double scale = 1;  // standard deviation of the logits
  double progress = 0, depth = 0;
};

// A state without ties: logits differ, and so do the loads of the experts; none is the mean load,
// one is 0. Window loads, running loads, costs are random and without ties as well (one load of the
// window is 0, null experts cost 0); the window's probs are given. Logits beyond +-15 are cut to
// within it. REQUIRES: k * T = 32 * 1, 64 * 2 or 256 * 8 for E = 8, 16 or 64, so that such loads
// exist
State draw_without_ties(const Draw& draw, Rng& rng);

// A state of independent logits, scale * normal + the offsets (E); the rest as above but for ties.
State draw_independent(const Draw& draw, const Row& offsets, Rng& rng);

// A collapsed router: the same k experts for every token, chosen with logits of 14 to 15 against
// -15 to -14; their window loads are equal shares of 1, all others 0.
State draw_collapsed(const Draw& draw, Rng& rng);

std::vector<int64_t> random_permutation(int64_t n, Rng& rng);

// The same router with experts (of every field that has them) or tokens in another order: the new
// expert i is the old experts[i].
State with_experts(const State& state, const std::vector<int64_t>& experts);
State with_tokens(const State& state, const std::vector<int64_t>& tokens);

}  // namespace ballast::trainer
