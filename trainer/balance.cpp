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
  const at::Tensor load_global = window.load(), probs_global = window.mean_probs();
  const at::Tensor load = pass.counts / pass.counts.sum(1, /*keepdim=*/true);
  const at::Tensor outside = probs_global - pass.mean_probs;  // the window's mean minus our own
  std::vector<Record> records;
  for (int64_t r = 0; r < routed_layers(spec); ++r) {
    Record record;
    record.logits = pass.logits[static_cast<size_t>(r)].detach().requires_grad_(gradient);
    record.scores = gate_scores(spec, record.logits);
    record.probs = gate_probs(spec, record.scores);
    record.probs_global = record.probs.mean(0) + outside.select(0, r);
    record.chosen = pass.chosen[static_cast<size_t>(r)];
    record.load = load.select(0, r);
    record.load_global = load_global.select(0, r);
    record.load_ema = context.state.load_ema.select(0, r);
    record.cost = context.constants.cost;
    record.is_null = context.constants.is_null;
    record.device = context.constants.device;
    record.num_sequences = pass.sequences;
    record.top_k = spec.top_k;
    record.progress = context.progress;
    record.depth = static_cast<double>(r + spec.dense_layers) /
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
  term.grad_squares = at::zeros({}, term.value.options());
  term.grads.resize(records.size());
  std::vector<at::Tensor> grads(leaves.size());
  if (sum.requires_grad())
    grads = torch::autograd::grad({sum}, leaves, {at::full_like(term.value, factor)},
                                  /*retain_graph=*/false, /*create_graph=*/false,
                                  /*allow_unused=*/true);
  for (size_t i = 0, pass = 0; pass < records.size(); ++pass) {
    for (size_t r = 0; r < records[pass].size(); ++r, ++i) {
      at::Tensor grad = grads[i].defined() ? grads[i] : at::zeros_like(leaves[i].detach());
      term.grad_squares = term.grad_squares + grad.square().sum();
      term.grads[pass].push_back(std::move(grad));
    }
  }
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
