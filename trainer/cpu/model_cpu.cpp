#include "trainer/cpu/model_cpu.h"

#include <algorithm>
#include <cmath>

#include "trainer/pch.h"

namespace ballast::trainer::cpu {

CpuModel::CpuModel(const ModelSpec& spec, Parameters& parameters, const Kernels& kernels)
    : spec_(spec),
      parameters_(parameters),
      kernels_(kernels),
      packed_(kernels, parameters.layout) {}

CpuModel::~CpuModel() = default;

const float* CpuModel::value(int index) const {
  return parameters_.values.const_data_ptr<float>() +
         parameters_.layout.parameters[static_cast<size_t>(index)].offset;
}

float* CpuModel::grad(int index) {
  return parameters_.grads.mutable_data_ptr<float>() +
         parameters_.layout.parameters[static_cast<size_t>(index)].offset;
}

void CpuModel::prepare_rotation(int64_t length) {
  if (length <= rotation_length_) return;
  const int64_t w = spec_.width / spec_.heads, half = w / 2;
  float *cosine = cosine_.get(length * half), *sine = sine_.get(length * half);
  for (int64_t t = 0; t < length; ++t) {
    for (int64_t i = 0; i < half; ++i) {
      const double rate =
          std::pow(kRotaryBase, -2.0 * static_cast<double>(i) / static_cast<double>(w));
      cosine[t * half + i] = static_cast<float>(std::cos(static_cast<double>(t) * rate));
      sine[t * half + i] = static_cast<float>(std::sin(static_cast<double>(t) * rate));
    }
  }
  rotation_length_ = length;
}

std::unique_ptr<Pass> CpuModel::forward(const MicroBatch& batch, const at::Tensor& bias,
                                        double weight, const BiasSolver& solve) {
  const Sizes n{batch.sequences, batch.length, batch.tokens()};
  packed_.prepare(parameters_.values.const_data_ptr<float>(), /*backward=*/false);
  if (weight > 0) packed_.prepare(parameters_.values.const_data_ptr<float>(), /*backward=*/true);
  prepare_rotation(n.length);
  std::unique_ptr<PassState> state;
  if (pool_.empty()) {
    state = std::make_unique<PassState>();
    state->layers = std::vector<LayerState>(static_cast<size_t>(spec_.layers));
  } else {
    state = std::move(pool_.back());
    pool_.pop_back();
  }
  auto pass = std::make_unique<CpuPass>(*this, std::move(state));
  pass->batch = batch;
  pass->sequences = batch.sequences;
  const int64_t R = routed_layers(spec_);
  pass->counts = at::empty({R, spec_.experts}, at::kFloat);
  pass->mean_probs = at::empty({R, spec_.experts}, at::kFloat);
  pass->score_sums = at::empty({R, 2}, at::kFloat);
  pass->bias = solve ? bias.clone(at::MemoryFormat::Contiguous) : bias.contiguous();

  std::vector<LayerState>& layers = pass->state().layers;
  embed(batch, layers[0].x.get(n.T * spec_.width));
  for (size_t l = 0; l < layers.size(); ++l) {
    const LayerLayout& layer = parameters_.layout.layers[l];
    Buffer<float>& next = l + 1 < layers.size() ? layers[l + 1].x : pass->state().out;
    attend(layer, n, layers[l]);
    feed_forward(layer, n, layers[l], *pass, solve, next.get(n.T * spec_.width));
  }
  pass->cross_entropy = at::scalar_tensor(head(batch, pass->state(), weight), at::kFloat);
  return pass;
}

void CpuModel::backward(Pass& base, const std::vector<at::Tensor>& grad_logits) {
  auto& pass = static_cast<CpuPass&>(base);
  const Sizes n{pass.batch.sequences, pass.batch.length, pass.batch.tokens()};
  float* grad_x = pass.state().grad_x.data();
  auto router = static_cast<size_t>(routed_layers(spec_));
  for (size_t l = pass.state().layers.size(); l-- > 0;) {
    const LayerLayout& layer = parameters_.layout.layers[l];
    LayerState& state = pass.state().layers[l];
    at::Tensor outside;
    if (layer.router >= 0 && !grad_logits.empty()) outside = grad_logits[--router].contiguous();
    feed_forward_backward(layer, n, state,
                          outside.defined() ? outside.const_data_ptr<float>() : nullptr, grad_x);
    attend_backward(layer, n, state, grad_x);
  }
  float* rows = grad(parameters_.layout.embedding);
  for (int64_t t = 0; t < n.T; ++t) {
    float* row = rows + pass.batch.inputs[static_cast<size_t>(t)] * spec_.width;
    for (int64_t i = 0; i < spec_.width; ++i) row[i] += grad_x[t * spec_.width + i];
  }
}

void CpuModel::embed(const MicroBatch& batch, float* x) {
  const float* table = value(parameters_.layout.embedding);
  for (const int32_t token : batch.inputs)
    x = std::copy_n(table + token * spec_.width, spec_.width, x);
}

void CpuModel::attend(const LayerLayout& layer, const Sizes& n, LayerState& state) {
  const int64_t D = spec_.width, w = D / spec_.heads;
  float* normed = normed_.get(n.T * D);
  kernels_.rms_norm(n.T, D, state.x.data(), value(layer.norm1), static_cast<float>(kNormEpsilon),
                    normed, state.rstd1.get(n.T));
  float* qkv = state.qkv.get(n.T * 3 * D);
  kernels_.gemm(n.T, 3 * D, D, normed, D, packed_.matrix(layer.qkv), qkv, 3 * D, false);
  kernels_.attention({.S = n.S,
                      .length = n.length,
                      .heads = spec_.heads,
                      .w = w,
                      .qkv = qkv,
                      .cosine = cosine_.data(),
                      .sine = sine_.data(),
                      .scratch = attention_.get(kernels_.attention_scratch(n.length, w)),
                      .out = state.attended.get(n.T * D),
                      .lse = state.lse.get(n.T * spec_.heads),
                      .grad_out = nullptr,
                      .grad_qkv = nullptr});
  float* middle = state.middle.get(n.T * D);
  std::copy_n(state.x.data(), n.T * D, middle);
  kernels_.gemm(n.T, D, D, state.attended.data(), D, packed_.matrix(layer.attention_out), middle, D,
                true);
}

// In: grad_x is the gradient of `middle`; out: of `x`.
void CpuModel::attend_backward(const LayerLayout& layer, const Sizes& n, LayerState& state,
                               float* grad_x) {
  const int64_t D = spec_.width, w = D / spec_.heads;
  kernels_.gemm_tn(D, D, n.T, state.attended.data(), D, grad_x, D, grad(layer.attention_out), D);
  float* grad_attended = grad_a_.get(n.T * D);
  kernels_.gemm(n.T, D, D, grad_x, D, packed_.transposed(layer.attention_out), grad_attended, D,
                false);
  float* grad_qkv = grad_b_.get(n.T * 3 * D);
  kernels_.attention_backward({.S = n.S,
                               .length = n.length,
                               .heads = spec_.heads,
                               .w = w,
                               .qkv = state.qkv.data(),
                               .cosine = cosine_.data(),
                               .sine = sine_.data(),
                               .scratch = attention_.get(kernels_.attention_scratch(n.length, w)),
                               .out = state.attended.data(),
                               .lse = state.lse.data(),
                               .grad_out = grad_attended,
                               .grad_qkv = grad_qkv});
  float* normed = normed_.get(n.T * D);  // made again: cheaper than keeping it
  kernels_.rms_norm(n.T, D, state.x.data(), value(layer.norm1), static_cast<float>(kNormEpsilon),
                    normed, state.rstd1.data());
  kernels_.gemm_tn(D, 3 * D, n.T, normed, D, grad_qkv, 3 * D, grad(layer.qkv), 3 * D);
  kernels_.gemm(n.T, D, 3 * D, grad_qkv, 3 * D, packed_.transposed(layer.qkv), grad_attended, D,
                false);
  kernels_.rms_norm_backward(n.T, D, state.x.data(), value(layer.norm1), state.rstd1.data(),
                             grad_attended, grad_x, grad(layer.norm1));
}

double CpuModel::head(const MicroBatch& batch, PassState& state, double weight) {
  constexpr int64_t kBlock = 128;  // tokens whose logits are held at once
  const int64_t T = batch.tokens(), D = spec_.width, V = spec_.vocab;
  const Layout& layout = parameters_.layout;
  float* normed = normed_.get(T * D);
  float* rstd = row_weights_.get(T);
  kernels_.rms_norm(T, D, state.out.data(), value(layout.final_norm),
                    static_cast<float>(kNormEpsilon), normed, rstd);
  const auto scale = static_cast<float>(weight / static_cast<double>(T));
  float* grad_normed = weight > 0 ? grad_a_.get(T * D) : nullptr;
  double loss = 0;
  for (int64_t t = 0; t < T; t += kBlock) {
    const int64_t rows = std::min(kBlock, T - t);
    float* logits = logits_.get(kBlock * V);
    kernels_.gemm(rows, V, D, normed + t * D, D, packed_.matrix(layout.head), logits, V, false);
    loss += kernels_.cross_entropy(rows, V, logits, batch.targets.data() + t, scale);
    if (weight <= 0) continue;
    kernels_.gemm_tn(D, V, rows, normed + t * D, D, logits, V, grad(layout.head), V);
    kernels_.gemm(rows, D, V, logits, V, packed_.transposed(layout.head), grad_normed + t * D, D,
                  false);
  }
  if (weight > 0) {
    float* grad_x = state.grad_x.get(T * D);
    std::fill_n(grad_x, T * D, 0.0f);
    kernels_.rms_norm_backward(T, D, state.out.data(), value(layout.final_norm), rstd, grad_normed,
                               grad_x, grad(layout.final_norm));
  }
  return loss / static_cast<double>(T);
}

}  // namespace ballast::trainer::cpu
