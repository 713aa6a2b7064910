#include "trainer/stepper.h"

#include <cmath>

#include "trainer/doubles.h"
#include "trainer/pch.h"

namespace ballast::trainer {
namespace {

constexpr double kEmaDecay = 0.9;  // of load_ema, per optimizer step

}  // namespace

Stepper::Stepper(const TrainSpec& spec, Balancer balancer, double factor, double bias_rate,
                 uint64_t seed, at::Device device, Implementation implementation)
    : spec_(spec),
      balancer_(std::move(balancer)),
      factor_(factor),
      bias_rate_(bias_rate),
      parameters_(std::make_unique<Parameters>(make_parameters(spec.model, seed, device))),
      model_(make_model(spec.model, *parameters_, implementation)),
      optimizer_(spec.schedule, *parameters_, implementation),
      constants_(make_router_constants(spec.model, parameters_->values.options())),
      routers_(make_router_state(spec.model, parameters_->values.options())) {}

StepStats Stepper::step(const std::vector<MicroBatch>& batches, double learning_rate,
                        double progress) {
  parameters_->grads.zero_();
  balance_value_ = balance_squares_ = at::zeros({}, parameters_->values.options());
  Window window;
  const Passes passes = spec_.schedule.window == "step" ? run_window(batches, progress, window)
                                                        : run_buffer(batches, progress, window);
  const at::Tensor grad_squares = optimizer_.step(*parameters_, learning_rate);
  model_->values_changed();
  update_routers(passes, window, progress);
  return read_stats(passes, window, grad_squares);
}

std::unique_ptr<Pass> Stepper::forward(const MicroBatch& batch, double weight) {
  if (!balancer_.solve_bias) return model_->forward(batch, routers_.bias, weight);
  const BiasSolver solve = [this](const at::Tensor& scores, const at::Tensor& bias) {
    return bias + bias_rate_ * (balancer_.solve_bias(scores, bias, spec_.model.top_k) - bias);
  };
  std::unique_ptr<Pass> pass = model_->forward(batch, routers_.bias, weight, solve);
  routers_.bias = pass->bias;
  return pass;
}

Stepper::Passes Stepper::run_window(const std::vector<MicroBatch>& batches, double progress,
                                    Window& window) {
  const double weight = 1.0 / static_cast<double>(batches.size());
  Passes passes;
  for (const MicroBatch& batch : batches) {
    passes.push_back(forward(batch, weight));
    window.add(*passes.back());
  }
  BalanceTerm term;
  if (balancer_.loss) {
    std::vector<std::vector<Record>> records;
    for (const auto& pass : passes)
      records.push_back(make_records(context(progress), *pass, window, /*gradient=*/true));
    const double layers = static_cast<double>(routed_layers(spec_.model));
    term = balance_term(balancer_, records, factor_ * weight / layers);
    balance_value_ = term.value * (weight / layers);
    balance_squares_ = term.grad_squares;
  }
  for (size_t i = 0; i < passes.size(); ++i)
    model_->backward(*passes[i], term.grads.empty() ? std::vector<at::Tensor>{} : term.grads[i]);
  return passes;
}

// Algorithm 1 of arXiv 2501.11873: the buffer of counts grows from one accumulation step to the
// next and is emptied after the optimizer step; each backward pass follows its forward pass at
// once.
Stepper::Passes Stepper::run_buffer(const std::vector<MicroBatch>& batches, double progress,
                                    Window& window) {
  const double weight = 1.0 / static_cast<double>(batches.size());
  const double layers = static_cast<double>(routed_layers(spec_.model));
  Passes passes;
  for (const MicroBatch& batch : batches) {
    passes.push_back(forward(batch, weight));
    window.add(*passes.back());
    std::vector<at::Tensor> grads;
    if (balancer_.loss) {
      BalanceTerm term = balance_term(
          balancer_, {make_records(context(progress), *passes.back(), window, /*gradient=*/true)},
          factor_ * weight / layers);
      balance_value_ = balance_value_ + term.value * (weight / layers);
      balance_squares_ = balance_squares_ + term.grad_squares;
      grads = std::move(term.grads[0]);
    }
    model_->backward(*passes.back(), grads);
  }
  return passes;
}

void Stepper::update_routers(const Passes& passes, const Window& window, double progress) {
  const c10::NoGradGuard no_grad;
  if (balancer_.selection_bias) {
    std::vector<std::vector<Record>> records;
    for (const auto& pass : passes)
      records.push_back(make_records(context(progress), *pass, window, /*gradient=*/false));
    routers_.bias = next_bias(balancer_, records, routers_.bias, bias_rate_);
  }
  routers_.load_ema = routers_.load_ema * kEmaDecay + window.load() * (1 - kEmaDecay);
}

StepStats Stepper::read_stats(const Passes& passes, const Window& window,
                              const at::Tensor& grad_squares) const {
  at::Tensor loss = at::zeros_like(balance_value_), sums = at::zeros_like(passes[0]->score_sums);
  for (const auto& pass : passes) {
    loss = loss + pass->cross_entropy;
    sums = sums + pass->score_sums;
  }
  // A sum is finite exactly when its terms are (biases are far from overflowing).
  const at::Tensor bias_sum = routers_.bias.sum();
  const std::vector<double> scalars =
      to_doubles(at::stack({loss / static_cast<double>(passes.size()), balance_value_,
                            balance_squares_, grad_squares, bias_sum}));
  StepStats stats;
  stats.cross_entropy = scalars[0];
  stats.balance_loss = scalars[1];
  stats.balance_grad_norm = std::sqrt(scalars[2]);
  stats.grad_norm = std::sqrt(scalars[3]);
  stats.bias_finite = std::isfinite(scalars[4]);
  const std::vector<double> counts = to_doubles(window.counts), ratios = to_doubles(sums);
  const auto E = static_cast<size_t>(spec_.model.experts);
  for (size_t r = 0; r * E < counts.size(); ++r) {
    const auto first = counts.begin() + static_cast<ptrdiff_t>(r * E);
    stats.counts.emplace_back(first, first + static_cast<ptrdiff_t>(E));
    stats.score_ratio.push_back(ratios[2 * r] / ratios[2 * r + 1]);
  }
  return stats;
}

}  // namespace ballast::trainer
