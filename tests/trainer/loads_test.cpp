#include "trainer/loads.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ballast::trainer {
namespace {

TEST(Loads, OfEvenCountsAreAllZeroButTheEntropy) {
  const std::vector<double> counts(4, 25);
  const LoadStats s = load_stats(counts, 4);
  EXPECT_EQ(s.max_vio, 0);
  EXPECT_EQ(s.cv, 0);
  EXPECT_EQ(s.dead, 0);
  EXPECT_NEAR(s.l1, 0, 1e-15);
  EXPECT_NEAR(s.entropy, std::log(4), 1e-15);
}

// 6, 2, 0, 0: mean 2, deviations 4, 0, -2, -2; shares 3/4 and 1/4.
TEST(Loads, OfSkewedCountsAreThoseWorkedOutByHand) {
  const std::vector<double> counts{6, 2, 0, 0};
  const LoadStats s = load_stats(counts, 4);
  EXPECT_DOUBLE_EQ(s.max_vio, 2);
  EXPECT_DOUBLE_EQ(s.cv, std::sqrt(24.0 / 4) / 2);
  EXPECT_EQ(s.dead, 2);
  EXPECT_DOUBLE_EQ(s.l1, 0.5);
  EXPECT_DOUBLE_EQ(s.entropy, -0.75 * std::log(0.75) - 0.25 * std::log(0.25));
}

// The last two are null experts: they take part in shares, not in violations.
TEST(Loads, CountNullExpertsInSharesOnly) {
  const std::vector<double> counts{3, 1, 8, 4};
  const LoadStats s = load_stats(counts, 2);
  EXPECT_DOUBLE_EQ(s.max_vio, 0.5);
  EXPECT_DOUBLE_EQ(s.cv, 0.5);
  EXPECT_EQ(s.dead, 0);
  EXPECT_DOUBLE_EQ(s.l1, 0.5 * (1.0 / 16 + 3.0 / 16 + 1.0 / 4 + 0));
}

TEST(Loads, WithoutAnyTrueAssignmentAreTheWorst) {
  const std::vector<double> counts{0, 0, 0, 9};
  const LoadStats s = load_stats(counts, 3);
  EXPECT_EQ(s.max_vio, 2);
  EXPECT_DOUBLE_EQ(s.cv, std::sqrt(2.0));
  EXPECT_EQ(s.dead, 3);
}

TEST(MutualInformation, IsZeroForEqualAndLogDomainsForDisjointUse) {
  EXPECT_NEAR(mutual_information({{5, 5}, {50, 50}}), 0, 1e-15);
  EXPECT_DOUBLE_EQ(mutual_information({{9, 0}, {0, 2}}), std::log(2));
}

// Shares (3/4, 1/4) and (1/4, 3/4): log 2 minus the entropy of (3/4, 1/4).
TEST(MutualInformation, WeighsDomainsEquallyWhateverTheirCounts) {
  const double want = std::log(2) + 0.75 * std::log(0.75) + 0.25 * std::log(0.25);
  EXPECT_NEAR(mutual_information({{3, 1}, {100, 300}}), want, 1e-14);
}

}  // namespace
}  // namespace ballast::trainer
