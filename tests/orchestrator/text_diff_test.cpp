#include "orchestrator/text_diff.h"

#include <gtest/gtest.h>

namespace ballast::orchestrator {
namespace {

// What `diff -u a b` prints for these files.
TEST(UnifiedDiff, IsWhatDiffPrints) {
  EXPECT_EQ(unified_diff("a\nb\nc\nd\ne\nf\ng\nh\n", "a", "a\nb\nc\nd\nE\nf\ng\nh\ni\n", "b"),
            "--- a\n+++ b\n@@ -2,7 +2,8 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n+i\n");
  EXPECT_EQ(unified_diff("x\n", "a", "", "b"), "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n");
  EXPECT_EQ(unified_diff("", "a", "x\ny\n", "b"), "--- a\n+++ b\n@@ -0,0 +1,2 @@\n+x\n+y\n");
}

TEST(UnifiedDiff, SplitsHunksThatAreFarApart) {
  std::string a, b;
  for (int i = 0; i < 20; ++i) {
    a += std::to_string(i) + "\n";
    b += (i == 2 || i == 17 ? "new" : std::to_string(i)) + "\n";
  }
  EXPECT_EQ(unified_diff(a, "a", b, "b"),
            "--- a\n+++ b\n@@ -1,6 +1,6 @@\n 0\n 1\n-2\n+new\n 3\n 4\n 5\n@@ -15,6 +15,6 @@\n 14\n "
            "15\n 16\n-17\n+new\n 18\n 19\n");
}

TEST(UnifiedDiff, OfEqualTextsIsEmpty) { EXPECT_EQ(unified_diff("a\nb", "a", "a\nb", "b"), ""); }

}  // namespace
}  // namespace ballast::orchestrator
