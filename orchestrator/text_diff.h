// Two texts, line by line.
#pragma once

#include <string>
#include <string_view>

namespace ballast::orchestrator {

// A unified diff with three lines of context, as `diff -u` and `patch` know it; empty when the
// texts are equal. Longest common subsequence by dynamic programming: for texts of thousands of
// lines, not more.
std::string unified_diff(std::string_view a, std::string_view name_a, std::string_view b,
                         std::string_view name_b);

}  // namespace ballast::orchestrator
