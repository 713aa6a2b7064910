// Hand-written float32 kernels for CPUs: what the training step spends its time in.
//
// One source (the other headers of this folder) is compiled once per instruction set into a table
// of functions; the best table the processor can run is chosen when a model is made. All kernels
// are single-threaded and deterministic: the same inputs give the same bits, whatever the
// addresses. Matrices are row-major; `ld` is the distance of rows in elements. Sizes may be any;
// multiples of 16 are fast. No pointer may alias another unless said.
#pragma once

#include <cstdint>

namespace ballast::trainer::cpu {

// Renormalised mixture weights: chosen true scores / (their sum + floor). Null experts have weight
// 0 and take no part in the sum (AdaMoE, arXiv 2406.13233, "true experts only"); a token that chose
// null experts alone passes by.
constexpr float kWeightFloor = 1e-20f;
constexpr int64_t kMostExperts = 4096;

// Routing of T tokens over E experts; see Kernels::route.
struct RouteArgs {
  int64_t T, E, k, true_experts;
  bool softmax, renormalise;
  const float* logits;  // (T,E)
  const float* bias;    // (E)
  float* scores;        // (T,E)
  float* chosen;        // (T,E) 0 or 1
  int32_t* experts;     // (T,k) in the order of choice
  float* weights;       // (T,k) mixture weights; 0 for null experts
  float* counts;        // (E)
  float* mean_probs;    // (E)
  float* score_sums;    // (2) of the chosen scores, of the k largest scores
};

struct RouteBackwardArgs {
  int64_t T, E, k, true_experts;
  bool softmax, renormalise;
  const float* scores;
  const int32_t* experts;
  const float* weights;
  const float* grad_weights;  // (T,k)
  const float* grad_outside;  // (T,E) gradient of the balance loss, or null
  float* grad_logits;         // (T,E) overwritten
};

// Causal attention of S sequences of `length` tokens; `heads` heads of width w side by side.
struct AttentionArgs {
  int64_t S, length, heads, w;
  const float* qkv;            // (S*length, 3*heads*w) before rotation
  const float *cosine, *sine;  // (length, w/2)
  float* scratch;              // attention_scratch(length, w) elements
  float* out;                  // (S*length, heads*w)
  float* lse;                  // (S, heads, length) log-sum-exp of the scaled scores
  // backward only
  const float* grad_out;  // (S*length, heads*w)
  float* grad_qkv;        // (S*length, 3*heads*w) overwritten
};

struct AdamArgs {
  int64_t n;
  float* values;
  const float* grads;
  float *moment1, *moment2;
  double learning_rate, beta1, beta2, epsilon, decay;
  int64_t step;  // from 1
};

struct Kernels {
  const char* name;  // "avx512"

  // B (K,N) in the order gemm reads it; `transposed`: given as (N,K).
  int64_t (*packed_size)(int64_t K, int64_t N);
  void (*pack)(int64_t K, int64_t N, const float* b, int64_t ld, bool transposed, float* packed);
  // C (M,N) = or += A (M,K) B, B packed.
  void (*gemm)(int64_t M, int64_t N, int64_t K, const float* a, int64_t lda, const float* packed,
               float* c, int64_t ldc, bool accumulate);
  // C (M,N) += A^T B with A (K,M), B (K,N).
  void (*gemm_tn)(int64_t M, int64_t N, int64_t K, const float* a, int64_t lda, const float* b,
                  int64_t ldb, float* c, int64_t ldc);

  // y = x * rstd * gain; rstd (T) is kept for the backward pass.
  void (*rms_norm)(int64_t T, int64_t D, const float* x, const float* gain, float epsilon, float* y,
                   float* rstd);
  // grad_x += d(norm)/dx^T grad_y; grad_gain += ...
  void (*rms_norm_backward)(int64_t T, int64_t D, const float* x, const float* gain,
                            const float* rstd, const float* grad_y, float* grad_x,
                            float* grad_gain);

  int64_t (*attention_scratch)(int64_t length, int64_t w);
  void (*attention)(const AttentionArgs& args);
  void (*attention_backward)(const AttentionArgs& args);

  void (*route)(const RouteArgs& args);
  void (*route_backward)(const RouteBackwardArgs& args);

  // hidden (rows,F) = silu(up[:, :F]) * up[:, F:]
  void (*swiglu)(int64_t rows, int64_t F, const float* up, float* hidden);
  // grad_hidden is that of hidden before the row weights (null: all 1) are applied. Writes
  // grad_up (rows,2F), hidden * weight into `weighted` (rows,F), and grad_weights (rows) if not
  // null.
  void (*swiglu_backward)(int64_t rows, int64_t F, const float* up, const float* weights,
                          const float* grad_hidden, float* grad_up, float* weighted,
                          float* grad_weights);

  // Sum over rows of the cross-entropy, nats. If scale != 0, logits become scale * its gradient.
  double (*cross_entropy)(int64_t rows, int64_t V, float* logits, const int32_t* targets,
                          float scale);

  // y[i] (D) += sum_j weights[i,j] * x[index[i,j]]; null weights: all 1; index < 0: skipped.
  void (*gather_add)(int64_t rows, int64_t k, int64_t D, const float* x, const int32_t* index,
                     const float* weights, float* y);

  // Returns the sum of squares of the gradients.
  double (*adamw)(const AdamArgs& args);
};

}  // namespace ballast::trainer::cpu
