#include "orchestrator/elites.h"

#include <algorithm>
#include <tuple>

#include "orchestrator/standing.h"

namespace ballast::orchestrator {
namespace {

// Of an entry that has an estimate, at its highest rung.
Elite elite_of(const Ledger& ledger, size_t index) {
  const Entry& entry = ledger.entries()[index];
  const auto& standing = standings(ledger, ledger.highest_rung(entry))[index];
  return {index, {standing->mean, standing->standard_error, entry.children}};
}

}  // namespace

std::vector<Elite> by_standing(const Ledger& ledger) {
  std::vector<Elite> out;
  for (size_t i = 0; i < ledger.entries().size(); ++i) {
    const Entry& entry = ledger.entries()[i];
    if (!entry.builtin && !entry.failed && ledger.highest_rung(entry) > 0)
      out.push_back(elite_of(ledger, i));
  }
  const auto place = [&](const Elite& elite) {
    const Entry& entry = ledger.entries()[elite.entry];
    return std::tuple(elite.option.mean,
                      entry.estimates[static_cast<size_t>(ledger.highest_rung(entry) - 1)]->mean);
  };
  std::stable_sort(out.begin(), out.end(),
                   [&](const Elite& a, const Elite& b) { return place(a) < place(b); });
  return out;
}

std::vector<Elite> elites(const Ledger& ledger, std::optional<int> island) {
  std::vector<Elite> out = by_standing(ledger);
  if (out.empty()) {
    for (size_t i = 0; i < ledger.entries().size(); ++i) {
      const Entry& entry = ledger.entries()[i];
      if (entry.builtin) continue;
      if (!entry.failed) return {};
      out.push_back({i, {0, 0, entry.children}});
    }
    return out;
  }
  std::vector<Elite> here;
  for (const Elite& elite : out)
    if (island && ledger.entries()[elite.entry].lives_on(*island)) here.push_back(elite);
  if (!here.empty()) out = std::move(here);
  out.resize(std::min(out.size(), static_cast<size_t>(ledger.config().elites)));
  return out;
}

}  // namespace ballast::orchestrator
