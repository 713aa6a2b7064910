#include "candidate/idioms.h"

#include <array>
#include <cmath>

namespace ballast::candidate {
namespace {

using Term = NodeId (*)(Maker&, Rng&);

// Draws stand in statements of their own: the order in which C++ evaluates arguments is the
// compiler's, and a seed must mean the same everywhere.
NodeId draw_product(Maker& m, Rng& rng) {
  const NodeId load = draw_load(m, rng);
  const NodeId shares = draw_shares(m, rng);
  return m.mul(load, shares);
}

// E sum_i f_i P_i (Switch, arXiv 2101.03961; with global f arXiv 2501.11873).
NodeId product(Maker& m, Rng& rng) { return m.mul(m.experts(), m.sum(draw_product(m, rng))); }

NodeId squared_deviation(Maker& m, Rng& rng) {
  const NodeId gap = m.sub(draw_shares(m, rng), m.inverse_experts());
  return m.mul(m.experts(), m.sum(m.square(gap)));
}

NodeId negative_entropy_of(Maker& m, NodeId shares) {
  return m.sum(m.mul(shares, m.safe_log(shares)));
}

NodeId negative_entropy(Maker& m, Rng& rng) { return negative_entropy_of(m, draw_shares(m, rng)); }

// KL(uniform || P) up to a constant.
NodeId reverse_kl(Maker& m, Rng& rng) {
  return m.unary(Op::kNeg, m.mean(m.safe_log(draw_shares(m, rng))));
}

// Squared coefficient of variation (Shazeer et al., arXiv 1701.06538).
NodeId squared_variation(Maker& m, Rng& rng) {
  const NodeId shares = draw_shares(m, rng);
  return m.div(m.over_all(Op::kVar, shares), m.add(m.square(m.mean(shares)), m.number(1e-9)));
}

// P where the load is above its mean by more than a margin.
NodeId hinge_above_mean(Maker& m, Rng& rng) {
  const NodeId load = draw_load(m, rng);
  const NodeId margin = m.number(two_digits(1 + 0.1 * static_cast<double>(rng.below(4))));
  const NodeId excess = m.sub(m.mul(m.experts(), load), margin);
  return m.sum(m.mul(m.relu(excess), draw_shares(m, rng)));
}

// Lifts P of experts below tau/E: a mask by load, as the found loss of arXiv 2509.19349 needs one.
NodeId hinge_below(Maker& m, Rng& rng) {
  const NodeId floor = m.div(m.number(draw_magnitude(rng, 0.05, 0.9)), m.experts());
  const NodeId shortfall = m.relu(m.sub(floor, draw_load(m, rng)));
  return m.unary(Op::kNeg, m.mul(m.experts(), m.sum(m.mul(shortfall, draw_shares(m, rng)))));
}

NodeId largest(Maker& m, Rng& rng) {
  return m.mul(m.experts(), m.over_all(Op::kAmax, draw_shares(m, rng)));
}

// logsumexp(tau E P) / tau: a soft maximum.
NodeId soft_largest(Maker& m, Rng& rng) {
  const NodeId tau = m.number(draw_magnitude(rng, 1, 10));
  const NodeId scaled = m.mul(tau, m.mul(m.experts(), draw_shares(m, rng)));
  return m.div(m.over_all(Op::kLogSumExp, scaled), tau);
}

// ST-MoE's router z-loss (arXiv 2202.08906, eq. 5).
NodeId z_loss(Maker& m, Rng&) {
  return m.mean(m.square(m.over(Op::kLogSumExp, m.field(Field::kLogits), 1)));
}

// Sequence-wise balance (DeepSeek-V3, arXiv 2412.19437, eq. 17-20).
NodeId sequence_wise(Maker& m, Rng&) {
  const NodeId shares = m.sequence_means(m.field(Field::kProbs));
  const NodeId load = m.div(m.sequence_means(m.field(Field::kChosen)), m.size(Symbol::kK));
  return m.mul(m.experts(), m.mean(m.over(Op::kSum, m.mul(load, shares), 1)));
}

NodeId token_entropy(Maker& m) {
  const NodeId probs = m.field(Field::kProbs);
  return m.unary(Op::kNeg, m.mean(m.over(Op::kSum, m.mul(probs, m.safe_log(probs)), 1)));
}

NodeId sharp_tokens(Maker& m, Rng&) { return token_entropy(m); }

// -I(expert; token) = H(e|t) - H(e) (ModuleFormer, arXiv 2306.04640).
NodeId mutual_information(Maker& m, Rng& rng) {
  return m.add(token_entropy(m), negative_entropy_of(m, draw_shares(m, rng)));
}

// Latency-aware importance (ShiftAddViT, arXiv 2306.06446).
NodeId cost_weighted(Maker& m, Rng& rng) {
  const NodeId weighted = m.mul(m.field(Field::kCost), draw_product(m, rng));
  return m.mul(m.experts(), m.sum(weighted));
}

// Device-level balance (DeepSeek-V2, arXiv 2405.04434).
NodeId device_level(Maker& m, Rng& rng) {
  const NodeId device = m.field(Field::kDevice);
  const NodeId load = m.binary(Op::kMatmul, draw_load(m, rng), device);
  const NodeId shares = m.binary(Op::kMatmul, draw_shares(m, rng), device);
  return m.mul(m.size(Symbol::kG), m.sum(m.mul(load, shares)));
}

NodeId absolute_deviation(Maker& m, Rng& rng) {
  const NodeId load = draw_load(m, rng);
  const NodeId value = m.straight_through(load, draw_shares(m, rng));
  return m.sum(m.unary(Op::kAbs, m.sub(value, m.inverse_experts())));
}

NodeId logit_variance(Maker& m, Rng&) {
  return m.mean(m.over(Op::kVar, m.field(Field::kLogits), 1));
}

// How alike experts' columns are: the squared inner products of P, (E,E).
NodeId overlap(Maker& m, Rng&) {
  const NodeId probs = m.field(Field::kProbs);
  const NodeId turned = m.builder().add(Op::kTranspose, {probs}, {0, 1});
  const NodeId gram = m.div(m.binary(Op::kMatmul, turned, probs), m.size(Symbol::kT));
  return m.mul(m.experts(), m.sum(m.square(gram)));
}

struct TermRow {
  Term make;
  std::string_view name;
};

constexpr std::array kTerms{
    TermRow{product, "load x share"},
    TermRow{squared_deviation, "squared deviation from 1/E"},
    TermRow{negative_entropy, "negative entropy of shares"},
    TermRow{reverse_kl, "KL to uniform"},
    TermRow{squared_variation, "squared variation"},
    TermRow{hinge_above_mean, "hinge above the mean"},
    TermRow{hinge_below, "hinge below a floor"},
    TermRow{largest, "largest share"},
    TermRow{soft_largest, "soft largest share"},
    TermRow{z_loss, "z-loss"},
    TermRow{sequence_wise, "sequence-wise balance"},
    TermRow{sharp_tokens, "entropy of tokens"},
    TermRow{mutual_information, "mutual information"},
    TermRow{cost_weighted, "cost-weighted load x share"},
    TermRow{device_level, "device-level balance"},
    TermRow{absolute_deviation, "absolute deviation from 1/E"},
    TermRow{logit_variance, "variance of logits"},
    TermRow{overlap, "overlap of experts"},
};

// What is missing to the target: 1/E, or inverse to cost.
NodeId draw_gap(Maker& m, Rng& rng) {
  NodeId load = draw_load(m, rng);
  if (rng.chance(0.15)) load = m.field(Field::kProbsGlobal);
  if (!rng.chance(0.15)) return m.sub(m.inverse_experts(), load);
  const NodeId speed = m.unary(Op::kReciprocal, m.field(Field::kCost));
  return m.sub(m.div(speed, m.sum(speed)), load);
}

}  // namespace

double two_digits(double value) {
  if (value == 0 || !std::isfinite(value)) return value;
  const double unit = std::pow(10.0, std::floor(std::log10(std::fabs(value))) - 1);
  // Through text, so that 0.1 is 0.1 and not 0.1 + 1e-17.
  return std::stod(std::to_string(std::lround(value / unit)) + "e" +
                   std::to_string(std::lround(std::log10(unit))));
}

double draw_magnitude(Rng& rng, double low, double high) {
  return two_digits(low * std::exp(rng.uniform() * std::log(high / low)));
}

NodeId draw_shares(Maker& m, Rng& rng) {
  switch (rng.below(5)) {
    case 0:
    case 1:
      return m.over(Op::kMean, m.field(Field::kProbs), 0);
    case 2:
      return m.over(Op::kMean, m.field(Field::kScores), 0);
    default:
      return m.field(Field::kProbsGlobal);
  }
}

NodeId draw_load(Maker& m, Rng& rng) {
  switch (rng.below(6)) {
    case 0:
      return m.field(Field::kLoad);
    case 1:
    case 2:
      return m.field(Field::kLoadEma);
    default:
      return m.field(Field::kLoadGlobal);
  }
}

Drawn draw_term(Maker& m, Rng& rng) {
  const TermRow& row = kTerms[static_cast<size_t>(rng.below(kTerms.size()))];
  return {row.make(m, rng), std::string(row.name)};
}

Drawn draw_schedule(Maker& m, Rng& rng) {
  const NodeId progress = m.field(Field::kProgress), depth = m.field(Field::kDepth);
  switch (rng.below(7)) {
    case 0:
      return {progress, "progress"};
    case 1:
      return {m.sub(m.integer(1), progress), "1 - progress"};
    case 2: {
      const double rate = draw_magnitude(rng, 1, 10);
      return {m.unary(Op::kExp, m.scaled(-rate, progress)), "exponential decay"};
    }
    case 3: {
      const double rate = draw_magnitude(rng, 2, 20);
      return {m.binary(Op::kMinimum, m.integer(1), m.scaled(rate, progress)), "warm-up"};
    }
    case 4:
      return {depth, "depth"};
    case 5:
      return {m.sub(m.integer(1), depth), "1 - depth"};
    default: {
      constexpr double kPi = 3.141592653589793;
      const NodeId wave = m.unary(Op::kCos, m.scaled(kPi, progress));
      return {m.scaled(0.5, m.add(wave, m.integer(1))), "cosine decay"};
    }
  }
}

Drawn draw_bias_rule(Maker& m, Rng& rng, NodeId bias) {
  NodeId rate = m.number(draw_magnitude(rng, 1e-4, 0.1));
  if (rng.chance(0.25)) rate = m.mul(rate, draw_schedule(m, rng).node);
  const NodeId gap = draw_gap(m, rng);
  const NodeId relative = m.mul(m.experts(), gap);
  const auto next = [&](NodeId step) { return m.add(bias, m.mul(rate, step)); };
  switch (rng.below(6)) {
    case 0:  // auxiliary-loss-free balancing, arXiv 2408.15664, algorithm 1
      return {next(m.unary(Op::kSign, gap)), "sign rule"};
    case 1:  // its primal-dual reading, arXiv 2512.03915
      return {next(relative), "proportional rule"};
    case 2: {
      const NodeId steep = m.scaled(draw_magnitude(rng, 0.5, 5), relative);
      return {next(m.unary(Op::kTanh, steep)), "tanh rule"};
    }
    case 3: {
      const NodeId low = m.binary(Op::kClampMin, relative, m.integer(-1));
      return {next(m.binary(Op::kClampMax, low, m.integer(1))), "clamped rule"};
    }
    case 4: {
      const NodeId gone = m.scaled(1 - draw_magnitude(rng, 0.001, 0.1), bias);
      return {m.add(gone, m.mul(rate, m.unary(Op::kSign, gap))), "leaky sign rule"};
    }
    default: {
      const NodeId spread = m.over_all(Op::kNorm, gap);
      return {next(m.div(gap, m.add(spread, m.number(1e-9)))), "normalised rule"};
    }
  }
}

}  // namespace ballast::candidate
