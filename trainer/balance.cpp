#include "trainer/balance.h"

#include <algorithm>

#include "trainer/layout.h"
#include "trainer/pch.h"

namespace ballast::trainer {

RouterState make_router_state(const ModelSpec& spec, const at::TensorOptions& options) {
  const int64_t R = routed_layers(spec), E = spec.experts;
  return {at::zeros({R, E}, options), at::full({R, E}, 1.0 / static_cast<double>(E), options)};
}

void Window::add(const Pass& pass) {
  counts = micro_batches == 0 ? pass.counts : counts + pass.counts;
  probs = micro_batches == 0 ? pass.mean_probs : probs + pass.mean_probs;
  ++micro_batches;
}

at::Tensor Window::load() const { return counts / counts.sum(1, /*keepdim=*/true); }

at::Tensor Window::mean_probs() const { return probs / static_cast<double>(micro_batches); }

RouterConstants make_router_constants(const ModelSpec& spec, const at::TensorOptions& options) {
  const int64_t E = spec.experts;
  at::Tensor is_null = at::zeros({E}, options);
  is_null.narrow(0, true_experts(spec), spec.null_experts).fill_(1.0);
  return {1.0 - is_null, is_null, at::ones({E, 1}, options)};
}

std::vector<Record> make_records(const RecordContext& context, const Pass& pass,
                                 const Window& window, bool gradient) {
  const c10::AutoGradMode grad_mode(gradient);
  const ModelSpec& spec = context.spec;
  const std::vector<at::Tensor> load_global = window.load().unbind(0);
  const std::vector<at::Tensor> load_ema = context.state.load_ema.unbind(0);
  const std::vector<at::Tensor> load =
      (pass.counts / pass.counts.sum(1, /*keepdim=*/true)).unbind(0);
  // The window's mean minus our own.
  const std::vector<at::Tensor> outside = context.probs_global
                                              ? (window.mean_probs() - pass.mean_probs).unbind(0)
                                              : std::vector<at::Tensor>{};
  std::vector<Record> records;
  for (size_t r = 0; r < pass.logits.size(); ++r) {
    Record record;
    record.logits = pass.logits[r].detach().requires_grad_(gradient);
    record.scores = gate_scores(spec, record.logits);
    record.probs = gate_probs(spec, record.scores);
    if (context.probs_global) record.probs_global = record.probs.mean(0) + outside[r];
    record.chosen = pass.chosen[r];
    record.load = load[r];
    record.load_global = load_global[r];
    record.load_ema = load_ema[r];
    record.cost = context.constants.cost;
    record.is_null = context.constants.is_null;
    record.device = context.constants.device;
    record.num_sequences = pass.sequences;
    record.top_k = spec.top_k;
    record.progress = context.progress;
    record.depth = static_cast<double>(static_cast<int64_t>(r) + spec.dense_layers) /
                   static_cast<double>(std::max<int64_t>(1, spec.layers - 1));
    records.push_back(std::move(record));
  }
  return records;
}

BalanceTerm balance_term(const Balancer& balancer, const std::vector<std::vector<Record>>& records,
                         double factor) {
  at::Tensor sum;
  std::vector<at::Tensor> leaves;
  for (const std::vector<Record>& pass : records) {
    for (const Record& record : pass) {
      const at::Tensor loss = balancer.loss(record);
      sum = sum.defined() ? sum + loss : loss;
      leaves.push_back(record.logits);
    }
  }
  BalanceTerm term;
  term.value = sum.detach();
  term.grads.resize(records.size());
  std::vector<at::Tensor> grads(leaves.size());
  if (sum.requires_grad())
    grads = torch::autograd::grad({sum}, leaves, {at::full_like(term.value, factor)},
                                  /*retain_graph=*/false, /*create_graph=*/false,
                                  /*allow_unused=*/true);
  for (size_t i = 0; i < leaves.size(); ++i)
    if (!grads[i].defined()) grads[i] = at::zeros_like(leaves[i].detach());
  term.grad_squares = at::stack(at::_foreach_norm(grads, 2)).square().sum();
  for (size_t i = 0, pass = 0; pass < records.size(); ++pass)
    for (size_t r = 0; r < records[pass].size(); ++r, ++i) term.grads[pass].push_back(grads[i]);
  return term;
}

at::Tensor next_bias(const Balancer& balancer, const std::vector<std::vector<Record>>& records,
                     const at::Tensor& bias, double rate) {
  const c10::NoGradGuard no_grad;
  const int64_t R = bias.size(0);
  at::Tensor sum = at::zeros_like(bias);
  for (const std::vector<Record>& pass : records)
    for (int64_t r = 0; r < R; ++r)
      sum.select(0, r).add_(
          balancer.selection_bias(pass[static_cast<size_t>(r)], bias.select(0, r)));
  const at::Tensor mean = sum / static_cast<double>(records.size());
  const at::Tensor moved = bias + rate * (mean - bias);
  return moved - moved.mean(1, /*keepdim=*/true);
}

}  // namespace ballast::trainer
