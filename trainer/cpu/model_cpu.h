// The model in hand-written kernels: float32 on a CPU, forward and backward without autograd.
#pragma once

#include <memory>
#include <vector>

#include "trainer/cpu/buffers.h"
#include "trainer/cpu/kernels.h"
#include "trainer/cpu/packed_weights.h"
#include "trainer/model.h"

namespace ballast::trainer::cpu {

class CpuPass;

class CpuModel final : public Model {
 public:
  CpuModel(const ModelSpec& spec, Parameters& parameters, const Kernels& kernels);
  ~CpuModel() override;

  using Model::forward;
  std::unique_ptr<Pass> forward(const MicroBatch& batch, const at::Tensor& bias, double weight,
                                const BiasSolver& solve) override;
  void backward(Pass& pass, const std::vector<at::Tensor>& grad_logits) override;
  void values_changed() override { packed_.invalidate(); }

  const Kernels& kernels() const { return kernels_; }
  void give_back(std::unique_ptr<PassState> state) { pool_.push_back(std::move(state)); }

 private:
  // Sizes of the pass under way.
  struct Sizes {
    int64_t S, length, T;
  };
  const float* value(int index) const;
  float* grad(int index);
  void prepare_rotation(int64_t length);

  void embed(const MicroBatch& batch, float* x);
  // model_cpu.cpp: `x` (T,D) in, `middle` = x + attention(norm(x)).
  void attend(const LayerLayout& layer, const Sizes& n, LayerState& state);
  void attend_backward(const LayerLayout& layer, const Sizes& n, LayerState& state, float* grad_x);
  // feed_forward.cpp: out = middle + feed-forward(norm(middle)).
  void feed_forward(const LayerLayout& layer, const Sizes& n, LayerState& state, CpuPass& pass,
                    const BiasSolver& solve, float* out);
  void feed_forward_backward(const LayerLayout& layer, const Sizes& n, LayerState& state,
                             const float* grad_logits, float* grad_x);
  void route(const LayerLayout& layer, const Sizes& n, LayerState& state, CpuPass& pass,
             const BiasSolver& solve);
  void run_experts(const LayerLayout& layer, const Sizes& n, LayerState& state, float* out);
  void experts_backward(const LayerLayout& layer, const Sizes& n, LayerState& state,
                        const float* grad_out, float* grad_normed);
  void dense(const LayerLayout& layer, const Sizes& n, LayerState& state, float* out);
  void dense_backward(const LayerLayout& layer, const Sizes& n, LayerState& state,
                      const float* grad_out, float* grad_normed);
  // Mean cross-entropy; with weight > 0 also the head's gradients and `grad_x`.
  double head(const MicroBatch& batch, PassState& state, double weight);

  ModelSpec spec_;
  Parameters& parameters_;
  const Kernels& kernels_;
  PackedWeights packed_;
  std::vector<std::unique_ptr<PassState>> pool_;
  int64_t rotation_length_ = 0;
  Buffer<float> cosine_, sine_;
  // Scratch that lives within one call.
  Buffer<float> normed_, attention_, rows_, hidden_, out_rows_, grad_a_, grad_b_, grad_c_, grad_d_;
  Buffer<float> logits_, grad_logits_, grad_weights_, row_weights_, row_grads_;
};

class CpuPass final : public Pass {
 public:
  CpuPass(CpuModel& model, std::unique_ptr<PassState> state)
      : state_(std::move(state)), model_(model) {}
  ~CpuPass() override { model_.give_back(std::move(state_)); }
  CpuPass(const CpuPass&) = delete;
  CpuPass& operator=(const CpuPass&) = delete;

  PassState& state() { return *state_; }
  MicroBatch batch;
  int64_t routed = 0;  // layers routed so far

 private:
  std::unique_ptr<PassState> state_;
  CpuModel& model_;
};

}  // namespace ballast::trainer::cpu
