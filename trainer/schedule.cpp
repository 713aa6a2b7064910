#include "trainer/schedule.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "common/error.h"

namespace ballast::trainer {
namespace {

constexpr double kFloor = 0.1;  // of the peak, reached at the last step

}  // namespace

void check_schedule(const ScheduleSpec& s) {
  const auto check = [](bool ok, const std::string& what) {
    if (!ok) throw Error("schedule." + what, ExitCode::kUsage);
  };
  check(s.sequence >= 1, "sequence must be at least 1");
  check(s.sequences >= 1, "sequences must be at least 1");
  check(s.micro_batches >= 1, "micro_batches must be at least 1");
  check(s.window == "step" || s.window == "buffer",
        "window \"" + s.window + "\" must be \"step\" or \"buffer\"");
  check(std::isfinite(s.learning_rate) && s.learning_rate > 0, "learning_rate must be positive");
  check(s.weight_decay >= 0, "weight_decay must not be negative");
  check(s.beta1 >= 0 && s.beta1 < 1, "beta1 must lie in [0, 1)");
  check(s.beta2 >= 0 && s.beta2 < 1, "beta2 must lie in [0, 1)");
  check(s.warmup >= 0 && s.decay >= 0 && s.warmup + s.decay <= 1,
        "warmup and decay must be shares of the steps that add up to at most 1");
}

double learning_rate(const ScheduleSpec& s, int64_t step, int64_t steps) {
  const auto n = static_cast<double>(steps), i = static_cast<double>(step);
  const double warm = s.warmup > 0 ? std::min(1.0, (i + 1) / std::max(1.0, s.warmup * n)) : 1.0;
  const double left = (n - 1 - i) / std::max(1.0, s.decay * n);  // 0 at the last step
  const double cool = s.decay > 0 ? kFloor + (1 - kFloor) * std::min(1.0, left) : 1.0;
  return s.learning_rate * std::min(warm, cool);
}

}  // namespace ballast::trainer
