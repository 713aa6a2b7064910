// One of the three seams: nothing else in Ballast reads the time.
#pragma once

#include <cstdint>

namespace ballast {

class Clock {
 public:
  virtual ~Clock() = default;
  // Nanoseconds since the Unix epoch, for display and for the archive. May jump.
  virtual int64_t wall_ns() const = 0;
  // Seconds from an arbitrary start, never going back: every duration and deadline uses this.
  virtual double monotonic() const = 0;
};

class SystemClock final : public Clock {
 public:
  int64_t wall_ns() const override;
  double monotonic() const override;
};

}  // namespace ballast
