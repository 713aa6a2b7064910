#include "trainer/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"

namespace ballast::trainer {
namespace {

TEST(Schedule, WarmsUpHoldsAndCoolsToATenth) {
  ScheduleSpec s;
  s.learning_rate = 2;
  s.warmup = 0.1;
  s.decay = 0.4;
  EXPECT_DOUBLE_EQ(learning_rate(s, 0, 100), 0.2);  // 1/10 of the warm-up
  EXPECT_DOUBLE_EQ(learning_rate(s, 9, 100), 2);
  EXPECT_DOUBLE_EQ(learning_rate(s, 59, 100), 2);  // 40 steps before the last
  EXPECT_DOUBLE_EQ(learning_rate(s, 79, 100), 2 * (0.1 + 0.9 * 0.5));
  EXPECT_DOUBLE_EQ(learning_rate(s, 99, 100), 0.2);
}

TEST(Schedule, WithoutWarmUpAndDecayIsConstant) {
  ScheduleSpec s;
  s.learning_rate = 3;
  s.warmup = s.decay = 0;
  for (int64_t step = 0; step < 5; ++step) EXPECT_EQ(learning_rate(s, step, 5), 3);
}

TEST(Schedule, NamesTheFieldThatMakesNoSense) {
  const auto checked = [](auto&& change) {
    return [change] {
      ScheduleSpec s;
      change(s);
      check_schedule(s);
    };
  };
  using testing::HasSubstr;
  using testing::ThrowsMessage;
  EXPECT_THAT(checked([](auto& s) { s.window = "epoch"; }),
              ThrowsMessage<Error>(HasSubstr("window")));
  EXPECT_THAT(checked([](auto& s) { s.warmup = 0.7; }), ThrowsMessage<Error>(HasSubstr("warmup")));
  EXPECT_THAT(checked([](auto& s) { s.beta2 = 1; }), ThrowsMessage<Error>(HasSubstr("beta2")));
  EXPECT_THAT(checked([](auto& s) { s.learning_rate = -1; }),
              ThrowsMessage<Error>(HasSubstr("learning_rate")));
  EXPECT_THAT(checked([](auto& s) { s.micro_batches = 0; }),
              ThrowsMessage<Error>(HasSubstr("micro_batches")));
}

}  // namespace
}  // namespace ballast::trainer
