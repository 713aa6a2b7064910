#include "orchestrator/elites.h"

#include <algorithm>
#include <cmath>

namespace ballast::orchestrator {

PooledDeviation pooled_deviation(const Ledger& ledger) {
  double squares = 0, freedom = 0;
  for (const Entry& entry : ledger.entries()) {
    if (entry.builtin && coefficient_value(entry.coefficient) == 0) continue;
    for (int rung = 2; rung <= ledger.rungs(); ++rung) {
      const auto& estimate = entry.estimates[static_cast<size_t>(rung - 1)];
      if (!estimate || !estimate->standard_error || &entry == &ledger.entries()[ledger.reference()])
        continue;
      const auto n = static_cast<double>(estimate->pairs);
      squares += (n - 1) * n * *estimate->standard_error * *estimate->standard_error;
      freedom += n - 1;
    }
  }
  return {freedom > 0 ? std::sqrt(squares / freedom) : 0, freedom};
}

std::vector<Elite> elites(const Ledger& ledger) {
  const double deviation = pooled_deviation(ledger).deviation;
  std::vector<Elite> out, failed;
  bool undecided = false;
  for (size_t i = 0; i < ledger.entries().size(); ++i) {
    const Entry& entry = ledger.entries()[i];
    if (entry.builtin) continue;
    const int rung = ledger.highest_rung(entry);
    if (entry.failed) {
      failed.push_back({i, {0, 0, entry.children}});
    } else if (rung == 0) {
      undecided = true;
    } else {
      const PairedEstimate& estimate = *entry.estimates[static_cast<size_t>(rung - 1)];
      const double error = deviation / std::sqrt(static_cast<double>(estimate.pairs));
      out.push_back({i, {estimate.mean, error, entry.children}});
    }
  }
  if (out.empty() && !undecided) return failed;
  std::stable_sort(out.begin(), out.end(),
                   [](const Elite& a, const Elite& b) { return a.option.mean < b.option.mean; });
  out.resize(std::min(out.size(), static_cast<size_t>(ledger.config().elites)));
  return out;
}

}  // namespace ballast::orchestrator
