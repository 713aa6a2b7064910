#include "trainer/fingerprint.h"

#include <ATen/ATen.h>

#include <cassert>
#include <cmath>

#include "trainer/draw.h"
#include "trainer/gradient.h"
#include "trainer/interpreter.h"

namespace ballast::trainer {

namespace {

// Of the reference's norm: float64's rounding leaves some 1e-16 of a gradient that is 0, such as
// that of a sum of all probabilities.
constexpr double kUnitNoise = 1e-12;

Row offsets(int64_t experts, double scale, Rng& rng) {
  Row row(static_cast<size_t>(experts));
  for (double& x : row) x = scale * rng.normal();
  return row;
}

Record skewed(const Draw& draw, double skew, Rng& rng) {
  return make_state(draw_independent(draw, offsets(draw.experts, skew, rng), rng)).record;
}

void append(std::vector<double>& out, const at::Tensor& t) {
  const at::Tensor flat = t.detach().contiguous();
  const double* data = flat.const_data_ptr<double>();
  out.insert(out.end(), data, data + flat.numel());
}

void append_gradients(std::vector<double>& out, const candidate::Program& program,
                      const FingerprintStates& states) {
  for (const Record& r : states.gradient) {
    if (program.loss)
      append(out, gradient(balance_loss(program, r), r.logits));
    else
      out.resize(out.size() + static_cast<size_t>(r.logits.numel()), 0.0);
  }
}

void append_biases(std::vector<double>& out, const candidate::Program& program,
                   const FingerprintStates& states) {
  at::Tensor bias = at::zeros_like(states.steps[0].load);
  for (const Record& r : states.steps) {
    if (program.bias) {
      bias = selection_bias(program, r, bias);
      bias = bias - bias.mean();
    }
    append(out, bias);
  }
}

at::Tensor global_lbl(const Record& r) {
  return static_cast<double>(r.probs.size(1)) * (r.load_global * r.probs.mean(0)).sum();
}

}  // namespace

FingerprintStates make_fingerprint_states() {
  Rng rng(1, "fingerprint");
  FingerprintStates states;
  const Draw draws[] = {
      {.experts = 8, .top_k = 1, .sequences = 1, .length = 8, .progress = 0.05, .depth = 0},
      {.experts = 8,
       .top_k = 2,
       .sequences = 2,
       .length = 4,
       .null_experts = 2,
       .scale = 2,
       .progress = 0.25,
       .depth = 0.3},
      {.experts = 8,
       .top_k = 2,
       .sequences = 4,
       .length = 4,
       .groups = 2,
       .gate = "sigmoid",
       .progress = 0.45,
       .depth = 0.6},
      {.experts = 8,
       .top_k = 3,
       .sequences = 2,
       .length = 4,
       .scale = 4,
       .progress = 0.65,
       .depth = 1},
      {.experts = 16,
       .top_k = 2,
       .sequences = 2,
       .length = 8,
       .null_experts = 3,
       .groups = 4,
       .progress = 0.85,
       .depth = 0.5},
      {.experts = 16,
       .top_k = 4,
       .sequences = 4,
       .length = 4,
       .gate = "sigmoid",
       .scale = 0.5,
       .progress = 1,
       .depth = 0.25},
  };
  for (const Draw& draw : draws) states.gradient.push_back(skewed(draw, 1, rng));
  for (int step = 0; step < 8; ++step)
    states.steps.push_back(skewed({.experts = 16,
                                   .top_k = 2,
                                   .sequences = 2,
                                   .length = 8,
                                   .null_experts = step % 2,
                                   .gate = step < 4 ? "softmax" : "sigmoid",
                                   .progress = step / 8.0,
                                   .depth = 0.5},
                                  1, rng));
  return states;
}

std::vector<float> fingerprint(const candidate::Program& program, const FingerprintStates& states) {
  std::vector<double> all;
  all.reserve(kFingerprintSize);
  append_gradients(all, program, states);
  append_biases(all, program, states);
  assert(all.size() == kFingerprintSize);
  double largest = 0;  // taken out first, so that squares neither overflow nor vanish
  for (double x : all) largest = std::max(largest, std::isfinite(x) ? std::abs(x) : INFINITY);
  if (largest == 0 || !std::isfinite(largest)) return {};
  double squares = 0;
  for (double x : all) squares += (x / largest) * (x / largest);
  std::vector<float> out;
  out.reserve(all.size());
  for (double x : all) out.push_back(static_cast<float>(x / largest / std::sqrt(squares)));
  return out;
}

UnitStates make_unit_states() {
  Rng rng(1, "unit");
  UnitStates states;
  double squares = 0;
  for (int i = 0; i < 4; ++i) {
    Draw draw{.experts = 16,
              .top_k = 2,
              .sequences = 2,
              .length = 32,
              .progress = 0.1 + 0.3 * i,
              .depth = i / 3.0};
    const Row skew = offsets(16, 0.5 * (i + 1), rng);
    // The window is four micro-batches of the same router.
    Draw wide = draw;
    wide.length *= 4;
    const Record window = make_state(draw_independent(wide, skew, rng)).record;
    Record r = make_state(draw_independent(draw, skew, rng)).record;
    const at::Tensor mean = r.probs.mean(0);
    r.load_global = window.load;
    r.load_ema = 0.9 * window.load + 0.1 / 16.0;
    r.probs_global = mean + (window.probs.mean(0) - mean).detach();
    r.cost = at::ones_like(r.load);
    squares += gradient(global_lbl(r), r.logits).square().sum().item<double>();
    states.records.push_back(std::move(r));
  }
  states.reference_norm = std::sqrt(squares);
  return states;
}

std::optional<double> unit(const candidate::Program& program, const UnitStates& states) {
  if (!program.loss) return 1.0;
  double squares = 0;
  for (const Record& r : states.records)
    squares += gradient(balance_loss(program, r), r.logits).square().sum().item<double>();
  const double norm = std::sqrt(squares);
  if (!std::isfinite(norm) || norm <= kUnitNoise * states.reference_norm) return std::nullopt;
  return states.reference_norm / norm;
}

}  // namespace ballast::trainer
