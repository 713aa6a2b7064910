#include "orchestrator/recent.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ballast::orchestrator {
namespace {

struct Counted {
  std::string get(int key) {
    return recent.get(key, [&] {
      made.push_back(key);
      return std::to_string(key);
    });
  }
  Recent<int, std::string> recent{2};
  std::vector<int> made;
};

TEST(Recent, MakesAValueOnce) {
  Counted c;
  for (const int key : {1, 2, 1, 2, 2, 1}) EXPECT_EQ(c.get(key), std::to_string(key));
  EXPECT_EQ(c.made, (std::vector<int>{1, 2}));
}

TEST(Recent, ForgetsTheOneUsedLongestAgo) {
  Counted c;
  for (const int key : {1, 2, 1, 3, 1, 2, 1, 3}) EXPECT_EQ(c.get(key), std::to_string(key));
  EXPECT_EQ(c.made, (std::vector<int>{1, 2, 3, 2, 3}));
}

TEST(Recent, KeepsAValueWhileOthersAreAskedFor) {
  Counted c;
  const std::string& one = c.recent.get(1, [] { return std::string(100, 'x'); });
  c.get(2);
  EXPECT_EQ(one, std::string(100, 'x'));
}

}  // namespace
}  // namespace ballast::orchestrator
