#include "evaluator/rungs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "common/rng.h"

namespace ballast::evaluator {
namespace {

using Names = std::vector<size_t>;

TEST(Promotable, AreTheBestOneInEta) {
  RungStanding rung{.finished = {{'a', 3.0}, {'b', 1.0}, {'c', 2.0}, {'d', 4.0}, {'e', 5.0}},
                    .promoted = {}};
  EXPECT_EQ(promotable(rung, 2), (Names{'b', 'c'}));  // floor(5 / 2)
  EXPECT_EQ(promotable(rung, 3), Names{'b'});
  EXPECT_TRUE(promotable(rung, 6).empty());
  rung.promoted = {'b'};
  EXPECT_EQ(promotable(rung, 2), Names{'c'});
  EXPECT_TRUE(promotable(rung, 3).empty());
}

TEST(Promotable, CountFailuresButNeverPromoteThem) {
  const RungStanding rung{
      .finished = {{'a', {}}, {'b', {}}, {'c', 9.0}, {'d', {}}, {'e', {}}, {'f', {}}},
      .promoted = {}};
  EXPECT_EQ(promotable(rung, 3), Names{'c'});  // two places, one success
  EXPECT_TRUE(promotable({.finished = {{'a', {}}, {'b', {}}}, .promoted = {}}, 2).empty());
}

TEST(Promotable, BreakTiesByAge) {
  RungStanding rung{.finished = {{'c', 1.0}, {'a', 1.0}, {'b', 1.0}, {'d', 1.0}}, .promoted = {}};
  EXPECT_EQ(promotable(rung, 2), (Names{'a', 'b'}));
  std::reverse(rung.finished.begin(), rung.finished.end());
  EXPECT_EQ(promotable(rung, 2), (Names{'a', 'b'}));
}

// Those promoted early stay promoted, though better ones have come since.
TEST(Promotable, LeaveAPlaceToWhoIsBetterThanThosePromotedEarly) {
  const RungStanding rung{.finished = {{'a', 3.0}, {'b', 1.0}, {'c', 2.0}, {'d', 4.0}},
                          .promoted = {'a'}};
  EXPECT_EQ(promotable(rung, 2), (Names{'b', 'c'}));
}

TEST(Promotable, NeedAWholePlace) {
  EXPECT_TRUE(promotable({}, 3).empty());
  std::vector<RungResult> three = {{'a', 1.0}, {'b', 2.0}, {'c', 3.0}};
  EXPECT_EQ(promotable({three, {}}, 3).size(), 1u);
  three.pop_back();
  EXPECT_TRUE(promotable({three, {}}, 3).empty());
}

TEST(NextPromotion, LooksAtTheHighestRungFirst) {
  const RungStanding low{
      .finished = {{'a', 1.0}, {'b', 2.0}, {'c', 3.0}, {'d', 4.0}, {'e', 5.0}, {'f', 6.0}},
      .promoted = {'a', 'b'}};
  const RungStanding middle{.finished = {{'a', 2.0}, {'b', 1.0}}, .promoted = {}};
  const RungStanding last{.finished = {{'x', 1.0}, {'y', 1.0}}, .promoted = {}};
  EXPECT_EQ(next_promotion(std::vector{low, middle, last}, 2), (Promotion{'b', 1}));
  RungStanding settled = middle;
  settled.promoted = {'b'};
  EXPECT_EQ(next_promotion(std::vector{low, settled, last}, 2), (Promotion{'c', 0}));
}

TEST(NextPromotion, GivesNobodyWhenNoRungHasOne) {
  const RungStanding one{.finished = {{'a', 1.0}, {'b', 2.0}}, .promoted = {}};
  EXPECT_EQ(next_promotion(std::vector{one}, 2), std::nullopt);  // the last rung leads nowhere
  EXPECT_EQ(next_promotion({}, 2), std::nullopt);
}

// A whole search: candidates end in any order, whoever may climb does. Never more than one in eta
// of a rung stands above it by the final ranking plus those promoted early; the best always climbs.
TEST(NextPromotion, BringsTheBestToTheTop) {
  Rng rng(1, "asha");
  for (int round = 0; round < 50; ++round) {
    std::vector<RungStanding> rungs(3);
    std::map<size_t, double> quality;
    for (int i = 0; i < 81; ++i) {
      const auto name = static_cast<size_t>(i);
      quality[name] = rng.uniform();
      rungs[0].finished.push_back({name, quality[name]});
      while (const auto next = next_promotion(rungs, 3)) {
        EXPECT_TRUE(rungs[next->from].promoted.insert(next->candidate).second) << "promoted twice";
        rungs[next->from + 1].finished.push_back({next->candidate, quality[next->candidate]});
      }
    }
    size_t best = 0;
    for (const auto& [name, q] : quality)
      if (q < quality[best]) best = name;
    const auto on_top = [&](const RungResult& r) { return r.candidate == best; };
    EXPECT_TRUE(std::any_of(rungs[2].finished.begin(), rungs[2].finished.end(), on_top));
    EXPECT_GE(rungs[1].finished.size(), 27u);  // every place of the final ranking was given
    EXPECT_LT(rungs[1].finished.size(), 54u);  // and not many to those who were early only
    EXPECT_TRUE(rungs[2].promoted.empty());
  }
}

}  // namespace
}  // namespace ballast::evaluator
