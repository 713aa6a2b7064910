// The archive's schema: numbered steps for the tables, and the views, which are made anew whenever
// the version changes. People read these views and tables: docs/archive.md describes them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace ballast::population {

// In the file's header, at byte 68: "Blst".
constexpr int64_t kApplicationId = 0x426c7374;

// steps[i] is SQL that leads from version i to version i + 1. A step that has been released is
// never changed: what comes later is a new step at the end.
struct Schema {
  std::vector<std::string_view> steps;
  std::string_view views;  // SQL without DROP; every view of an older version is dropped first

  int version() const { return static_cast<int>(steps.size()); }
};

const Schema& current_schema();

}  // namespace ballast::population
