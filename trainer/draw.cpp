#include "trainer/draw.h"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace ballast::trainer {

namespace {

constexpr double kLogitBound = 15;  // docs/design.md, section 5

template <typename F>
Row make_row(int64_t n, F&& draw) {
  Row row(static_cast<size_t>(n));
  for (double& x : row) x = draw();
  return row;
}

Row shares(int64_t n, Rng& rng) {
  Row row = make_row(n, [&] { return rng.uniform(0.2, 1.8); });
  const double sum = std::accumulate(row.begin(), row.end(), 0.0);
  for (double& x : row) x /= sum;
  return row;
}

Row shares_with_a_zero(int64_t n, Rng& rng) {
  Row row = shares(n, rng);
  double& zero = row[static_cast<size_t>(rng.below(n))];
  const double rest = 1 - zero;
  zero = 0;
  for (double& x : row) x /= rest;
  return row;
}

// Relative latencies: mean 1 over true experts, 0 for null experts.
Row costs(const Draw& d, Rng& rng) {
  const int64_t true_experts = d.experts - d.null_experts;
  Row row = shares(true_experts, rng);
  for (double& x : row) x *= static_cast<double>(true_experts);
  row.resize(static_cast<size_t>(d.experts), 0.0);
  return row;
}

std::vector<Row> groups(const Draw& d) {
  std::vector<Row> rows;
  for (int64_t e = 0; e < d.experts; ++e) {
    rows.emplace_back(static_cast<size_t>(d.groups), 0.0);
    rows.back()[static_cast<size_t>(e * d.groups / d.experts)] = 1;
  }
  return rows;
}

// Everything but the logits.
State surroundings(const Draw& d, Rng& rng) {
  State s;
  s.gate = d.gate;
  s.top_k = d.top_k;
  s.num_sequences = d.sequences;
  s.load_global = shares_with_a_zero(d.experts, rng);
  s.probs_global = shares(d.experts, rng);
  s.load_ema = shares(d.experts, rng);
  s.cost = costs(d, rng);
  s.is_null = Row(static_cast<size_t>(d.experts), 0.0);
  std::fill(s.is_null->end() - d.null_experts, s.is_null->end(), 1.0);
  s.device = groups(d);
  s.progress = d.progress;
  s.depth = d.depth;
  return s;
}

template <typename T>
void shuffle(std::vector<T>& items, Rng& rng) {
  for (size_t i = items.size(); i > 1; --i)
    std::swap(items[i - 1], items[static_cast<size_t>(rng.below(static_cast<int64_t>(i)))]);
}

// Tokens per expert, all different, none the mean, one of them 0: the numbers around the mean, in
// random order.
std::vector<int64_t> distinct_counts(int64_t experts, int64_t assignments, Rng& rng) {
  const int64_t mean = assignments / experts;
  assert(mean * experts == assignments && mean == experts / 2);
  std::vector<int64_t> counts;
  for (int64_t n = 0; n <= experts; ++n)
    if (n != mean) counts.push_back(n);
  shuffle(counts, rng);
  return counts;
}

// For each token the experts it goes to, k different ones, so that expert e gets counts[e] tokens:
// experts in order of falling counts take the tokens with the most choices left.
std::vector<std::vector<bool>> assign(const std::vector<int64_t>& counts, int64_t tokens, int64_t k,
                                      Rng& rng) {
  std::vector<std::vector<bool>> chosen(static_cast<size_t>(tokens),
                                        std::vector<bool>(counts.size(), false));
  std::vector<int64_t> left(static_cast<size_t>(tokens), k);
  std::vector<size_t> experts(counts.size());
  std::iota(experts.begin(), experts.end(), size_t{0});
  std::sort(experts.begin(), experts.end(),
            [&](size_t a, size_t b) { return counts[a] > counts[b]; });
  std::vector<size_t> order(static_cast<size_t>(tokens));
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t e : experts) {
    shuffle(order, rng);
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return left[a] > left[b]; });
    for (size_t i = 0; i < static_cast<size_t>(counts[e]); ++i) {
      assert(left[order[i]] > 0);
      chosen[order[i]][e] = true;
      --left[order[i]];
    }
  }
  return chosen;
}

