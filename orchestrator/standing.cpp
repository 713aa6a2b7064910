#include "orchestrator/standing.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace ballast::orchestrator {

using evaluator::MeanPrior;
using evaluator::Measured;
using evaluator::Summary;
using evaluator::VariancePrior;

namespace {

// By entry, as Roster::Rung::estimates.
const std::vector<Measured>& standings(const Ledger& ledger, int rung) {
  return ledger.derived().standings[rung].get(ledger.roster().upper_changes(), [&] {
    return shrunk(ledger.roster().rung(rung).estimates.summaries, variance_prior(ledger));
  });
}

Measured first_rung_measured(const Ledger& ledger, double mean) {
  return {mean, standard_error({.pairs = 1, .mean = mean, .variance = {}}, variance_prior(ledger))};
}

const std::optional<MeanPrior>& first_rung_prior(const Ledger& ledger) {
  const Roster& roster = ledger.roster();
  const uint64_t now = roster.rung(1).estimates_changed + roster.upper_changes();
  return ledger.derived().first_rung_prior.get(now, [&]() -> std::optional<MeanPrior> {
    const Ranking& means = roster.first_rung();
    if (means.size() == 0) return std::nullopt;
    const double centre = means.median(),
                 error = first_rung_measured(ledger, centre).standard_error;
    return evaluator::mean_prior(means.size(), centre, means.median_distance(centre),
                                 error * error);
  });
}

}  // namespace

const std::optional<VariancePrior>& variance_prior(const Ledger& ledger) {
  const Roster& roster = ledger.roster();
  return ledger.derived().variance_prior.get(roster.upper_changes(), [&] {
    std::vector<Summary> summaries;
    for (int rung = 2; rung <= ledger.rungs(); ++rung)
      for (const auto* list : {&roster.rung(rung).builtins, &roster.rung(rung).estimates})
        summaries.insert(summaries.end(), list->summaries.begin(), list->summaries.end());
    return evaluator::fit_prior(summaries);
  });
}

double standard_error(const Summary& summary, const std::optional<VariancePrior>& prior) {
  if (const auto estimate = evaluator::moderate(summary, prior)) return estimate->standard_error;
  return prior ? std::sqrt(prior->variance / static_cast<double>(summary.pairs)) : 0;
}

std::vector<Measured> shrunk(std::span<const Summary> summaries,
                             const std::optional<VariancePrior>& prior) {
  std::vector<Measured> out;
  out.reserve(summaries.size());
  for (const Summary& summary : summaries)
    out.push_back({summary.mean, standard_error(summary, prior)});
  const auto means = evaluator::fit_mean_prior(out);
  for (Measured& one : out) one = evaluator::shrink(one, means);
  return out;
}

std::optional<Measured> standing(const Ledger& ledger, size_t index, int rung) {
  const Entry& entry = ledger.entries()[index];
  const auto& estimate = entry.estimates[static_cast<size_t>(rung - 1)];
  if (!estimate || entry.builtin) return std::nullopt;
  if (rung == 1)
    return evaluator::shrink(first_rung_measured(ledger, estimate->mean), first_rung_prior(ledger));
  const std::vector<size_t>& entries = ledger.roster().rung(rung).estimates.entries;
  const auto place = std::ranges::lower_bound(entries, index) - entries.begin();
  return standings(ledger, rung)[static_cast<size_t>(place)];
}

Standing standing(const Ledger& ledger, size_t index) {
  const Entry& entry = ledger.entries()[index];
  const int rung = entry.highest_rung();
  return {*standing(ledger, index, rung), entry.estimates[static_cast<size_t>(rung - 1)]->mean,
          index};
}

bool better(const Standing& a, const Standing& b) {
  return std::tuple(a.believed.mean, a.measured, a.entry) <
         std::tuple(b.believed.mean, b.measured, b.entry);
}

const std::vector<Standing>& upper_standings(const Ledger& ledger) {
  const Roster& roster = ledger.roster();
  uint64_t now = roster.upper_changes();
  for (int rung = 2; rung <= ledger.rungs(); ++rung) now += roster.rung(rung).finished_changed;
  return ledger.derived().upper.get(now, [&] {
    std::vector<Standing> out;
    for (int rung = 2; rung <= ledger.rungs(); ++rung) {
      const Roster::Estimates& estimates = roster.rung(rung).estimates;
      const std::vector<Measured>& believed = standings(ledger, rung);
      for (size_t i = 0; i < believed.size(); ++i) {
        const Entry& entry = ledger.entries()[estimates.entries[i]];
        if (!entry.failed && entry.highest_rung() == rung)
          out.push_back({believed[i], estimates.summaries[i].mean, estimates.entries[i]});
      }
    }
    return out;
  });
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
