#include "orchestrator/elites.h"

#include <algorithm>

#include "orchestrator/standing.h"

namespace ballast::orchestrator {
std::vector<Elite> best(const Ledger& ledger, size_t most,
                        const std::function<bool(size_t)>& wanted) {
  std::vector<Standing> found;  // a heap with the worst in front, once there are enough
  const Ranking& first = ledger.roster().first_rung_only();  // in the order of what is believed
  for (size_t i = 0; i < first.size() && found.size() < most; ++i)
    if (wanted(first[i].entry)) found.push_back(standing(ledger, first[i].entry));
  std::ranges::make_heap(found, better);
  for (const Standing& one : upper_standings(ledger)) {
    const bool full = found.size() >= most;
    if (full && (found.empty() || !better(one, found.front()))) continue;
    if (!wanted(one.entry)) continue;
    if (full) {
      std::ranges::pop_heap(found, better);
      found.pop_back();
    }
    found.push_back(one);
    std::ranges::push_heap(found, better);
  }
  std::ranges::sort_heap(found, better);
  std::vector<Elite> out;
  for (const Standing& one : found)
    out.push_back(
        {one.entry,
         {one.believed.mean, one.believed.standard_error, ledger.entries()[one.entry].children}});
  return out;
}

std::vector<Elite> elites(const Ledger& ledger, std::optional<int> island) {
  const auto most = static_cast<size_t>(ledger.config().elites);
  std::vector<Elite> out;
  if (island)
    out = best(ledger, most, [&](size_t i) { return ledger.entries()[i].lives_on(*island); });
  if (out.empty()) out = best(ledger, most, [](size_t) { return true; });
  if (!out.empty()) return out;
  // Nobody has been measured: the failed ones, unless somebody still may be.
  for (size_t i = 0; i < ledger.entries().size(); ++i) {
    const Entry& entry = ledger.entries()[i];
    if (entry.builtin) continue;
    if (!entry.failed) return {};
    out.push_back({i, {0, 0, entry.children}});
  }
  return out;
}

}  // namespace ballast::orchestrator
