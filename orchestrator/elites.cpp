#include "orchestrator/elites.h"

#include <algorithm>
#include <cmath>

namespace ballast::orchestrator {

double standard_error(const evaluator::Summary& summary,
                      const std::optional<evaluator::VariancePrior>& prior) {
  if (const auto estimate = evaluator::moderate(summary, prior)) return estimate->standard_error;
  return prior ? std::sqrt(prior->variance / static_cast<double>(summary.pairs)) : 0;
}

std::optional<evaluator::VariancePrior> variance_prior(const Ledger& ledger) {
  std::vector<evaluator::Summary> summaries;
  for (size_t i = 0; i < ledger.entries().size(); ++i) {
    const Entry& entry = ledger.entries()[i];
    if (i == ledger.reference() || (entry.builtin && entry.track == "none")) continue;
    for (size_t r = 1; r < entry.estimates.size(); ++r)
      if (entry.estimates[r]) summaries.push_back(*entry.estimates[r]);
  }
  return evaluator::fit_prior(summaries);
}

std::vector<Elite> elites(const Ledger& ledger) {
  const std::optional<evaluator::VariancePrior> prior = variance_prior(ledger);
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
      const evaluator::Summary& estimate = *entry.estimates[static_cast<size_t>(rung - 1)];
      out.push_back({i, {estimate.mean, standard_error(estimate, prior), entry.children}});
    }
  }
  if (out.empty() && !undecided) return failed;
  std::stable_sort(out.begin(), out.end(),
                   [](const Elite& a, const Elite& b) { return a.option.mean < b.option.mean; });
  out.resize(std::min(out.size(), static_cast<size_t>(ledger.config().elites)));
  return out;
}

}  // namespace ballast::orchestrator
