// From what the search knows to what prompts are made of (prompts/facts.h).
//
// Nothing here depends on clocks, durations or on rows that a replay would not have.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/rng.h"
#include "orchestrator/ledger.h"
#include "orchestrator/operator_choice.h"
#include "orchestrator/search_config.h"
#include "population/archive.h"
#include "prompts/facts.h"

namespace ballast::orchestrator {

prompts::Task task_of(const SearchConfig& config);

struct FactsSource {
  const SearchConfig& config;
  const Ledger& ledger;
  std::span<const Made> made;  // every proposal, in order
  const population::Archive& archive;
  std::string notes;
  std::vector<std::string> suggestions;
};

// `parents`: entries, the main one first. Of other candidates it shows the best (two) and others
// (two, drawn with `rng`), the best last; of what failed the last models' proposals. Deterministic
// in the source, the parents and `rng`. Reads the archive for the few candidates that it shows.
prompts::Facts facts_for(const FactsSource& source, const std::vector<size_t>& parents, Rng& rng);

// Only the parents, as a question to mend a text shows them.
prompts::Facts parents_only(const FactsSource& source, const std::vector<size_t>& parents);

// For the notes: candidates with a verdict (measured at the first rung, or failed) whose proposal
// has the place `from` in `made` or a later one; of many the last `most`.
std::vector<prompts::Result> results_for_notes(const FactsSource& source, size_t from, size_t most);

}  // namespace ballast::orchestrator
