// The feed-forward half of a layer: dense or shared block, router, experts.
#include <algorithm>

#include "trainer/cpu/model_cpu.h"
#include "trainer/pch.h"

namespace ballast::trainer::cpu {
namespace {

// A stable counting sort of the assignments by expert; those of null experts are left out.
void sort_by_expert(const int32_t* experts, int64_t T, int64_t k, int64_t true_experts,
                    Dispatch& d) {
  const auto slots = static_cast<size_t>(T * k);
  d.offsets.assign(static_cast<size_t>(true_experts) + 1, 0);
  for (size_t i = 0; i < slots; ++i)
    if (experts[i] < true_experts) ++d.offsets[static_cast<size_t>(experts[i]) + 1];
  for (size_t e = 1; e < d.offsets.size(); ++e) d.offsets[e] += d.offsets[e - 1];
  const auto rows = static_cast<size_t>(d.offsets.back());
  d.token_of_row.resize(rows);
  d.slot_of_row.resize(rows);
  d.row_of_slot.resize(slots);
  std::vector<int64_t> next(d.offsets.begin(), d.offsets.end() - 1);
  for (size_t i = 0; i < slots; ++i) {
    d.row_of_slot[i] = -1;
    if (experts[i] >= true_experts) continue;
    const auto row = static_cast<size_t>(next[static_cast<size_t>(experts[i])]++);
    d.row_of_slot[i] = static_cast<int32_t>(row);
    d.slot_of_row[row] = static_cast<int32_t>(i);
    d.token_of_row[row] = static_cast<int32_t>(static_cast<int64_t>(i) / k);
  }
}

void gather(const std::vector<int32_t>& token_of_row, int64_t D, const float* x, float* rows) {
  for (const int32_t token : token_of_row) rows = std::copy_n(x + token * D, D, rows);
}

}  // namespace

void CpuModel::feed_forward(const LayerLayout& layer, const Sizes& n, LayerState& state,
                            CpuPass& pass, const BiasSolver& solve, float* out) {
  const int64_t D = spec_.width;
  kernels_.rms_norm(n.T, D, state.middle.data(), value(layer.norm2),
                    static_cast<float>(kNormEpsilon), state.normed.get(n.T * D),
                    state.rstd2.get(n.T));
  std::copy_n(state.middle.data(), n.T * D, out);
  if (layer.dense_up >= 0) dense(layer, n, state, out);
  if (layer.router < 0) return;
  route(layer, n, state, pass, solve);
  run_experts(layer, n, state, out);
}

void CpuModel::route(const LayerLayout& layer, const Sizes& n, LayerState& state, CpuPass& pass,
                     const BiasSolver& solve) {
  const int64_t D = spec_.width, E = spec_.experts, k = spec_.top_k, r = pass.routed++;
  at::Tensor logits = at::empty({n.T, E}, at::kFloat), chosen = at::empty({n.T, E}, at::kFloat);
  kernels_.gemm(n.T, E, D, state.normed.data(), D, packed_.matrix(layer.router),
                logits.mutable_data_ptr<float>(), E, false);
  const at::Tensor bias = pass.bias.select(0, r);
  if (solve) bias.copy_(solve(gate_scores(spec_, logits), bias));
  int32_t* experts = state.experts.get(n.T * k);
  kernels_.route({.T = n.T,
                  .E = E,
                  .k = k,
                  .true_experts = true_experts(spec_),
                  .softmax = spec_.gate == "softmax",
                  .renormalise = spec_.renormalise,
                  .logits = logits.const_data_ptr<float>(),
                  .bias = bias.const_data_ptr<float>(),
                  .scores = state.scores.get(n.T * E),
                  .chosen = chosen.mutable_data_ptr<float>(),
                  .experts = experts,
                  .weights = state.weights.get(n.T * k),
                  .counts = pass.counts.mutable_data_ptr<float>() + r * E,
                  .mean_probs = pass.mean_probs.mutable_data_ptr<float>() + r * E,
                  .score_sums = pass.score_sums.mutable_data_ptr<float>() + r * 2});
  sort_by_expert(experts, n.T, k, true_experts(spec_), state.dispatch);
  pass.logits.push_back(std::move(logits));
  pass.chosen.push_back(std::move(chosen));
}

void CpuModel::run_experts(const LayerLayout& layer, const Sizes& n, LayerState& state,
                           float* out) {
  const int64_t D = spec_.width, F = spec_.expert_width;
  const Dispatch& d = state.dispatch;
  const int64_t N = d.offsets.back();
  float *rows = rows_.get(N * D), *up = state.expert_up.get(N * 2 * F),
        *hidden = hidden_.get(N * F);
  float* results = out_rows_.get(N * D);
  gather(d.token_of_row, D, state.normed.data(), rows);
  for (int64_t e = 0; e < true_experts(spec_); ++e) {
    const int64_t first = d.offsets[static_cast<size_t>(e)];
    const int64_t count = d.offsets[static_cast<size_t>(e) + 1] - first;
    kernels_.gemm(count, 2 * F, D, rows + first * D, D, packed_.matrix(layer.expert_up, e),
                  up + first * 2 * F, 2 * F, false);
    kernels_.swiglu(count, F, up + first * 2 * F, hidden + first * F);
    kernels_.gemm(count, D, F, hidden + first * F, F, packed_.matrix(layer.expert_down, e),
                  results + first * D, D, false);
  }
  kernels_.gather_add(n.T, spec_.top_k, D, results, d.row_of_slot.data(), state.weights.data(),
                      out);
}

void CpuModel::dense(const LayerLayout& layer, const Sizes& n, LayerState& state, float* out) {
  const int64_t D = spec_.width;
  const int64_t F = parameters_.layout.parameters[static_cast<size_t>(layer.dense_down)].shape[0];
  float *up = state.dense_up.get(n.T * 2 * F), *hidden = hidden_.get(n.T * F);
  kernels_.gemm(n.T, 2 * F, D, state.normed.data(), D, packed_.matrix(layer.dense_up), up, 2 * F,
                false);
  kernels_.swiglu(n.T, F, up, hidden);
  kernels_.gemm(n.T, D, F, hidden, F, packed_.matrix(layer.dense_down), out, D, true);
}

// In: grad_x is the gradient of the layer's output; out: of `middle`.
void CpuModel::feed_forward_backward(const LayerLayout& layer, const Sizes& n, LayerState& state,
                                     const float* grad_logits, float* grad_x) {
  const int64_t D = spec_.width, E = spec_.experts, k = spec_.top_k;
  float* grad_normed = grad_a_.get(n.T * D);
  std::fill_n(grad_normed, n.T * D, 0.0f);
  if (layer.dense_up >= 0) dense_backward(layer, n, state, grad_x, grad_normed);
  if (layer.router >= 0) {
    experts_backward(layer, n, state, grad_x, grad_normed);
    float* grad_all = grad_logits_.get(n.T * E);
    kernels_.route_backward({.T = n.T,
                             .E = E,
                             .k = k,
                             .true_experts = true_experts(spec_),
                             .softmax = spec_.gate == "softmax",
                             .renormalise = spec_.renormalise,
                             .scores = state.scores.data(),
                             .experts = state.experts.data(),
                             .weights = state.weights.data(),
                             .grad_weights = grad_weights_.data(),
                             .grad_outside = grad_logits,
                             .grad_logits = grad_all});
    kernels_.gemm_tn(D, E, n.T, state.normed.data(), D, grad_all, E, grad(layer.router), E);
    kernels_.gemm(n.T, D, E, grad_all, E, packed_.transposed(layer.router), grad_normed, D, true);
  }
  kernels_.rms_norm_backward(n.T, D, state.middle.data(), value(layer.norm2), state.rstd2.data(),
                             grad_normed, grad_x, grad(layer.norm2));
}

// Fills grad_weights_ (T,k). The gradient of a mixture weight is hidden . (grad_out W_down^T): the
// expert's output is not needed.
void CpuModel::experts_backward(const LayerLayout& layer, const Sizes& n, LayerState& state,
                                const float* grad_out, float* grad_normed) {
  const int64_t D = spec_.width, F = spec_.expert_width, k = spec_.top_k;
  const Dispatch& d = state.dispatch;
  const int64_t N = d.offsets.back();
  float *rows = rows_.get(N * D), *grad_rows = out_rows_.get(N * D), *weighted = hidden_.get(N * F);
  float *grad_hidden = grad_b_.get(N * F), *grad_up = grad_c_.get(N * 2 * F);
  float *weights = row_weights_.get(N), *weight_grads = row_grads_.get(N);
  gather(d.token_of_row, D, state.normed.data(), rows);
  gather(d.token_of_row, D, grad_out, grad_rows);
  for (int64_t row = 0; row < N; ++row)
    weights[row] = state.weights.data()[d.slot_of_row[static_cast<size_t>(row)]];
  float *up_grads = grad(layer.expert_up), *down_grads = grad(layer.expert_down);
  float* grad_inputs = grad_d_.get(N * D);
  for (int64_t e = 0; e < true_experts(spec_); ++e) {
    const int64_t first = d.offsets[static_cast<size_t>(e)];
    const int64_t count = d.offsets[static_cast<size_t>(e) + 1] - first;
    float* mine_up = grad_up + first * 2 * F;
    kernels_.gemm(count, F, D, grad_rows + first * D, D, packed_.transposed(layer.expert_down, e),
                  grad_hidden + first * F, F, false);
    kernels_.swiglu_backward(count, F, state.expert_up.data() + first * 2 * F, weights + first,
                             grad_hidden + first * F, mine_up, weighted + first * F,
                             weight_grads + first);
    kernels_.gemm_tn(F, D, count, weighted + first * F, F, grad_rows + first * D, D,
                     down_grads + e * F * D, D);
    kernels_.gemm_tn(D, 2 * F, count, rows + first * D, D, mine_up, 2 * F, up_grads + e * D * 2 * F,
                     2 * F);
    kernels_.gemm(count, D, 2 * F, mine_up, 2 * F, packed_.transposed(layer.expert_up, e),
                  grad_inputs + first * D, D, false);
  }
  float* grad_weights = grad_weights_.get(n.T * k);
  for (int64_t slot = 0; slot < n.T * k; ++slot) {
    const int32_t row = d.row_of_slot[static_cast<size_t>(slot)];
    grad_weights[slot] = row < 0 ? 0.0f : weight_grads[row];
  }
  kernels_.gather_add(n.T, k, D, grad_inputs, d.row_of_slot.data(), nullptr, grad_normed);
}

void CpuModel::dense_backward(const LayerLayout& layer, const Sizes& n, LayerState& state,
                              const float* grad_out, float* grad_normed) {
  const int64_t D = spec_.width;
  const int64_t F = parameters_.layout.parameters[static_cast<size_t>(layer.dense_down)].shape[0];
  float *hidden = hidden_.get(n.T * F), *grad_hidden = grad_b_.get(n.T * F);
  float* grad_up = grad_c_.get(n.T * 2 * F);
  kernels_.gemm(n.T, F, D, grad_out, D, packed_.transposed(layer.dense_down), grad_hidden, F,
                false);
  kernels_.swiglu_backward(n.T, F, state.dense_up.data(), nullptr, grad_hidden, grad_up, hidden,
                           nullptr);
  kernels_.gemm_tn(F, D, n.T, hidden, F, grad_out, D, grad(layer.dense_down), D);
  kernels_.gemm_tn(D, 2 * F, n.T, state.normed.data(), D, grad_up, 2 * F, grad(layer.dense_up),
                   2 * F);
  kernels_.gemm(n.T, D, 2 * F, grad_up, 2 * F, packed_.transposed(layer.dense_up), grad_normed, D,
                true);
}

}  // namespace ballast::trainer::cpu
