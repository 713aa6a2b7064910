#include "orchestrator/retrain.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <set>

#include "tests/orchestrator/small_search.h"

namespace ballast::orchestrator {
namespace {

class Retrain : public testing::Test {
 protected:
  Retrain()
      : path_(testing::TempDir() + "retrain_" + std::to_string(getpid()) + ".db"),
        search_(small_config(40), path_) {
    search_.run();
    record_ = population::Reader(path_).record();
  }

  std::vector<Retrained> train(const std::vector<size_t>& rows) {
    evaluator::EvaluatorConfig settings;
    settings.spec = search_.config().spec;
    settings.data_folder = "/data";
    settings.domains = {"c", "man"};
    settings.workers = 2;
    evaluator::Evaluator pool(settings, search_.sandbox, clock_);
    return retrain(record_, rows, search_.config().rungs.back().tokens, pool, [](size_t) {}, {});
  }
  std::vector<size_t> rows(size_t count) {
    return rows_to_retrain(record_, "test", spec_hash(search_.config().spec), count);
  }

  std::string path_;
  SystemClock clock_;
  SmallSearch search_;
  population::Record record_;
};

TEST_F(Retrain, ComparesEveryValueAndFindsNoDifference) {
  const std::vector<Retrained> done = train(rows(6));
  ASSERT_EQ(done.size(), 6u);
  for (const Retrained& row : done) {
    EXPECT_EQ(row.difference, "") << row.name;
    EXPECT_GT(row.values, 60);
  }
}

TEST_F(Retrain, NamesTheValueThatDiffersInItsLastBit) {
  const std::vector<size_t> chosen = rows(3);
  double& value = record_.evaluations[chosen[1]].metrics.arrays.at("layer_load")[4];
  value = std::nextafter(value, 2);
  const std::vector<Retrained> done = train(chosen);
  EXPECT_EQ(done[0].difference, "");
  EXPECT_NE(done[1].difference.find("layer_load[4]"), std::string::npos) << done[1].difference;
  EXPECT_EQ(done[2].difference, "");
}

TEST_F(Retrain, SpreadsItsRowsAndTakesOnlyThoseOfThisBuild) {
  const std::vector<size_t> some = rows(4);
  EXPECT_EQ(std::set<size_t>(some.begin(), some.end()).size(), 4u);
  EXPECT_LT(some.front(), 10u);
  EXPECT_GT(some.back(), 29u);
  EXPECT_EQ(rows(1000).size(), 40u);
  EXPECT_TRUE(rows_to_retrain(record_, "other", spec_hash(search_.config().spec), 4).empty());
}

}  // namespace
}  // namespace ballast::orchestrator
