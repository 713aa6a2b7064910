#include "trainer/contract.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "trainer/gradient.h"
#include "trainer/interpreter.h"

namespace ballast::trainer {

namespace {

constexpr double kTolerance = 1e-4;     // relative; docs/design.md, section 5
constexpr double kRounding = 1e-10;     // of the largest magnitude on any state: float64's noise
constexpr double kBiasRounding = 1e-9;  // absolute: biases are added to scores of order 1

// What a program gives at one state; members are meaningless for hooks it does not have.
struct Outputs {
  double value = 0;
  at::Tensor grad;  // (T,E)
  at::Tensor bias;  // (E)
};

Outputs evaluate(const candidate::Program& program, const Record& r, const at::Tensor& bias,
                 bool with_gradient = true) {
  Outputs out;
  if (program.loss) {
    const at::Tensor value = balance_loss(program, r);
    out.value = value.item<double>();
    if (with_gradient) out.grad = gradient(value, r.logits);
  }
  if (program.bias) out.bias = selection_bias(program, r, bias);
  return out;
}

std::string text(double x) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.6g", x);
  return buffer;
}

double largest(const at::Tensor& t) { return t.abs().max().item<double>(); }

at::Tensor picked(const at::Tensor& t, int64_t dim, const std::vector<int64_t>& order) {
  return t.index_select(dim, at::tensor(order, at::kLong));
}

// Names what is not finite, or nothing.
std::optional<std::string> nonfinite(const Outputs& o, const ContractState& s, const char* dtype) {
  const auto message = [&](const std::string& what) {
    return "finiteness: " + what + " in " + dtype + " at the state " + s.name +
           ". Keep logarithms, roots and divisions away from 0 (add an epsilon, clamp, or "
           "torch.xlogy), and exponentials from large arguments";
  };
  if (!std::isfinite(o.value)) return message("the loss is " + text(o.value));
  // A sum is finite only if all its terms are; finite terms whose sum overflows are looked at
  // again.
  const auto bad = [](const at::Tensor& t) {
    if (!t.defined() || std::isfinite(t.sum().item<double>())) return int64_t{0};
    return t.numel() - at::isfinite(t).sum().item<int64_t>();
  };
  if (const int64_t n = bad(o.grad))
    return message("the gradient is not finite for " + std::to_string(n) + " of " +
                   std::to_string(o.grad.numel()) + " logits");
  if (const int64_t n = bad(o.bias))
    return message("selection_bias is not finite for " + std::to_string(n) + " of " +
                   std::to_string(o.bias.numel()) + " experts");
  return std::nullopt;
}

// The sizes below which a difference is rounding.
struct Floors {
  double value = 0, grad = 0;
};

// How outputs differ from those that were expected; nothing when they agree.
std::optional<std::string> difference(const Outputs& want, const Outputs& got,
                                      const Floors& floors) {
  const double bound = kTolerance * std::max(std::abs(want.value), std::abs(got.value));
  if (std::abs(want.value - got.value) > bound + floors.value)
    return "the value from " + text(want.value) + " to " + text(got.value);
  if (want.grad.defined()) {
    const double off = largest(want.grad - got.grad), size = largest(want.grad);
    if (off > kTolerance * size + floors.grad)
      return "the gradient by " + text(off) + ", where its largest component is " + text(size);
  }
  if (want.bias.defined()) {
    const double off = largest(want.bias - got.bias), size = largest(want.bias);
    if (off > kTolerance * size + kBiasRounding)
      return "selection_bias by " + text(off) + ", where its largest component is " + text(size);
  }
  return std::nullopt;
}

Outputs relabelled(const Outputs& o, const std::vector<int64_t>& experts) {
  return {o.value, o.grad.defined() ? picked(o.grad, 1, experts) : at::Tensor(),
          o.bias.defined() ? picked(o.bias, 0, experts) : at::Tensor()};
}
Outputs permuted(const Outputs& o, const std::vector<int64_t>& tokens) {
  return {o.value, o.grad.defined() ? picked(o.grad, 0, tokens) : at::Tensor(), o.bias};
}

class Check {
 public:
  Check(const candidate::Program& program, const std::vector<ContractState>& states)
      : program_(program), states_(states), exact_(states.size()) {}

