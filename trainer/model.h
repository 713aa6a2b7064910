// The language model: embedding, L layers of attention and MoE feed-forward blocks, head.
//
// A forward pass keeps what its backward pass needs, so that several passes (a window's) can be
// held before their balance losses are known. The balance losses reach the model only as gradients
// with respect to the router logits: they are functions of nothing else of the model.
//
// Two implementations of one contract: ATen operators and autograd (any device and dtype), and
// hand-written kernels for float32 on a CPU (trainer/cpu/). A test holds them against each other.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

#include "trainer/batches.h"
#include "trainer/parameters.h"

namespace ballast::trainer {

constexpr double kNormEpsilon = 1e-6;  // RMSNorm: x / sqrt(mean(x^2) + epsilon) * gain
constexpr double kRotaryBase = 10000;  // pair i of a head turns by position * base^(-2i/width)

// A selection bias (E) solved for the tokens that it then routes: from their scores (T,E) and the
// bias so far (E). Without gradient.
using BiasSolver = std::function<at::Tensor(const at::Tensor& scores, const at::Tensor& bias)>;

// One micro-batch's forward pass: T tokens, R routed layers. No tensor here carries a gradient.
class Pass {
 public:
  virtual ~Pass() = default;

  int64_t sequences = 0;           // S
  at::Tensor cross_entropy;        // ()     mean over tokens, nats
  std::vector<at::Tensor> logits;  // R x (T,E)
  std::vector<at::Tensor> chosen;  // R x (T,E) 1 where routed, else 0; k ones a row
  at::Tensor bias;                 // (R,E)  that selected: the given one, or what was solved for
  at::Tensor counts;               // (R,E)  assignments
  at::Tensor mean_probs;           // (R,E)  mean over tokens of the scores normalised to sum 1
  at::Tensor score_sums;           // (R,2)  sums over tokens of the k chosen scores, and of the k
                                   //        largest
};

class Model {
 public:
  virtual ~Model() = default;

  // Forward pass of one micro-batch. `bias` (R,E) is added to the scores for selection only. The
  // parameters must not change until the pass has been used up.
  // `weight`: factor of this pass's cross-entropy in the objective; 0: no backward will follow.
  // `solve`, where there is one, replaces each layer's bias before that layer routes.
  virtual std::unique_ptr<Pass> forward(const MicroBatch& batch, const at::Tensor& bias,
                                        double weight, const BiasSolver& solve) = 0;
  std::unique_ptr<Pass> forward(const MicroBatch& batch, const at::Tensor& bias, double weight) {
    return forward(batch, bias, weight, nullptr);
  }

  // Adds the gradient of  weight * cross_entropy + sum_r <grad_logits[r], logits[r]>  to the
  // parameters' gradients. `grad_logits`: R tensors (T,E), or none at all.
  // REQUIRES: weight > 0 in forward; called once a pass.
  virtual void backward(Pass& pass, const std::vector<at::Tensor>& grad_logits) = 0;

  // Called after the parameters' values were written.
  virtual void values_changed() = 0;
};

// Keeps a reference to `parameters`.
std::unique_ptr<Model> make_model(const ModelSpec& spec, Parameters& parameters,
                                  Implementation implementation = Implementation::kBest);
std::unique_ptr<Model> make_aten_model(const ModelSpec& spec, Parameters& parameters);

// scores of router logits (T,E): softmax, or sigmoid (not normalised).
at::Tensor gate_scores(const ModelSpec& spec, const at::Tensor& logits);
// scores normalised to sum 1 over experts.
at::Tensor gate_probs(const ModelSpec& spec, const at::Tensor& scores);

}  // namespace ballast::trainer
