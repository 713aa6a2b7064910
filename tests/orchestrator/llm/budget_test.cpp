#include "orchestrator/llm/budget.h"

#include <gtest/gtest.h>

#include <vector>

#include "common/rng.h"

namespace ballast::orchestrator {
namespace {

using Room = Budget::Room;

Amount amount(double usd, int64_t tokens = 0) { return {.usd = usd, .tokens = tokens}; }
constexpr Amount kNothing{.usd = 0, .tokens = 0, .requests = 0};

TEST(Budget, LeavesRoomUpToTheCeilingAndNotBeyond) {
  Budget budget({.usd = 1}, kNothing);
  EXPECT_EQ(budget.room(amount(1)), Room::kYes);
  EXPECT_EQ(budget.room(amount(1.01)), Room::kNo);
  budget.reserve(amount(0.75));
  EXPECT_EQ(budget.room(amount(0.25)), Room::kYes);
  EXPECT_EQ(budget.room(amount(0.5)), Room::kLater) << "the first may turn out cheaper";
  budget.settle(amount(0.75), amount(0.25));
  EXPECT_EQ(budget.room(amount(0.75)), Room::kYes);
  EXPECT_EQ(budget.room(amount(0.76)), Room::kNo);
}

TEST(Budget, AnUnknownCostStaysAtItsWorst) {
  Budget budget({.usd = 1}, kNothing);
  budget.reserve(amount(0.75, 10));
  budget.settle(amount(0.75, 10), std::nullopt);
  EXPECT_EQ(budget.spent().usd, 0.75);
  EXPECT_EQ(budget.spent().tokens, 10);
  EXPECT_EQ(budget.room(amount(0.5)), Room::kNo);
}

TEST(Budget, TokensAndRequestsHaveCeilingsOfTheirOwn) {
  Budget budget({.usd = 0, .tokens = 100, .requests = 3}, {.usd = 5, .tokens = 40, .requests = 1});
  EXPECT_EQ(budget.room(amount(1e9, 60)), Room::kYes) << "no ceiling on money";
  EXPECT_EQ(budget.room(amount(0, 61)), Room::kNo);
  budget.reserve(amount(0, 60));
  EXPECT_EQ(budget.room(amount(0, 1)), Room::kLater);
  budget.settle(amount(0, 60), amount(0, 0));
  budget.reserve(amount(0, 1));
  EXPECT_EQ(budget.room(amount(0, 1)), Room::kNo) << "three requests were made, whatever they cost";
}

// 64 at a time, random costs, some never known: at no time more than the ceiling, and every refusal
// was needed.
TEST(Budget, IsNeverPassedByAnyInterleaving) {
  for (const uint64_t seed : {1, 2, 3}) {
    Rng rng(seed);
    const Ceilings ceilings{.usd = 500, .tokens = 3'000'000, .requests = 0};
    Budget budget(ceilings, kNothing);
    std::vector<Amount> under_way;
    double paid = 0;
    int64_t started = 0;
    for (int i = 0; i < 100'000; ++i) {
      if (under_way.size() < 64 && rng.chance(0.5)) {
        const Amount worst = amount(rng.uniform(0, 0.1), rng.below(500));
        if (budget.room(worst) == Room::kYes) {
          budget.reserve(worst);
          under_way.push_back(worst);
          ++started;
        } else if (under_way.empty()) {
          EXPECT_EQ(budget.room(worst), Room::kNo);
        }
      } else if (!under_way.empty()) {
        const auto at = static_cast<size_t>(rng.below(static_cast<int64_t>(under_way.size())));
        const Amount worst = under_way[at];
        under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(at));
        const double share = rng.uniform();
        paid += share * worst.usd;
        if (rng.chance(0.1))
          budget.settle(worst, std::nullopt);
        else
          budget.settle(worst, amount(share * worst.usd, worst.tokens / 2));
      }
      ASSERT_LE(budget.spent().usd + budget.reserved().usd, ceilings.usd + 1e-9);
      ASSERT_LE(budget.spent().tokens + budget.reserved().tokens, ceilings.tokens);
      ASSERT_LE(paid, budget.spent().usd + 1e-9);
    }
    EXPECT_GT(started, 10'000);
    EXPECT_GT(budget.spent().usd, 400) << "the ceiling was reached, so it was tested";
  }
}

}  // namespace
}  // namespace ballast::orchestrator