  ContractReport run() {
    ContractReport report;
    report.violation = finite();
    if (!report.violation) report.violation = has_effect();
    if (!report.violation) report.violation = invariant();
    if (report.violation) return report;
    report.order_dependent = order_dependent();
    report.grad_norm = std::sqrt(grad_squares_);
    return report;
  }

 private:
  // Also fills exact_, floors_, grad_squares_ and has_gradient_.
  std::optional<std::string> finite() {
    for (size_t i = 0; i < states_.size(); ++i) {
      const ContractState& s = states_[i];
      try {
        const Outputs single = evaluate(program_, s.single, s.bias.to(at::kFloat));
        exact_[i] = evaluate(program_, s.exact, s.bias);
        if (auto what = nonfinite(exact_[i], s, "float64")) return what;
        if (auto what = nonfinite(single, s, "float32")) return what;
        note_sizes(s, single, exact_[i]);
      } catch (const CandidateError& error) {
        return "evaluation: " + std::string(error.what()) + ", at the state " + s.name +
               ". A candidate must work for every E, k, S and T: use r.num_experts, r.top_k and "
               "x.shape instead of constants";
      }
    }
    return std::nullopt;
  }

  void note_sizes(const ContractState& s, const Outputs& single, const Outputs& exact) {
    if (!program_.loss) return;
    const double norm = exact.grad.norm().item<double>();
    floors_.grad = std::max(floors_.grad, kRounding * largest(exact.grad));
    floors_.value = std::max(floors_.value, kRounding * (std::abs(exact.value) + norm));
    const double apart = (single.grad.to(at::kDouble) - exact.grad).norm().item<double>();
    if (norm > 0 && apart < 0.5 * norm) has_gradient_ = true;
    if (s.without_ties) grad_squares_ += norm * norm;
  }

  std::optional<std::string> has_effect() const {
    if (has_gradient_ || program_.bias) return std::nullopt;
    return "effect: balance_loss has no gradient with respect to the router's logits on any state, "
           "and there is no selection_bias. Gradients flow through r.logits, r.scores, r.probs and "
           "r.probs_global only: r.load, r.load_global, r.load_ema and r.chosen are counts, and "
           "sums of r.probs over experts are constant";
  }

  std::optional<std::string> invariant() const {
    for (size_t i = 0; i < states_.size(); ++i) {
      const ContractState& s = states_[i];
      if (!s.without_ties) continue;
      const Outputs o = evaluate(program_, s.relabelled, s.relabelled_bias);
      if (auto what = difference(relabelled(exact_[i], s.experts), o, floors_))
        return "expert symmetry: giving the experts other numbers moves " + *what +
               ", at the state " + s.name +
               ". Treat all experts alike: no fixed positions (x[:, 0], slices, arange, cumulative "
               "sums over experts); sort or topk by value is fine";
      if (!s.permuted) continue;
      const Outputs p = evaluate(program_, *s.permuted, s.bias);
      if (auto what = difference(permuted(exact_[i], s.tokens), p, floors_))
        return "sequence symmetry: changing the order of whole sequences moves " + *what +
               ", at the state " + s.name +
               ". Treat all sequences alike: reduce over them, or over all tokens, by mean, sum, "
               "max and the like";
    }
    return std::nullopt;
  }

  bool order_dependent() const {
    for (size_t i = 0; i < states_.size(); ++i) {
      const ContractState& s = states_[i];
      if (!s.without_ties) continue;
      const Outputs want{exact_[i].value, {}, exact_[i].bias};
      if (difference(want, evaluate(program_, s.shuffled, s.bias, false), floors_)) return true;
    }
    return false;
  }

  const candidate::Program& program_;
  const std::vector<ContractState>& states_;
  std::vector<Outputs> exact_;  // by state, float64
  Floors floors_;
  double grad_squares_ = 0;
  bool has_gradient_ = false;
};

}  // namespace

ContractReport check_contract(const candidate::Program& program,
                              const std::vector<ContractState>& states) {
  return Check(program, states).run();
}

}  // namespace ballast::trainer
