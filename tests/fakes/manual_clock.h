// A clock that moves when the test says so. Thread-safe.
#pragma once

#include <atomic>

#include "common/clock.h"

namespace ballast::fakes {

class ManualClock final : public Clock {
 public:
  int64_t wall_ns() const override { return wall_ns_.load(); }
  double monotonic() const override { return static_cast<double>(monotonic_ns_.load()) * 1e-9; }

  // Both clocks go forward.
  void advance(double seconds) {
    const auto ns = static_cast<int64_t>(seconds * 1e9);
    wall_ns_ += ns;
    monotonic_ns_ += ns;
  }
  // Somebody sets the wall clock; durations do not notice.
  void jump_wall(double seconds) { wall_ns_ += static_cast<int64_t>(seconds * 1e9); }

 private:
  std::atomic<int64_t> wall_ns_{1'700'000'000'000'000'000};  // some day in 2023
  std::atomic<int64_t> monotonic_ns_{0};
};

}  // namespace ballast::fakes
