// The leaderboard as people see it: candidates in order, each with what its figures are worth.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evaluator/statistics.h"
#include "orchestrator/terminal.h"
#include "population/reader.h"

namespace ballast::orchestrator {

struct Ranked {
  int64_t rank = 0;  // from 1: what `@rank` means; 0 for built-ins, which have names
  population::LeaderboardRow row;
};

// Built-ins first, then candidates: those of a higher rung first, within a rung by mean difference.
std::vector<Ranked> ranked(std::vector<population::LeaderboardRow> rows);

// The interval that holds the true difference with 95 % confidence (Student's t over the pairs),
// for one row alone: nothing is taken off for its being one of many. Infinite below two pairs.
evaluator::Interval interval_of(int64_t pairs, double mean, const std::optional<double>& error);

bool is_builtin(const population::LeaderboardRow& row);
std::string short_id(const std::string& identity);  // 8 digits, or "builtin"

// A table of the built-ins and one per track, at most `most` rows each, with a legend.
std::string leaderboard_text(const std::vector<Ranked>& rows, const Terminal& terminal,
                             size_t most);

// JSON array of the same rows; every column of the view, "rank" (null for built-ins) and "interval"
// ([low, high], null below two pairs).
std::string leaderboard_json(const std::vector<Ranked>& rows);

}  // namespace ballast::orchestrator
