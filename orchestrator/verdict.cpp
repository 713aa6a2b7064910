#include "orchestrator/verdict.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <utility>

#include "evaluator/statistics.h"
#include "orchestrator/ledger.h"
#include "orchestrator/replay.h"
#include "orchestrator/standing.h"

namespace ballast::orchestrator {
namespace {

constexpr double kConfidence = 0.95;  // of two-sided intervals
constexpr double kPower = 0.8;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kBuiltinRung = 2;  // where built-ins are compared

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", x);
  return text;
}

std::string interval_text(const PairedInterval& d) {
  std::string text = number(d.mean);
  if (d.pairs >= 2) text += " [" + number(d.low) + ", " + number(d.high) + "]";
  return text + ", " + std::to_string(d.pairs) + (d.pairs == 1 ? " pair" : " pairs");
}

// The variance is shrunk to the prior, where there is one.
PairedInterval interval(const evaluator::Summary& summary,
                        const std::optional<evaluator::VariancePrior>& prior, double level) {
  const evaluator::Interval unknown;
  PairedInterval out{summary.pairs, summary.mean, unknown.low, unknown.high};
  if (summary.pairs < 2) return out;
  const evaluator::Interval known =
      evaluator::confidence_interval(*evaluator::moderate(summary, prior), level);
  out.low = known.low;
  out.high = known.high;
  return out;
}

// Held-out MaxVio of the built-ins, by name and seed.
using MaxVio = std::map<std::string, std::map<uint64_t, double>>;

MaxVio builtin_max_vio(const Ledger& ledger,
                       const std::vector<population::EvaluationRow>& evaluations) {
  MaxVio out;
  for (const population::EvaluationRow& row : evaluations) {
    const auto want = ledger.want_of(row.key);
    if (!want || want->rung != kBuiltinRung || row.outcome != Outcome::kOk) continue;
    const Entry& entry = ledger.entries()[want->entry];
    const auto value = row.metrics.scalars.find("max_vio_global");
    if (entry.builtin && want->coefficient == entry.coefficient &&
        value != row.metrics.scalars.end())
      out[entry.name][row.key.seed] = value->second;
  }
  return out;
}

std::vector<OrderCheck> check_order(const SearchConfig& config, const MaxVio& vio) {
  constexpr std::pair<const char*, const char*> kOrder[] = {{"none", "micro_lbl"},
                                                            {"none", "global_lbl"},
                                                            {"micro_lbl", "loss_free"},
                                                            {"global_lbl", "loss_free"}};
  const auto configured = [&](std::string_view name) {
    return std::any_of(config.builtins.begin(), config.builtins.end(),
                       [&](const BuiltinConfig& b) { return b.name == name; });
  };
  std::vector<OrderCheck> checks;
  for (const auto& [more, less] : kOrder) {
    if (!configured(more) || !configured(less)) continue;
    std::vector<double> differences;
    if (vio.contains(more) && vio.contains(less))
      for (const auto& [seed, value] : vio.at(more))
        if (const auto it = vio.at(less).find(seed); it != vio.at(less).end())
          differences.push_back(value - it->second);
    OrderCheck check{more, less, {}, false};
    if (!differences.empty()) {
      check.difference = interval(evaluator::summarise(differences), std::nullopt, kConfidence);
      check.holds = check.difference.low > 0;
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

// Candidate - reference at its refined coefficient, on the seeds of the candidate's estimate.
std::optional<PairedInterval> against_refined(const Ledger& ledger, const Entry& candidate,
                                              int rung, double confidence) {
  const std::string refined = ledger.refined_reference();
  if (refined == ledger.entries()[ledger.reference()].coefficient) return std::nullopt;
  const auto& own = candidate.scores[static_cast<size_t>(rung - 1)];
  std::vector<double> differences;
  for (size_t seed = 0; seed < own.size(); ++seed) {
    const auto score = ledger.reference_score(rung, static_cast<int>(seed), refined);
    if (!own[seed] || !score) continue;
    if (std::isinf(*score)) return std::nullopt;
    differences.push_back(*own[seed] - *score);
  }
  const int64_t needed = candidate.estimates[static_cast<size_t>(rung - 1)]->pairs;
  PairedInterval out =
      interval(evaluator::summarise(differences), variance_prior(ledger), confidence);
  if (out.pairs < needed) out.low = -kInfinity, out.high = kInfinity;
  return out;
}

void judge_trials(const Ledger& ledger, const Entry& candidate, double confidence,
                  BestCandidate& out) {
  const Entry& reference = ledger.entries()[ledger.reference()];
  out.trials = static_cast<int64_t>(candidate.trials.size());
  out.reference_trials = static_cast<int64_t>(reference.trials.size());
  out.equal_trials = !ledger.next_reference_trial(candidate.trials.size());
  out.refined = ledger.refined_reference();
  out.against_refined = against_refined(ledger, candidate, out.rung, confidence);
}

// The best of those complete at the highest rung that anyone has completed.
std::optional<BestCandidate> find_best(const Ledger& ledger) {
  const auto prior = variance_prior(ledger);
  for (int rung = ledger.rungs(); rung >= 1; --rung) {
    const size_t r = static_cast<size_t>(rung - 1);
    const Entry* best = nullptr;
    int64_t compared = 0;
    for (const Entry& entry : ledger.entries()) {
      if (entry.builtin || !ledger.complete(entry, rung)) continue;
      ++compared;
      if (!best || entry.estimates[r]->mean < best->estimates[r]->mean) best = &entry;
    }
    if (!best) continue;
    const bool fresh = ledger.config().rungs[r].block == SeedBlock::kC;
    const double confidence = 1 - (1 - kConfidence) / static_cast<double>(compared);
    BestCandidate out;
    out.identity = best->identity;
    out.name = best->name;
    out.rung = rung;
    out.fresh = fresh;
    out.compared = compared;
    out.difference = interval(*best->estimates[r], prior, confidence);
    judge_trials(ledger, *best, confidence, out);
    return out;
  }
  return std::nullopt;
}

// Of a complete estimate at the last rung, its variance being what the prior says.
std::optional<double> smallest_difference(const Ledger& ledger) {
  const auto prior = variance_prior(ledger);
  if (!prior) return std::nullopt;
  const auto pairs = static_cast<double>(ledger.config().rungs.back().seeds);
  const double df = std::min(prior->df + pairs - 1, prior->pooled_df);
  const double found = evaluator::minimum_detectable_difference(std::sqrt(prior->variance / pairs),
                                                                df, 1 - kConfidence, kPower);
  if (!std::isfinite(found)) return std::nullopt;
  return found;
}

void put_trials_in_words(const SearchConfig& config, Verdict& v) {
  const BestCandidate& best = *v.best;
  std::string line = "coefficient trials: " + best.name + " had " + std::to_string(best.trials) +
                     ", " + config.reference + " " + std::to_string(best.reference_trials);
  if (!best.equal_trials)
    line += ": nothing is called better before they are equal; the same search goes on with them";
  else if (best.reference_trials < best.trials)
    line += ", and none is left that could be better";
  v.lines.push_back(line);
  if (best.against_refined)
    v.lines.push_back(best.name + " - " + config.reference + " at its refined coefficient " +
                      best.refined + " = " + interval_text(*best.against_refined) +
                      (best.against_refined->high < 0 ? "" : "  <- not beyond doubt"));
}

void put_in_words(const SearchConfig& config, Verdict& v) {
  for (const OrderCheck& check : v.order)
    v.lines.push_back("MaxVio of " + check.more + " - " + check.less + ": " +
                      interval_text(check.difference) +
                      (check.holds ? "" : "  <- not beyond doubt"));
  if (!v.budget_suffices)
    v.lines.push_back(
        "budget too small: it does not order the built-in balancers by MaxVio beyond doubt, so it "
        "cannot rank losses; raise rungs.tokens or builtin_seeds");
  if (v.smallest_difference)
    v.lines.push_back("smallest detectable difference: " + number(*v.smallest_difference) +
                      " nats per byte (" + std::to_string(config.rungs.back().seeds) +
                      " pairs, level 0.05, power 0.8)");
  if (!v.best) {
    v.lines.push_back("no winner: no candidate has been measured to the end of a rung");
    return;
  }
  const BestCandidate& best = *v.best;
  const std::string figures =
      best.name + " - " + config.reference + " = " + interval_text(best.difference) + " at rung " +
      std::to_string(best.rung) +
      (best.fresh ? ", on seeds that did not choose it" : ", on seeds that chose it") +
      ", level corrected for " + std::to_string(best.compared) + " compared";
  v.lines.push_back((v.winner ? "winner: " : "no winner: best is ") + figures);
  put_trials_in_words(config, v);
}

}  // namespace

Verdict verdict(const SearchConfig& config, const std::vector<population::CandidateRow>& candidates,
                const std::vector<population::EvaluationRow>& evaluations) {
  Ledger ledger(config);
  for (const population::CandidateRow& candidate : candidates)
    if (!candidate.identity.starts_with("builtin:") ||
        ledger.is_configured_builtin(candidate.identity))
      ledger.add(candidate, "");
  replay(evaluations, ledger);

  Verdict out;
  out.order = check_order(config, builtin_max_vio(ledger, evaluations));
  out.budget_suffices =
      !out.order.empty() && std::all_of(out.order.begin(), out.order.end(),
                                        [](const OrderCheck& check) { return check.holds; });
  out.smallest_difference = smallest_difference(ledger);
  out.best = find_best(ledger);
  out.winner = out.budget_suffices && out.best && out.best->difference.pairs >= 2 &&
               out.best->difference.high < 0 && out.best->equal_trials &&
               (!out.best->against_refined || out.best->against_refined->high < 0);
  put_in_words(config, out);
  return out;
}

}  // namespace ballast::orchestrator
