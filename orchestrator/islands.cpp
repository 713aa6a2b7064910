#include "orchestrator/islands.h"

#include <algorithm>
#include <cassert>

namespace ballast::orchestrator {

int island_of_proposal(int64_t number, int islands) {
  assert(number >= 1 && islands >= 1);
  return static_cast<int>((number - 1) % islands);
}

bool starts_everywhere(const SearchConfig& config, std::string_view text_name) {
  const auto& first = config.first_seeds;
  return text_name == config.reference ||
         std::find(first.begin(), first.end(), text_name) != first.end();
}

std::vector<int> islands_of_seed(const SearchConfig& config, std::string_view text_name,
                                 int64_t index) {
  if (!starts_everywhere(config, text_name)) return {static_cast<int>(index % config.islands)};
  std::vector<int> all;
  for (int i = 0; i < config.islands; ++i) all.push_back(i);
  return all;
}

bool migration_due(const SearchConfig& config, int64_t accepted_children) {
  return config.islands > 1 && config.migration_every > 0 && accepted_children > 0 &&
         accepted_children % config.migration_every == 0;
}

std::vector<Migrant> migrants(const Ledger& ledger) {
  const SearchConfig& config = ledger.config();
  std::vector<Migrant> out;
  for (int from = 0; from < config.islands; ++from) {
    const int to = (from + 1) % config.islands;
    std::vector<Elite> best = elites(ledger, from);
    best.resize(std::min(best.size(), static_cast<size_t>(config.migration_size)));
    for (const Elite& elite : best) {
      const Entry& entry = ledger.entries()[elite.entry];
      if (entry.lives_on(from) && !entry.lives_on(to)) out.push_back({elite.entry, from, to});
    }
  }
  return out;
}

}  // namespace ballast::orchestrator
