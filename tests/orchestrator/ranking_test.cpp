#include "orchestrator/ranking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "common/rng.h"
#include "evaluator/statistics.h"

namespace ballast::orchestrator {
namespace {

TEST(Ranking, OrdersByValueThenByAge) {
  Ranking ranking;
  ranking.set(4, 1.0), ranking.set(2, 3.0), ranking.set(0, 1.0), ranking.set(7, -2.0);
  ASSERT_EQ(ranking.size(), 4u);
  EXPECT_EQ(ranking[0].entry, 7u);
  EXPECT_EQ(ranking[1].entry, 0u);
  EXPECT_EQ(ranking[2].entry, 4u);
  EXPECT_EQ(ranking[3].entry, 2u);
  EXPECT_EQ(ranking.before({1.0, 4}), 2u);
  EXPECT_EQ(ranking.before({9.0, 0}), 4u);
  ranking.set(7, std::nullopt), ranking.set(9, std::nullopt);
  ranking.set(0, 5.0);
  ASSERT_EQ(ranking.size(), 3u);
  EXPECT_EQ(ranking[0].entry, 4u);
  EXPECT_EQ(ranking[2].entry, 0u);
}

// Against the same from plain lists, at every size and with equal values.
TEST(Ranking, KnowsItsMedians) {
  Rng rng(1, "ranking");
  Ranking ranking;
  std::map<size_t, double> plain;
  for (int i = 0; i < 600; ++i) {
    const auto entry = static_cast<size_t>(rng.below(40));
    if (rng.below(4) == 0 && !plain.empty()) {
      ranking.set(entry, std::nullopt);
      plain.erase(entry);
    } else {
      const double value = std::round(4 * rng.normal()) / 2;
      ranking.set(entry, value);
      plain[entry] = value;
    }
    ASSERT_EQ(ranking.size(), plain.size());
    if (plain.empty()) continue;
    std::vector<double> values, distances;
    for (const auto& [_, value] : plain) values.push_back(value);
    EXPECT_EQ(ranking.median(), evaluator::median(values)) << i;
    for (const double centre : {ranking.median(), -9.0, 0.3, 9.0}) {
      distances.clear();
      for (const double value : values) distances.push_back(std::abs(value - centre));
      EXPECT_EQ(ranking.median_distance(centre), evaluator::median(distances))
          << i << " " << centre;
    }
  }
}

}  // namespace
}  // namespace ballast::orchestrator