double cut(double logit) { return std::clamp(logit, -kLogitBound, kLogitBound); }

// Logits of one token: the k largest draws go to the chosen experts.
Row logits_of(const std::vector<bool>& chosen, double scale, Rng& rng) {
  const auto experts = static_cast<int64_t>(chosen.size());
  Row draws = make_row(experts, [&] { return cut(scale * rng.normal()); });
  // Cut ones would be ties.
  for (double& x : draws)
    if (std::abs(x) == kLogitBound) x *= rng.uniform(0.9, 1);
  std::sort(draws.begin(), draws.end(), std::greater<>());
  const auto k = static_cast<size_t>(std::count(chosen.begin(), chosen.end(), true));
  Row high(draws.begin(), draws.begin() + static_cast<std::ptrdiff_t>(k));
  Row low(draws.begin() + static_cast<std::ptrdiff_t>(k), draws.end());
  shuffle(high, rng);
  shuffle(low, rng);
  Row logits;
  for (bool yes : chosen) {
    Row& from = yes ? high : low;
    logits.push_back(from.back());
    from.pop_back();
  }
  return logits;
}

Row picked(const Row& row, const std::vector<int64_t>& order) {
  Row out;
  out.reserve(order.size());
  for (int64_t i : order) out.push_back(row[static_cast<size_t>(i)]);
  return out;
}

}  // namespace

State draw_without_ties(const Draw& d, Rng& rng) {
  State s = surroundings(d, rng);
  const int64_t tokens = d.sequences * d.length;
  const std::vector<int64_t> counts = distinct_counts(d.experts, tokens * d.top_k, rng);
  for (const std::vector<bool>& chosen : assign(counts, tokens, d.top_k, rng))
    s.logits.push_back(logits_of(chosen, d.scale, rng));
  return s;
}

State draw_independent(const Draw& d, const Row& offsets, Rng& rng) {
  State s = surroundings(d, rng);
  for (int64_t t = 0; t < d.sequences * d.length; ++t) {
    Row row;
    for (double offset : offsets) row.push_back(cut(offset + d.scale * rng.normal()));
    s.logits.push_back(row);
  }
  return s;
}

State draw_collapsed(const Draw& d, Rng& rng) {
  State s = surroundings(d, rng);
  std::vector<int64_t> order = random_permutation(d.experts, rng);
  Row share(static_cast<size_t>(d.experts), 0.0);
  for (int64_t i = 0; i < d.top_k; ++i)
    share[static_cast<size_t>(order[static_cast<size_t>(i)])] = 1 / static_cast<double>(d.top_k);
  for (int64_t t = 0; t < d.sequences * d.length; ++t) {
    Row row;
    for (double x : share) row.push_back((x > 0 ? 1 : -1) * rng.uniform(14, kLogitBound));
    s.logits.push_back(row);
  }
  s.load_global = share;
  s.load_ema = share;
  s.probs_global.reset();
  return s;
}

std::vector<int64_t> random_permutation(int64_t n, Rng& rng) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  shuffle(order, rng);
  return order;
}

State with_experts(const State& state, const std::vector<int64_t>& experts) {
  State s = state;
  for (Row& row : s.logits) row = picked(row, experts);
  for (auto* row : {&s.load_global, &s.probs_global, &s.load_ema, &s.cost, &s.is_null, &s.bias})
    if (*row) *row = picked(**row, experts);
  if (s.device)
    for (size_t e = 0; e < experts.size(); ++e)
      (*s.device)[e] = (*state.device)[static_cast<size_t>(experts[e])];
  return s;
}

State with_tokens(const State& state, const std::vector<int64_t>& tokens) {
  State s = state;
  for (size_t t = 0; t < tokens.size(); ++t)
    s.logits[t] = state.logits[static_cast<size_t>(tokens[t])];
  return s;
}

}  // namespace ballast::trainer
