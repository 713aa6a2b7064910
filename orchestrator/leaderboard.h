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
  std::optional<evaluator::Estimate> estimate;  // see estimate_of()
};

// Built-ins first, then candidates: those of a higher rung first, within a rung by mean difference.
std::vector<Ranked> ranked(std::vector<population::LeaderboardRow> rows,
                           const std::optional<evaluator::VariancePrior>& prior = std::nullopt);
std::vector<Ranked> ranked(const population::Reader& archive);

// What the variances of an archive's estimates above the first rung say about one another; the
// reference and the built-in that does not balance left out, as in the search (standing.h).
std::optional<evaluator::VariancePrior> variance_prior(const population::Reader& archive);

// A difference with a standard error shrunk to the pooled variance of many candidates. nullopt
// below two pairs. `own_error`: from the pairs alone, as the archive holds it.
std::optional<evaluator::Estimate> estimate_of(
    int64_t pairs, double mean, const std::optional<double>& own_error,
    const std::optional<evaluator::VariancePrior>& prior);

// The interval that holds the true difference with 95 % confidence (Student's t), for one row
// alone: nothing is taken off for its being one of many. Infinite without an estimate.
evaluator::Interval interval_of(const std::optional<evaluator::Estimate>& estimate);

bool is_builtin(const population::LeaderboardRow& row);
std::string short_id(const std::string& identity);  // 8 digits, or "builtin"

// A table of the built-ins and one per track, at most `most` rows each, with a legend.
std::string leaderboard_text(const std::vector<Ranked>& rows, const Terminal& terminal,
                             size_t most);

// JSON array of the same rows; every column of the view, "rank" (null for built-ins),
// "shrunk_standard_error" and "interval" ([low, high] from it), null below two pairs.
std::string leaderboard_json(const std::vector<Ranked>& rows);

}  // namespace ballast::orchestrator
