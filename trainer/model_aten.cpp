// The model in ATen operators with autograd: any device, float32 or float64. What the kernels of
// trainer/cpu/ are held against, and what runs where there are none. It reads nothing back from the
// device, but for the experts' row counts where _grouped_mm does not serve (float64, null experts,
// widths that are no multiples of 4; inside _grouped_mm itself in float32 on a GPU).
#include <cmath>

#include "common/error.h"
#include "trainer/cpu/kernels.h"
#include "trainer/model.h"
#include "trainer/pch.h"

namespace ballast::trainer {
namespace {

class AtenPass final : public Pass {
 public:
  double weight = 0;
  at::Tensor loss;                       // () with graph
  std::vector<at::Tensor> graph_logits;  // R x (T,E) with graph
};

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& gain) {
  return x * at::rsqrt(x.square().mean(-1, /*keepdim=*/true) + kNormEpsilon) * gain;
}

at::Tensor swiglu(const at::Tensor& up) {
  const std::vector<at::Tensor> halves = up.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

// Rotates pairs (i, i + half) of x (S, heads, length, width) by position * base^(-i/half).
at::Tensor rotate(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine) {
  const std::vector<at::Tensor> halves = x.chunk(2, -1);
  return at::cat({halves[0] * cosine - halves[1] * sine, halves[1] * cosine + halves[0] * sine},
                 -1);
}

class AtenModel final : public Model {
 public:
  AtenModel(const ModelSpec& spec, Parameters& parameters) : spec_(spec), parameters_(parameters) {
    const auto count = static_cast<int>(parameters.layout.parameters.size());
    for (int i = 0; i < count; ++i) {
      at::Tensor leaf = parameters.value(i).detach().requires_grad_();
      leaf.mutable_grad() = parameters.grad(i);
      leaves_.push_back(std::move(leaf));
    }
  }

  using Model::forward;
  std::unique_ptr<Pass> forward(const MicroBatch& batch, const at::Tensor& bias, double weight,
                                const BiasSolver& solve) override {
    c10::AutoGradMode grad_mode(weight > 0);
    auto pass = std::make_unique<AtenPass>();
    pass->bias = solve ? bias.clone() : bias;
    pass->weight = weight;
    pass->sequences = batch.sequences;
    const auto tokens = [&](const std::vector<int32_t>& ids) {
      return at::tensor(ids, at::kInt).to(device(), at::kLong);
    };
    std::vector<at::Tensor> counts, probs, sums;
    at::Tensor x =
        leaf(parameters_.layout.embedding).index_select(0, tokens(batch.inputs));  // (T,D)
    for (size_t l = 0; l < parameters_.layout.layers.size(); ++l) {
      const LayerLayout& layer = parameters_.layout.layers[l];
      x = x + attention(layer, rms_norm(x, leaf(layer.norm1)), batch);
      const at::Tensor h = rms_norm(x, leaf(layer.norm2));
      if (layer.dense_up >= 0)
        x = x + swiglu(h.matmul(leaf(layer.dense_up))).matmul(leaf(layer.dense_down));
      if (layer.router < 0) continue;
      const auto router = static_cast<int64_t>(pass->logits.size());
      x = x + routed(layer, h, pass->bias.select(0, router), solve, *pass, counts, probs, sums);
    }
    const at::Tensor out = rms_norm(x, leaf(parameters_.layout.final_norm));
    pass->loss =
        at::cross_entropy_loss(out.matmul(leaf(parameters_.layout.head)), tokens(batch.targets));
    pass->cross_entropy = pass->loss.detach();
    pass->counts = at::stack(counts);
    pass->mean_probs = at::stack(probs);
    pass->score_sums = at::stack(sums);
    return pass;
  }

  void backward(Pass& base, const std::vector<at::Tensor>& grad_logits) override {
    auto& pass = static_cast<AtenPass&>(base);
    std::vector<at::Tensor> roots{pass.loss};
    std::vector<at::Tensor> grads{at::full_like(pass.cross_entropy, pass.weight)};
    for (size_t r = 0; r < grad_logits.size(); ++r) {
      roots.push_back(pass.graph_logits[r]);
      grads.push_back(grad_logits[r]);
    }
    torch::autograd::backward(roots, grads);
  }

  void values_changed() override {}  // the leaves share memory with the parameters

 private:
  const at::Tensor& leaf(int index) const { return leaves_[static_cast<size_t>(index)]; }
  at::Device device() const { return parameters_.values.device(); }

  at::Tensor attention(const LayerLayout& layer, const at::Tensor& h, const MicroBatch& batch) {
    const int64_t heads = spec_.heads, width = spec_.width / heads;
    const std::vector<at::Tensor> qkv =
        h.matmul(leaf(layer.qkv)).view({batch.sequences, batch.length, 3, heads, width}).unbind(2);
    const at::TensorOptions options = h.options().requires_grad(false);
    const at::Tensor rate = at::pow(
        kRotaryBase, at::arange(0, width, 2, options) * (-1.0 / static_cast<double>(width)));
    const at::Tensor angle =
        at::outer(at::arange(batch.length, options), rate);  // (length, width/2)
    const at::Tensor cosine = angle.cos(), sine = angle.sin();
    const at::Tensor q = rotate(qkv[0].transpose(1, 2), cosine, sine);
    const at::Tensor k = rotate(qkv[1].transpose(1, 2), cosine, sine);
    const at::Tensor out = at::scaled_dot_product_attention(q, k, qkv[2].transpose(1, 2), {}, 0.0,
                                                            /*is_causal=*/true);
    return out.transpose(1, 2)
        .reshape({batch.tokens(), spec_.width})
        .matmul(leaf(layer.attention_out));
  }

  // Mixture weights (T,k) of the chosen experts; see cpu::kWeightFloor.
  at::Tensor mixture_weights(const at::Tensor& scores, const at::Tensor& indices) const {
    const at::Tensor chosen = scores.gather(1, indices) * (indices < true_experts(spec_));
    if (!spec_.renormalise) return chosen;
    return chosen / (chosen.sum(1, /*keepdim=*/true) + cpu::kWeightFloor);
  }

  at::Tensor routed(const LayerLayout& layer, const at::Tensor& h, const at::Tensor& bias,
                    const BiasSolver& solve, AtenPass& pass, std::vector<at::Tensor>& counts, std::vector<at::Tensor>& probs,
                    std::vector<at::Tensor>& sums) {
    const at::Tensor logits = h.matmul(leaf(layer.router));  // (T,E)
    const at::Tensor scores = gate_scores(spec_, logits);
    const at::Tensor plain = scores.detach();
    if (solve) {
      const c10::NoGradGuard no_grad;
      bias.copy_(solve(plain, bias));
    }
    const at::Tensor indices = std::get<1>(at::topk(plain + bias, spec_.top_k, 1));  // (T,k)
    const at::Tensor chosen = at::zeros_like(plain).scatter_(1, indices, 1.0);
    pass.graph_logits.push_back(logits);
    pass.logits.push_back(logits.detach());
    pass.chosen.push_back(chosen);
    counts.push_back(chosen.sum(0));
    probs.push_back(gate_probs(spec_, plain).mean(0));
    sums.push_back(
        at::stack({(plain * chosen).sum(), std::get<0>(at::topk(plain, spec_.top_k, 1)).sum()}));

    // Assignments sorted by expert: row j of the experts' input is token order[j] / k.
    const at::Tensor order = at::argsort(indices.flatten(), /*stable=*/true, 0);
    const at::Tensor y =
        experts(layer, h.index_select(0, order.div(spec_.top_k, "floor")), counts.back());
    const at::Tensor weights = mixture_weights(scores, indices).flatten().index_select(0, order);
    const at::Tensor unsorted = at::zeros_like(y).index_copy(0, order, y * weights.unsqueeze(1));
    return unsorted.view({h.size(0), spec_.top_k, spec_.width}).sum(1);
  }

  // Rows sorted by expert through their experts; null experts give rows that are not used (weight
  // 0).
  at::Tensor experts(const LayerLayout& layer, const at::Tensor& rows, const at::Tensor& counts) {
    const at::Tensor up = leaf(layer.expert_up), down = leaf(layer.expert_down);
    const at::Tensor ends = counts.narrow(0, 0, true_experts(spec_)).cumsum(0);
    const bool aligned = spec_.width % 4 == 0 && spec_.expert_width % 4 == 0;
    if (aligned && rows.scalar_type() == at::kFloat && spec_.null_experts == 0) {
      const at::Tensor offsets = ends.to(at::kInt);
      return at::_grouped_mm(swiglu(at::_grouped_mm(rows, up, offsets)), down, offsets);
    }
    const at::Tensor host = ends.to(at::kCPU, at::kLong);
    std::vector<at::Tensor> out;
    int64_t start = 0;
    for (int64_t e = 0; e < true_experts(spec_); ++e) {
      const int64_t end = host.const_data_ptr<int64_t>()[e];
      const at::Tensor mine = rows.narrow(0, start, end - start);
      out.push_back(swiglu(mine.matmul(up.select(0, e))).matmul(down.select(0, e)));
      start = end;
    }
    out.push_back(at::zeros({rows.size(0) - start, spec_.width}, rows.options()));
    return at::cat(out);
  }

  ModelSpec spec_;
  Parameters& parameters_;
  std::vector<at::Tensor> leaves_;
};

}  // namespace

std::unique_ptr<Model> make_aten_model(const ModelSpec& spec, Parameters& parameters) {
  return std::make_unique<AtenModel>(spec, parameters);
}

}  // namespace ballast::trainer
