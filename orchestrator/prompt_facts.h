// What a model is told: from what the search knows to the plain data that prompts are made of.
//
// The ledger says what is measured; the archive is asked for the metrics behind that, and for
// nothing else: neither clocks, durations nor rows that this search did not ask for play a part, so
// a replay makes the same prompts.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "common/rng.h"
#include "orchestrator/facts_memory.h"
#include "orchestrator/ledger.h"
#include "orchestrator/operator_choice.h"
#include "orchestrator/search_config.h"
#include "population/archive.h"
#include "prompts/facts.h"

namespace ballast::orchestrator {

constexpr size_t kTopInspirations = 2, kArchiveInspirations = 2;
constexpr size_t kShownFailures = 5;
constexpr size_t kFailuresLookedAt = 20;  // the newest, for as many different ones as there are
constexpr size_t kShownSteps = 4;         // of the line that led to a parent

prompts::Task task_of(const SearchConfig& config);

// Borrows what it refers to.
struct FactsSource {
  const SearchConfig& config;
  const Ledger& ledger;
  std::span<const Made> made;
  const population::Archive& archive;
  FactsMemory& memory;  // of these four
  std::string notes;
  std::vector<std::string> suggestions;
};

// `parents`: indices among the ledger's entries, the main one first; none of a built-in.
// Deterministic in the source, the parents and `rng`.
//
// Differences are those of each candidate's highest rung, with the leaderboard's standard error:
// shrunk to what all variances say, none below two pairs. The steps of a parent's line begin with
// the one that made it. Inspirations are the best by their standing and others drawn from all that
// are measured, the best of them last. Failures are of models' proposals.
prompts::Facts facts_for(const FactsSource& source, const std::vector<size_t>& parents, Rng& rng);

// The parents alone, which is what a question to mend a text shows.
prompts::Facts parents_only(const FactsSource& source, const std::vector<size_t>& parents);

// For the notes: candidates with a verdict (measured at the first rung, or failed) that proposals
// from number `from` (counted from 0) on have made; the newest `most` of them, the oldest first.
std::vector<prompts::Result> results_for_notes(const FactsSource& source, size_t from, size_t most);

}  // namespace ballast::orchestrator
