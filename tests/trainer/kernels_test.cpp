// Every table of kernels this processor can run, against plain loops. Tolerances: sums of n float
// products differ by at most about n roundings of 2^-24 of their terms' size.
#include <gtest/gtest.h>

#include <cmath>

#include "common/rng.h"
#include "trainer/cpu/dispatch.h"

namespace ballast::trainer::cpu {
namespace {

std::vector<float> random_values(int64_t n, uint64_t seed, double scale = 1) {
  Rng rng(seed, "values");
  std::vector<float> x(static_cast<size_t>(n));
  for (float& v : x) v = static_cast<float>(scale * rng.normal());
  return x;
}

class EveryTable : public testing::Test {
 protected:
  template <class Check>
  void each(Check&& check) {
    for (const Kernels* kernels : available_kernels()) {
      SCOPED_TRACE(kernels->name);
      check(*kernels);
    }
  }
};

TEST_F(EveryTable, MultipliesAtAllEdges) {
  each([](const Kernels& k) {
    for (const int64_t M : {1, 5, 12, 29})
      for (const int64_t N : {1, 15, 16, 33, 48})
        for (const int64_t K : {1, 7, 64, 150})
          for (const bool transposed : {false, true}) {
            SCOPED_TRACE(testing::Message() << M << "x" << N << "x" << K << " " << transposed);
            const std::vector<float> a = random_values(M * K, 1), b = random_values(K * N, 2);
            std::vector<float> packed(static_cast<size_t>(k.packed_size(K, N)));
            k.pack(K, N, b.data(), transposed ? K : N, transposed, packed.data());
            std::vector<float> c(static_cast<size_t>(M * N), 2.0f), sum = c;
            k.gemm(M, N, K, a.data(), K, packed.data(), c.data(), N, false);
            k.gemm(M, N, K, a.data(), K, packed.data(), sum.data(), N, true);
            for (int64_t i = 0; i < M; ++i)
              for (int64_t j = 0; j < N; ++j) {
                double want = 0;
                for (int64_t l = 0; l < K; ++l)
                  want += static_cast<double>(a[static_cast<size_t>(i * K + l)]) *
                          static_cast<double>(
                              b[static_cast<size_t>(transposed ? j * K + l : l * N + j)]);
                ASSERT_NEAR(c[static_cast<size_t>(i * N + j)], want, 1e-5 * std::sqrt(K));
                ASSERT_NEAR(sum[static_cast<size_t>(i * N + j)], want + 2, 1e-5 * std::sqrt(K));
              }
          }
  });
}

TEST_F(EveryTable, AddsTransposedProducts) {
  each([](const Kernels& k) {
    for (const int64_t M : {1, 13, 24})
      for (const int64_t N : {1, 17, 32, 40})
        for (const int64_t K : {0, 1, 127, 128, 300}) {
          SCOPED_TRACE(testing::Message() << M << "x" << N << "x" << K);
          const std::vector<float> a = random_values(K * M, 1), b = random_values(K * N, 2);
          std::vector<float> c(static_cast<size_t>(M * N), 1.0f);
          k.gemm_tn(M, N, K, a.data(), M, b.data(), N, c.data(), N);
          for (int64_t i = 0; i < M; ++i)
            for (int64_t j = 0; j < N; ++j) {
              double want = 1;
              for (int64_t l = 0; l < K; ++l)
                want += static_cast<double>(a[static_cast<size_t>(l * M + i)]) *
                        static_cast<double>(b[static_cast<size_t>(l * N + j)]);
              ASSERT_NEAR(c[static_cast<size_t>(i * N + j)], want, 5e-5);
            }
        }
  });
}

// The exponential function as cross-entropy and SwiGLU use it, over its whole range.
TEST_F(EveryTable, ComputesSigmoidsToSingleRounding) {
  each([](const Kernels& k) {
    for (double x = -80; x < 80; x += 0.37) {
      const std::vector<float> up{static_cast<float>(x), 1.0f};
      float hidden = 0;
      k.swiglu(1, 1, up.data(), &hidden);
      const double at = static_cast<double>(up[0]), want = at / (1 + std::exp(-at));
      ASSERT_NEAR(hidden, want, 4e-7 * std::abs(want) + 1e-37) << x;
    }
  });
}

TEST_F(EveryTable, GivesTheCrossEntropyOfLogitsFarApart) {
  each([](const Kernels& k) {
    for (const int64_t V : {3, 16, 50}) {
      std::vector<float> logits(static_cast<size_t>(V), 0.0f);
      logits[1] = 30;
      const std::vector<int32_t> targets{0};
      const double others = static_cast<double>(V - 1);
      EXPECT_NEAR(k.cross_entropy(1, V, logits.data(), targets.data(), 0.0f),
                  30 + std::log1p(others * std::exp(-30.0)), 1e-6);
      EXPECT_EQ(logits[1], 30) << "left alone without a scale";
      k.cross_entropy(1, V, logits.data(), targets.data(), 0.5f);
      EXPECT_NEAR(logits[0], -0.5, 1e-6);
      EXPECT_NEAR(logits[1], 0.5, 1e-6);
    }
  });
}

TEST_F(EveryTable, PicksTheLargestAndBreaksTiesByIndex) {
  each([](const Kernels& k) {
    // Token 0: a tie of experts 1 and 2 for the second place. Token 1: the bias lifts expert 0.
    const std::vector<float> logits{0, 1, 1, 3, -1, 2, 0, 1};
    const std::vector<float> bias{0.9f, 0, 0, 0};
    std::vector<float> none(4, 0.0f), scores(8), chosen(8), weights(4), counts(4), probs(4),
        sums(2);
    std::vector<int32_t> experts(4);
    RouteArgs args{.T = 2,
                   .E = 4,
                   .k = 2,
                   .true_experts = 4,
                   .softmax = true,
                   .renormalise = true,
                   .logits = logits.data(),
                   .bias = none.data(),
                   .scores = scores.data(),
                   .chosen = chosen.data(),
                   .experts = experts.data(),
                   .weights = weights.data(),
                   .counts = counts.data(),
                   .mean_probs = probs.data(),
                   .score_sums = sums.data()};
    k.route(args);
    EXPECT_EQ(experts, (std::vector<int32_t>{3, 1, 1, 3}));
    EXPECT_EQ(counts, (std::vector<float>{0, 2, 0, 2}));
    EXPECT_EQ(chosen, (std::vector<float>{0, 1, 0, 1, 0, 1, 0, 1}));
    EXPECT_NEAR(weights[0], 1 / (1 + std::exp(-2.0)), 1e-6);
    EXPECT_NEAR(weights[0] + weights[1], 1, 1e-6);
    EXPECT_EQ(sums[0], sums[1]);
    args.bias = bias.data();
    k.route(args);
    EXPECT_EQ(experts[2], 0);
    const double total = std::exp(-1.0) + std::exp(2.0) + 1 + std::exp(1.0);
    EXPECT_NEAR(weights[2], std::exp(-1.0) / (std::exp(-1.0) + std::exp(2.0)), 1e-6);
    EXPECT_NEAR(scores[5], std::exp(2.0) / total, 1e-6);
    EXPECT_LT(sums[0], sums[1]) << "the bias costs the router score";
  });
}

TEST_F(EveryTable, UpdatesByAdamW) {
  each([](const Kernels& k) {
    const int64_t n = 37;
    std::vector<float> values = random_values(n, 1), grads = random_values(n, 2), m(37), v(37);
    std::vector<double> w(values.begin(), values.end()), dm(37), dv(37);
    double squares = 0, want_squares = 0;
    for (int64_t step = 1; step <= 3; ++step) {
      squares = k.adamw({.n = n,
                         .values = values.data(),
                         .grads = grads.data(),
                         .moment1 = m.data(),
                         .moment2 = v.data(),
                         .learning_rate = 0.01,
                         .beta1 = 0.9,
                         .beta2 = 0.95,
                         .epsilon = 1e-8,
                         .decay = 0.1,
                         .step = step});
      want_squares = 0;
      for (size_t i = 0; i < w.size(); ++i) {
        const double g = static_cast<double>(grads[i]);
        want_squares += g * g;
        dm[i] = 0.9 * dm[i] + 0.1 * g;
        dv[i] = 0.95 * dv[i] + 0.05 * g * g;
        const double mean = dm[i] / (1 - std::pow(0.9, step));
        const double deviation = std::sqrt(dv[i] / (1 - std::pow(0.95, step)));
        w[i] = w[i] * (1 - 0.01 * 0.1) - 0.01 * mean / (deviation + 1e-8);
      }
    }
    EXPECT_NEAR(squares, want_squares, 1e-4);
    for (size_t i = 0; i < w.size(); ++i) EXPECT_NEAR(values[i], w[i], 1e-6);
  });
}

}  // namespace
}  // namespace ballast::trainer::cpu
