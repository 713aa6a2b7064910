// Islands: candidates that find their parents among themselves, so that a search follows more than
// one line at a time. Now and then each sends copies of its best to the next; a copy is a
// membership, not another training. What is new is judged over all of them (novelty.h).
//
// Pure functions. Islands are numbered from 0; with a single one nobody has a membership.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "orchestrator/elites.h"
#include "orchestrator/ledger.h"

namespace ballast::orchestrator {

// Where the child of a proposal is made and lives: one island after the other.
int island_of_proposal(int64_t number, int islands);

// True for a text that starts on every island: that of the reference, and those evaluated first.
bool starts_everywhere(const SearchConfig& config, std::string_view text_name);

// Where the index-th text to start from (from 0) lives: dealt out one by one.
std::vector<int> islands_of_seed(const SearchConfig& config, std::string_view text_name,
                                 int64_t index);

// True when the so-manieth accepted child makes the islands exchange.
bool migration_due(const SearchConfig& config, int64_t accepted_children);

struct Migrant {
  size_t entry = 0;
  int from = 0, to = 0;
  bool operator==(const Migrant&) const = default;
};
// The best `config.migration_size` elites of each island go to the next one (of the last: to the
// first), all at once; those that live there already do not count as sent and nobody goes in their
// place.
std::vector<Migrant> migrants(const Ledger& ledger);

}  // namespace ballast::orchestrator
