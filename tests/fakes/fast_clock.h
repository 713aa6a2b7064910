// A clock on which an hour passes in seconds, so that pauses between attempts cost a test nothing.
// Thread-safe.
#pragma once

#include "common/clock.h"

namespace ballast::fakes {

class FastClock final : public Clock {
 public:
  explicit FastClock(double speed) : speed_(speed), start_(real_.monotonic()) {}
  int64_t wall_ns() const override {
    return 1'795'563'747'000'000'000 + static_cast<int64_t>((monotonic()) * 1e9);  // Nov 2026
  }
  double monotonic() const override { return (real_.monotonic() - start_) * speed_; }

 private:
  SystemClock real_;
  double speed_;
  double start_;
};

}  // namespace ballast::fakes
