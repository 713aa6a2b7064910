// BIP-Based Balancing against an implementation of its algorithm in plain loops.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "common/rng.h"
#include "tests/trainer/training.h"
#include "trainer/balancer.h"
#include "trainer/cpu/dispatch.h"
#include "trainer/cpu/model_cpu.h"
#include "trainer/pch.h"
#include "trainer/stepper.h"

namespace ballast::trainer {
namespace {

using Matrix = std::vector<std::vector<double>>;

// Softmax scores of a router that prefers its first experts.
Matrix skewed_scores(size_t tokens, size_t experts) {
  Rng rng(7, "scores");
  Matrix s(tokens, std::vector<double>(experts));
  for (auto& row : s) {
    double total = 0;
    for (size_t e = 0; e < experts; ++e)
      total += row[e] =
          std::exp(rng.normal() - 3.0 * static_cast<double>(e) / static_cast<double>(experts));
    for (double& x : row) x /= total;
  }
  return s;
}

at::Tensor tensor_of(const Matrix& s) {
  at::Tensor t =
      at::empty({static_cast<int64_t>(s.size()), static_cast<int64_t>(s[0].size())}, at::kDouble);
  for (size_t i = 0; i < s.size(); ++i)
    for (size_t j = 0; j < s[i].size(); ++j)
      t.mutable_data_ptr<double>()[i * s[i].size() + j] = s[i][j];
  return t;
}

// The n-th largest, n counted from 1.
double nth_largest(std::vector<double> x, size_t n) {
  std::sort(x.begin(), x.end(), std::greater<>());
  return x[n - 1];
}

std::vector<double> solve_by_loops(const Matrix& s, std::vector<double> q, size_t k, int rounds) {
  const size_t m = s.size(), n = q.size();
  for (int round = 0; round < rounds; ++round) {
    std::vector<double> p(m);
    for (size_t i = 0; i < m; ++i) {
      std::vector<double> row(n);
      for (size_t j = 0; j < n; ++j) row[j] = s[i][j] - q[j];
      p[i] = std::max(0.0, nth_largest(row, k + 1));
    }
    for (size_t j = 0; j < n; ++j) {
      std::vector<double> column(m);
      for (size_t i = 0; i < m; ++i) column[i] = s[i][j] - p[i];
      q[j] = std::max(0.0, nth_largest(column, m * k / n + 1));
    }
  }
  return q;
}

double max_vio(const at::Tensor& scores, const at::Tensor& bias, int64_t k) {
  const at::Tensor chosen = std::get<1>(at::topk(scores + bias, k, 1)).flatten();
  const at::Tensor load = at::bincount(chosen, {}, scores.size(1)).to(at::kDouble);
  return (load.max() / load.mean() - 1).item<double>();
}

TEST(Bip, SolvesItsDualAsPublishedAndBalances) {
  for (const auto& [experts, k] : {std::pair<size_t, size_t>{16, 2}, {64, 8}}) {
    const Matrix s = skewed_scores(512, experts);
    const at::Tensor scores = tensor_of(s);
    const double unbalanced =
        max_vio(scores, at::zeros({scores.size(1)}, at::kDouble), static_cast<int64_t>(k));
    double last = unbalanced;
    for (const int rounds : {2, 4, 8, 14}) {
      SCOPED_TRACE(std::to_string(experts) + " experts, T = " + std::to_string(rounds));
      const Balancer b = make_balancer({"bip_" + std::to_string(rounds), ""}, {});
      ASSERT_FALSE(b.loss || b.selection_bias);
      std::vector<double> q(experts);
      q[1] = 0.01;  // kept from the batch before
      at::Tensor bias = at::zeros({scores.size(1)}, at::kDouble);
      bias[1] = -0.01;
      const at::Tensor got = b.solve_bias(scores, bias, static_cast<int64_t>(k));
      const std::vector<double> want = solve_by_loops(s, q, k, rounds);
      for (size_t j = 0; j < experts; ++j)
        EXPECT_NEAR(got[static_cast<int64_t>(j)].item<double>(), -want[j], 1e-12);
      const double vio = max_vio(scores, got, static_cast<int64_t>(k));
      EXPECT_LE(vio, last);
      last = vio;
    }
    EXPECT_GT(unbalanced, 2);
    EXPECT_LT(last, 0.1);
  }
}

TEST(Bip, LeavesARouterAloneThatChoosesEveryExpert) {
  const at::Tensor scores = tensor_of(skewed_scores(8, 4)), bias = at::zeros({4}, at::kDouble);
  const at::Tensor got = make_balancer({"bip_4", ""}, {}).solve_bias(scores, bias, 4);
  EXPECT_TRUE(at::equal(got, bias));
}

// Both models solve each layer on the tokens that it then routes, one layer after the other.
TEST(Bip, IsSolvedAlikeByBothModels) {
  const TrainSpec spec = small_spec();
  const Balancer b = make_balancer({"bip_8", ""}, {});
  const BiasSolver solve = [&](const at::Tensor& scores, const at::Tensor& bias) {
    return b.solve_bias(scores, bias, spec.model.top_k);
  };
  Parameters p = make_parameters(spec.model, 1, at::kCPU);
  const auto fast = make_model(spec.model, p), plain = make_aten_model(spec.model, p);
  const MicroBatch batch = random_batch(4, 16, spec.model.vocab, 5);
  const at::Tensor zero = at::zeros({routed_layers(spec.model), spec.model.experts});
  const auto got = fast->forward(batch, zero, 0, solve),
             want = plain->forward(batch, zero, 0, solve);
  // A solved dual is some token's margin, so that token is tied: rounding may send it elsewhere.
  EXPECT_LE((got->counts[0] - want->counts[0]).abs().max().item<double>(), 2);
  EXPECT_TRUE(at::allclose(got->bias[0], want->bias[0], 1e-4, 1e-6));
  EXPECT_TRUE(at::equal(zero, at::zeros_like(zero)));
  for (int64_t r = 0; r < got->bias.size(0); ++r) {
    const auto i = static_cast<size_t>(r);
    for (const Pass* pass : {got.get(), want.get()}) {
      const at::Tensor solved = solve(gate_scores(spec.model, pass->logits[i]), zero[r]);
      EXPECT_TRUE(at::allclose(pass->bias[r], solved, 1e-5, 1e-7));
      EXPECT_LT((pass->counts[r].max() / pass->counts[r].mean() - 1).item<double>(), 0.5);
    }
  }
}

TEST(Bip, KeepsItsDualsFromStepToStepAndScalesTheirMoves) {
  const TrainSpec spec = small_spec();
  const std::vector<MicroBatch> batches{random_batch(4, 16, spec.model.vocab, 5),
                                        random_batch(4, 16, spec.model.vocab, 6)};
  const auto bias_at = [&](double rate) {
    Stepper stepper(spec, make_balancer({"bip_4", ""}, {}), 1, rate, /*seed=*/1, at::kCPU);
    stepper.step(batches, 1e-3, 0);
    return stepper.routers().bias;
  };
  EXPECT_GT(bias_at(1).abs().max().item<double>(), 1e-3);
  EXPECT_TRUE(at::equal(bias_at(0), at::zeros_like(bias_at(0))));
}

}  // namespace
}  // namespace ballast::trainer
