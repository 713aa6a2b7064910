#include "orchestrator/standing.h"

#include <cmath>

namespace ballast::orchestrator {

using evaluator::Measured;
using evaluator::Summary;
using evaluator::VariancePrior;

std::optional<VariancePrior> variance_prior(const Ledger& ledger) {
  auto& kept = ledger.derived().prior;
  if (kept) return *kept;
  std::vector<Summary> summaries;
  for (size_t i = 0; i < ledger.entries().size(); ++i) {
    const Entry& entry = ledger.entries()[i];
    if (i == ledger.reference() || (entry.builtin && entry.track == "none")) continue;
    for (size_t r = 1; r < entry.estimates.size(); ++r)
      if (entry.estimates[r]) summaries.push_back(*entry.estimates[r]);
  }
  kept = evaluator::fit_prior(summaries);
  return *kept;
}

double standard_error(const Summary& summary, const std::optional<VariancePrior>& prior) {
  if (const auto estimate = evaluator::moderate(summary, prior)) return estimate->standard_error;
  return prior ? std::sqrt(prior->variance / static_cast<double>(summary.pairs)) : 0;
}

std::vector<std::optional<Measured>> shrunk(const std::vector<std::optional<Summary>>& summaries,
                                            const std::optional<VariancePrior>& prior) {
  std::vector<std::optional<Measured>> out(summaries.size());
  std::vector<Measured> measured;
  for (size_t i = 0; i < summaries.size(); ++i) {
    if (!summaries[i]) continue;
    out[i] = Measured{summaries[i]->mean, standard_error(*summaries[i], prior)};
    measured.push_back(*out[i]);
  }
  const auto means = evaluator::fit_mean_prior(measured);
  for (auto& one : out)
    if (one) one = evaluator::shrink(*one, means);
  return out;
}

const std::vector<std::optional<Measured>>& standings(const Ledger& ledger, int rung) {
  auto& kept = ledger.derived().standings[static_cast<size_t>(rung - 1)];
  if (!kept) {
    std::vector<std::optional<Summary>> summaries(ledger.entries().size());
    for (size_t i = 0; i < summaries.size(); ++i) {
      const Entry& entry = ledger.entries()[i];
      if (!entry.builtin) summaries[i] = entry.estimates[static_cast<size_t>(rung - 1)];
    }
    kept = shrunk(summaries, variance_prior(ledger));
  }
  kept->resize(ledger.entries().size());  // those that came since have no estimate
  return *kept;
}

std::optional<Change> change_from(const Entry& child, const Entry& parent) {
  for (size_t r = child.scores.size(); r-- > 0;) {
    std::vector<double> differences;
    for (size_t i = 0; i < child.scores[r].size(); ++i)
      if (child.scores[r][i] && parent.scores[r][i])
        differences.push_back(*child.scores[r][i] - *parent.scores[r][i]);
    if (!differences.empty()) return Change{evaluator::summarise(differences), r};
  }
  return std::nullopt;
}

}  // namespace ballast::orchestrator
