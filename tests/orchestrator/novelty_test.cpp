#include "orchestrator/novelty.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/rng.h"

namespace ballast::orchestrator {
namespace {

std::vector<float> unit(std::vector<double> x) {
  double norm = 0;
  for (const double v : x) norm += v * v;
  std::vector<float> out;
  for (const double v : x) out.push_back(static_cast<float>(v / std::sqrt(norm)));
  return out;
}

std::vector<float> random_unit(size_t n, uint64_t stream) {
  Rng rng(5, "fingerprint", stream);
  std::vector<double> x(n);
  for (double& v : x) v = rng.normal();
  return unit(x);
}

// x moved by `by` in a direction that keeps its length (to second order).
std::vector<float> moved(const std::vector<float>& x, double by, uint64_t stream) {
  const std::vector<float> d = random_unit(x.size(), stream);
  double along = 0, length = 0;
  for (size_t i = 0; i < x.size(); ++i) along += static_cast<double>(x[i]) * d[i];
  for (size_t i = 0; i < x.size(); ++i) length += std::pow(d[i] - along * x[i], 2);
  std::vector<float> out;
  for (size_t i = 0; i < x.size(); ++i)
    out.push_back(static_cast<float>(x[i] + by * (d[i] - along * x[i]) / std::sqrt(length)));
  return out;
}

TEST(FingerprintIndex, FindsTheSameFunctionWithinTheTolerance) {
  FingerprintIndex index;
  const std::vector<float> x = random_unit(512, 1);
  index.add(random_unit(512, 2));
  EXPECT_EQ(index.add(x), 1u);
  const auto match = index.find(moved(x, 0.9e-4, 3));
  ASSERT_TRUE(match);
  EXPECT_EQ(match->index, 1u);
  EXPECT_NEAR(match->distance, 0.9e-4, 1e-6);
  EXPECT_FALSE(index.find(moved(x, 1.1e-4, 3)));
}

TEST(FingerprintIndex, TellsAFunctionFromItsNegative) {
  FingerprintIndex index;
  std::vector<float> x = random_unit(64, 1);
  index.add(x);
  for (float& v : x) v = -v;
  EXPECT_FALSE(index.find(x));
}

TEST(FingerprintIndex, GivesTheNearestAndOfEqualOnesTheOldest) {
  FingerprintIndex index;
  const std::vector<float> x = random_unit(64, 1);
  index.add(moved(x, 5e-5, 2));
  index.add(x);
  index.add(x);
  EXPECT_EQ(index.find(x)->index, 1u);
}

TEST(FingerprintIndex, NeverMatchesAcrossLengthsOrEmptyOnes) {
  FingerprintIndex index;
  EXPECT_EQ(index.add({}), 0u);
  index.add(std::vector<float>{1, 0});
  EXPECT_FALSE(index.find({}));
  EXPECT_FALSE(index.find(std::vector<float>{1, 0, 0}));
  EXPECT_EQ(index.find(std::vector<float>{1, 0})->index, 1u);
}

// The filter in front of the full comparison may not lose a match, whatever the direction: sparse,
// dense and aligned with an axis, at every length on the way.
TEST(FingerprintIndex, AgreesWithComparingEverything) {
  for (const size_t n : {1u, 2u, 3u, 17u, 256u, 4096u}) {
    SCOPED_TRACE(n);
    FingerprintIndex index;
    std::vector<std::vector<float>> all;
    for (uint64_t i = 0; i < 40; ++i) {
      std::vector<float> x = random_unit(n, i);
      if (i % 4 == 0) x.assign(n, 0.f), x[i % n] = i % 8 == 0 ? 1.f : -1.f;
      all.push_back(x);
      index.add(x);
    }
    int matches = 0;
    for (uint64_t i = 0; i < 200; ++i) {
      const std::vector<float> x =
          n == 1 ? all[i % 40] : moved(all[i % 40], 2e-4 * static_cast<double>(i) / 200, 1000 + i);
      double best = 1e9;
      for (const auto& y : all) {
        double sum = 0;
        for (size_t j = 0; j < n; ++j) sum += std::pow(static_cast<double>(x[j]) - y[j], 2);
        best = std::min(best, std::sqrt(sum));
      }
      const auto match = index.find(x);
      EXPECT_EQ(match.has_value(), best <= kFingerprintTolerance) << i;
      if (!match) continue;
      EXPECT_EQ(match->distance, best);
      ++matches;
    }
    EXPECT_GT(matches, 50);
  }
}

}  // namespace
}  // namespace ballast::orchestrator
