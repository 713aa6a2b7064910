// The learning rate of each step: linear warm-up, constant, linear decay to 10 % of the peak.
#pragma once

#include <cstdint>

#include "common/spec.h"

namespace ballast::trainer {

// Throws Error (usage) naming the field when the schedule makes no sense.
void check_schedule(const ScheduleSpec& schedule);

// step in [0, steps).
double learning_rate(const ScheduleSpec& schedule, int64_t step, int64_t steps);

}  // namespace ballast::trainer
