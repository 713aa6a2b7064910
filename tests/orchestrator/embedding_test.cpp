#include "orchestrator/embedding.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/error.h"
#include "common/rng.h"

namespace ballast::orchestrator {
namespace {

using Vector = std::vector<float>;
using Match = EmbeddingIndex::Match;

double cosine(const Vector& a, const Vector& b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += double{a[i]} * double{b[i]};
    aa += double{a[i]} * double{a[i]};
    bb += double{b[i]} * double{b[i]};
  }
  return ab / std::sqrt(aa * bb);
}

Vector draw(Rng& rng, size_t length, const Vector* around, double spread) {
  Vector out(length);
  for (size_t i = 0; i < length; ++i)
    out[i] =
        static_cast<float>((around != nullptr ? double{(*around)[i]} : 0) + spread * rng.normal());
  return out;
}

TEST(EmbeddingIndex, FindsTheNearestAndOfEqualsTheOldest) {
  EmbeddingIndex index;
  EXPECT_EQ(index.nearest(Vector{1, 0}), std::nullopt);
  EXPECT_EQ(index.add(Vector{0, 3}), 0u);
  EXPECT_EQ(index.add(Vector{}), 1u);
  EXPECT_EQ(index.add(Vector{2, 0}), 2u);
  EXPECT_EQ(index.add(Vector{5, 0}), 3u);
  EXPECT_EQ(index.size(), 4u);
  const std::optional<Match> found = index.nearest(Vector{1, 0.01f});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->index, 2u);
  EXPECT_NEAR(found->cosine, 1 / std::sqrt(1.0001), 1e-6);
  EXPECT_EQ(index.nearest(Vector{-1, -1}, -0.5), std::nullopt);
  EXPECT_EQ(index.nearest(Vector{0, 1}, 0.999)->index, 0u);
}

TEST(EmbeddingIndex, RefusesWhatIsNoEmbedding) {
  EmbeddingIndex index;
  index.add(Vector{1, 2});
  EXPECT_THROW(index.add(Vector{1, 2, 3}), Error);
  EXPECT_THROW(index.add(Vector{0, 0}), Error);
  EXPECT_THROW(index.add(Vector{NAN, 1}), Error);
  EXPECT_THROW(index.nearest(Vector{1}), Error);
  EXPECT_EQ(index.size(), 1u);
}

// The prefilter never loses the true nearest, whatever the spread of the vectors: far apart, in
// clusters as real embeddings are, nearly equal, and with one number that dwarfs the rest (which
// makes codes coarse).
TEST(EmbeddingIndex, AgreesWithComparingAllInFull) {
  for (const double spread : {1.0, 0.3, 0.03, 0.001}) {
    for (const size_t length : {3u, 17u, 384u}) {
      SCOPED_TRACE("spread " + std::to_string(spread) + ", length " + std::to_string(length));
      Rng rng(11, "embedding", length);
      const Vector centre = draw(rng, length, nullptr, 1);
      EmbeddingIndex index;
      std::vector<Vector> all;
      for (int i = 0; i < 300; ++i) {
        Vector vector = draw(rng, length, &centre, spread);
        if (i % 7 == 0) vector[0] = 40;
        index.add(vector);
        all.push_back(std::move(vector));
      }
      for (int query = 0; query < 20; ++query) {
        Vector vector = draw(rng, length, &centre, spread);
        if (query % 5 == 0) vector[0] = 40;
        double best = -2;
        for (const Vector& other : all) best = std::max(best, cosine(vector, other));
        const std::optional<Match> found = index.nearest(vector);
        ASSERT_TRUE(found);
        EXPECT_NEAR(found->cosine, best, 1e-6);
        EXPECT_NEAR(cosine(vector, all[found->index]), best, 1e-6);
        for (const double least : {0.5, 0.95, best - 1e-5, best + 1e-5})
          EXPECT_EQ(index.nearest(vector, least).has_value(), best >= least)
              << least << " " << best;
      }
    }
  }
}

TEST(EmbeddingIndex, ComparesFewInFull) {
  Rng rng(3, "embedding");
  EmbeddingIndex index;
  for (int i = 0; i < 2000; ++i) index.add(draw(rng, 384, nullptr, 1));
  const Vector query = draw(rng, 384, nullptr, 1);
  EXPECT_LT(index.compared(query), 50u);
  EXPECT_EQ(index.compared(query, 0.95), 0u);
  // In a cluster where all cosines are near 0.96, too.
  EmbeddingIndex close;
  const Vector centre = draw(rng, 384, nullptr, 1);
  for (int i = 0; i < 2000; ++i) close.add(draw(rng, 384, &centre, 0.2));
  EXPECT_LT(close.compared(draw(rng, 384, &centre, 0.2)), 100u);
}

TEST(TextNovelty, ThePublishedRulesDecide) {
  const TextRule paper = text_rule("paper", true), code = text_rule("code", true);
  EXPECT_EQ(decide_text(paper, Match{3, 0.95}).verdict, TextVerdict::kNew);
  EXPECT_EQ(decide_text(paper, Match{3, 0.9501}).verdict, TextVerdict::kAskJudge);
  EXPECT_EQ(decide_text(code, Match{3, 0.98}).verdict, TextVerdict::kNew);
  EXPECT_EQ(decide_text(code, Match{3, 0.995}).verdict, TextVerdict::kAskJudge);
  EXPECT_EQ(paper.attempts, 3);
  // Without a judge: rejected by the default, and not looked at by the released code.
  EXPECT_EQ(decide_text(text_rule("default", false), Match{3, 0.96}).verdict, TextVerdict::kClose);
  EXPECT_EQ(decide_text(text_rule("code", false), Match{3, 1.0}).verdict, TextVerdict::kNew);
  EXPECT_THROW(text_rule("other", true), Error);
}

TEST(TextNovelty, EachDecisionHasItsReason) {
  const TextRule rule = text_rule("default", true);
  const TextDecision asked = decide_text(rule, Match{12, 0.97131});
  EXPECT_EQ(asked.reason, "cosine 0.9713 to candidate 12, above 0.95");
  EXPECT_EQ(decide_text(asked, false, "a constant").verdict, TextVerdict::kClose);
  EXPECT_NE(decide_text(asked, false, "a constant").reason.find("not novel: a constant"),
            std::string::npos);
  EXPECT_EQ(decide_text(asked, true, "").verdict, TextVerdict::kNew);
  EXPECT_EQ(decide_text(asked, std::nullopt, "").verdict, TextVerdict::kNew);
  EXPECT_NE(decide_text(asked, std::nullopt, "").reason.find("could not be read"),
            std::string::npos);
  EXPECT_EQ(decide_text(rule, std::nullopt).verdict, TextVerdict::kNew);
  EXPECT_NE(decide_text(rule, std::nullopt).reason, "");
}

}  // namespace
}  // namespace ballast::orchestrator
