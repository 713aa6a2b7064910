// BIP-Based Balancing: arXiv 2502.15451, algorithm 1. Routing m tokens to the k best of n experts
// under a capacity of mk/n tokens an expert is a binary integer program; its dual is solved by
// coordinate steps, T times per micro-batch and layer, before the tokens are routed:
//
//   p_i = max(0, (k+1)-th largest over experts of s_ij - q_j)
//   q_j = max(0, (mk/n + 1)-th largest over tokens of s_ij - p_i)
//
// Tokens go to the k largest s_ij - q_j; q starts at 0 and is kept from batch to batch. So a
// token's route depends on tokens after it: training sees the future, which the score does not (q
// is frozen there). The causal variant is the text bip_causal.
//
// The selection bias is -q up to a constant (the trainer does not centre it here, so it is -q).
#include <charconv>

#include "trainer/balancers/balancers.h"
#include "trainer/pch.h"

namespace ballast::trainer::balancers {

Balancer bip(int iterations) {
  Balancer balancer;
  balancer.uses_probs_global = false;
  balancer.solve_bias = [iterations](const at::Tensor& scores, const at::Tensor& bias,
                                     int64_t top_k) {
    const int64_t m = scores.size(0), n = scores.size(1);
    if (top_k >= n) return at::zeros_like(bias);  // every expert is chosen: nothing to balance
    const int64_t capacity = m * top_k / n;       // < m
    at::Tensor q = -bias;
    for (int i = 0; i < iterations; ++i) {
      // kthvalue counts from the smallest: the (k+1)-th largest of n is the (n-k)-th smallest.
      const at::Tensor p =
          std::get<0>(at::kthvalue(scores - q, n - top_k, 1, /*keepdim=*/true)).clamp_min(0);
      q = std::get<0>(at::kthvalue(scores - p, m - capacity, 0)).clamp_min(0);
    }
    return -q;
  };
  return balancer;
}

int bip_iterations(std::string_view name) {
  constexpr std::string_view kPrefix = "bip_";
  if (!name.starts_with(kPrefix) || !find_builtin(name)) return 0;
  int iterations = 0;
  std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), iterations);
  return iterations;
}

}  // namespace ballast::trainer::balancers
