// Student's t quantiles against printed tables and closed forms.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "orchestrator/measure.h"

namespace ballast::orchestrator {
namespace {

TEST(StudentQuantile, IsThatOfThePrintedTables) {
  EXPECT_NEAR(student_quantile(0.975, 1), 12.7062, 1e-4);
  EXPECT_NEAR(student_quantile(0.975, 2), 4.30265, 1e-5);
  EXPECT_NEAR(student_quantile(0.95, 5), 2.01505, 1e-5);
  EXPECT_NEAR(student_quantile(0.975, 10), 2.22814, 1e-5);
  EXPECT_NEAR(student_quantile(0.995, 30), 2.75000, 1e-5);
  EXPECT_NEAR(student_quantile(0.025, 10), -2.22814, 1e-5);
}

// One degree of freedom is Cauchy's distribution, two have a closed form as well.
TEST(StudentQuantile, IsThatOfTheClosedForms) {
  for (const double p : {0.01, 0.2, 0.5, 0.7, 0.999}) {
    EXPECT_NEAR(student_quantile(p, 1), std::tan(std::numbers::pi * (p - 0.5)), 1e-6) << p;
    EXPECT_NEAR(student_quantile(p, 2), (2 * p - 1) / std::sqrt(2 * p * (1 - p)), 1e-6) << p;
  }
}

}  // namespace
}  // namespace ballast::orchestrator
