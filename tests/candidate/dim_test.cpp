#include "candidate/dim.h"

#include <gtest/gtest.h>

namespace ballast::candidate {
namespace {

const Dim T = Dim::symbol(Symbol::kT), S = Dim::symbol(Symbol::kS), E = Dim::symbol(Symbol::kE),
          K = Dim::symbol(Symbol::kK), G = Dim::symbol(Symbol::kG);

Bindings sizes(int64_t t, int64_t s, int64_t e, int64_t k, int64_t g) { return {{t, s, e, k, g}}; }

TEST(Dim, EqualPolynomialsAreEqualHoweverTheyAreMade) {
  EXPECT_EQ((E + 1) * (E - 1), E * E - 1);
  EXPECT_EQ(E + T, T + E);
  EXPECT_EQ(E - E, Dim(0));
  EXPECT_EQ(E + E, 2 * E);
  EXPECT_NE(E, K);
  EXPECT_EQ(Dim(3).constant(), 3);
  EXPECT_EQ(E.constant(), std::nullopt);
  EXPECT_EQ((E - E).constant(), 0);
  EXPECT_TRUE((E - E + 1).is_one());
}

TEST(Dim, ReadsLikeAFormula) {
  EXPECT_EQ((*divide(T, S)).to_string(), "T/S");
  EXPECT_EQ((E - 1).to_string(), "E-1");
  EXPECT_EQ((2 * E * K).to_string(), "2*E*k");
  EXPECT_EQ((1 - G).to_string(), "-G+1");
  EXPECT_EQ(Dim(0).to_string(), "0");
  EXPECT_EQ((E * E).to_string(), "E*E");
}

TEST(Dim, DivisionIsExactOrRefused) {
  EXPECT_EQ(divide(T * E, S * E), divide(T, S));
  EXPECT_EQ(divide(4 * E, 2), 2 * E);
  EXPECT_EQ(divide(E, 2), std::nullopt);
  EXPECT_EQ(divide(E, E + 1), std::nullopt);
  EXPECT_EQ(divide(E, 0), std::nullopt);
  EXPECT_EQ(*divide(T, S) * S, T);
}

TEST(Dim, EvaluatesToWholeNumbersOnly) {
  const Bindings b = sizes(256, 2, 16, 3, 4);
  EXPECT_EQ((E * E - 1).evaluate(b), 255);
  EXPECT_EQ(divide(T, S)->evaluate(b), 128);
  EXPECT_EQ(divide(E, K)->evaluate(b), std::nullopt);  // 16/3
  // Whole only together: (E+2)/k.
  EXPECT_EQ((*divide(E, K) + *divide(2, K)).evaluate(b), 6);
  EXPECT_EQ((T * T * T * T * T * T * T * T).evaluate(b), std::nullopt);  // 2^64
  EXPECT_EQ((E - 20).evaluate(b), -4);
  EXPECT_EQ(divide(E, G)->evaluate(sizes(1, 1, 8, 1, 0)), std::nullopt);
}

TEST(Dim, OnlyTokensOverSequencesIsKnownToBeWhole) {
  EXPECT_TRUE((T * E - 3).whole());
  EXPECT_TRUE(divide(T * E, S)->whole());
  EXPECT_FALSE(divide(T, S * S)->whole());
  EXPECT_FALSE(divide(E, K)->whole());
  EXPECT_TRUE(divide(T * E, K)->may_be_whole());
  EXPECT_FALSE(divide(Dim(3), S)->may_be_whole());
  EXPECT_FALSE((T + *divide(Dim(1), E)).may_be_whole());
  EXPECT_TRUE((E * K + 1).never_negative());
  EXPECT_FALSE((E - 1).never_negative());
}

TEST(Dim, LimitsMakeItInvalidAndItStaysSo) {
  const Dim largest(int64_t{1} << 53);
  EXPECT_TRUE(largest.valid());
  EXPECT_FALSE((largest + 1).valid());
  EXPECT_FALSE((largest * largest).valid());
  EXPECT_FALSE((largest * largest - largest * largest).valid());
  Dim power(1);
  for (int i = 0; i < 8; ++i) power = power * E;
  EXPECT_TRUE(power.valid());
  EXPECT_FALSE((power * E).valid());
  EXPECT_EQ((power * E).evaluate(sizes(1, 1, 1, 1, 1)), std::nullopt);
  EXPECT_FALSE(divide(power * E, 1));
  // (1 + T + S + E + k + G)^n has ever more terms.
  Dim many(1);
  for (int i = 0; i < 4; ++i) many = many * (1 + T + S + E + K + G);
  EXPECT_FALSE(many.valid());
}

}  // namespace
}  // namespace ballast::candidate
