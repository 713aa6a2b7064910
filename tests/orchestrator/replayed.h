// A recorded search, repeated with fakes.
#pragma once

#include <gtest/gtest.h>

#include "orchestrator/replay_run.h"
#include "population/reader.h"
#include "tests/orchestrator/small_search.h"

namespace ballast::orchestrator {

inline const std::function<void(const ReplayProgress&)> kQuiet = [](const ReplayProgress&) {};

inline population::Record record_of(const std::string& path) {
  return population::Reader(path).record();
}

inline ReplayEnd replay(const population::Record& record, const SearchConfig& config) {
  fakes::FakeSandbox probes;
  const SystemClock clock;
  population::Archive out(":memory:", clock);
  ReplayEnd end = replay_run(record, [&](const population::SessionRow&) { return config; }, probes,
                             out, kQuiet, {});
  EXPECT_EQ(probes.trains(), 0);
  return end;
}

inline void expect_same(const ReplayEnd& end, const std::string& digest) {
  EXPECT_EQ(end.difference, "") << end.trouble;
  EXPECT_EQ(end.recorded, digest);
  EXPECT_EQ(end.repeated, digest);
}

}  // namespace ballast::orchestrator
