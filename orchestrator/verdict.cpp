#include "orchestrator/verdict.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <utility>

#include "orchestrator/elites.h"
#include "orchestrator/ledger.h"
#include "orchestrator/measure.h"
#include "orchestrator/replay.h"

namespace ballast::orchestrator {
namespace {

constexpr double kLevel = 0.05;  // two-sided
constexpr double kPower = 0.8;
constexpr int kBuiltinRung = 2;  // where built-ins are compared

// A candidate's own few pairs are worth what they are; the variance pooled over candidates counts
// as so many degrees of freedom more.
constexpr double kPriorFreedom = 4;

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

PairedInterval interval(const PairedEstimate& estimate, double error, double freedom,
                        double level) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  PairedInterval out{estimate.pairs, estimate.mean, -kInfinity, kInfinity};
  if (estimate.pairs < 2) return out;
  const double half = student_quantile(1 - level / 2, freedom) * error;
  out.low = estimate.mean - half;
  out.high = estimate.mean + half;
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
      const PairedEstimate estimate = paired(differences);
      check.difference = interval(estimate, estimate.standard_error.value_or(0),
                                  static_cast<double>(estimate.pairs) - 1, kLevel);
      check.holds = check.difference.low > 0 && estimate.pairs >= 2;
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

// The best of those complete at the highest rung that anyone has completed.
std::optional<BestCandidate> find_best(const Ledger& ledger) {
  const PooledDeviation pooled = pooled_deviation(ledger);
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
    const PairedEstimate& estimate = *best->estimates[r];
    const bool fresh = ledger.config().rungs[r].block == SeedBlock::kC;
    const ShrunkError error = shrunk_error(estimate, pooled, kPriorFreedom);
    return BestCandidate{
        best->identity,
        best->name,
        rung,
        fresh,
        compared,
        interval(estimate, error.value, error.freedom, kLevel / static_cast<double>(compared))};
  }
  return std::nullopt;
}

// (t_{1-level/2} + t_power) * deviation / sqrt(pairs) of a complete estimate.
std::optional<double> smallest_difference(const Ledger& ledger) {
  const PooledDeviation pooled = pooled_deviation(ledger);
  if (!(pooled.freedom > 0)) return std::nullopt;
  const auto pairs = static_cast<double>(ledger.config().rungs.back().seeds);
  return (student_quantile(1 - kLevel / 2, pooled.freedom) +
          student_quantile(kPower, pooled.freedom)) *
         pooled.deviation / std::sqrt(pairs);
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
               out.best->difference.high < 0;
  put_in_words(config, out);
  return out;
}

}  // namespace ballast::orchestrator
