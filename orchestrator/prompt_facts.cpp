#include "orchestrator/prompt_facts.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "orchestrator/standing.h"

namespace ballast::orchestrator {
namespace {

constexpr size_t kAncestors = 4, kTop = 2, kOthers = 2, kFailures = 5;
constexpr size_t kFailuresSeen = 400;  // proposals looked back at

using population::EvaluationRow;
using prompts::Difference;

std::string one_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// Where a candidate stands: its highest rung, and the evaluations that its figures are means of.
class Knowledge {
 public:
  explicit Knowledge(const FactsSource& source)
      : source_(source), prior_(variance_prior(source.ledger)) {
    for (size_t i = 0; i < source.made.size(); ++i)
      if (source.made[i].child) births_.emplace(*source.made[i].child, i);
  }

  const Entry& entry(size_t i) const { return source_.ledger.entries()[i]; }
  int rung(size_t i) const { return source_.ledger.highest_rung(entry(i)); }
  const Made* birth(size_t i) const {
    const auto it = births_.find(i);
    return it == births_.end() ? nullptr : &source_.made[it->second];
  }

  std::optional<Difference> difference(const evaluator::Summary& summary) const {
    if (summary.pairs == 0) return std::nullopt;
    Difference out{summary.mean, std::nullopt, summary.pairs};
    if (prior_ || summary.pairs > 1) out.standard_error = standard_error(summary, prior_);
    return out;
  }

  // Minus the reference.
  std::optional<Difference> difference(size_t i) const {
    const int rung = this->rung(i);
    if (rung == 0) return std::nullopt;
    return difference(*entry(i).estimates[static_cast<size_t>(rung - 1)]);
  }

  // Minus its main parent, on the seeds that both have at the highest rung where there are any.
  std::optional<Difference> change(size_t i) const {
    const Made* made = birth(i);
    if (made == nullptr || !made->parent) return std::nullopt;
    const auto &child = entry(i).scores, &parent = entry(*made->parent).scores;
    for (size_t r = child.size(); r-- > 0;) {
      std::vector<double> differences;
      for (size_t s = 0; s < child[r].size(); ++s)
        if (child[r][s] && parent[r][s]) differences.push_back(*child[r][s] - *parent[r][s]);
      if (!differences.empty()) return difference(evaluator::summarise(differences));
    }
    return std::nullopt;
  }

  std::string outcome(size_t i) const {
    const Entry& e = entry(i);
    if (e.failed) return "failed at rung " + std::to_string(e.failed_rung);
    return rung(i) > 0 ? "OK" : "not measured yet";
  }

  // Those at the highest rung and the coefficient it is measured at there, the lowest seed first.
  std::vector<EvaluationRow> measured(size_t i) const {
    const int rung = this->rung(i);
    if (rung == 0) return {};
    const Entry& e = entry(i);
    std::vector<EvaluationRow> rows = source_.archive.evaluations(e.identity);
    std::erase_if(rows, [&](const EvaluationRow& row) {
      return row.outcome != Outcome::kOk || row.key.rung != rung ||
             row.key.coefficient != e.coefficient_at(rung) || !source_.ledger.want_of(row.key);
    });
    std::sort(rows.begin(), rows.end(), [](const EvaluationRow& a, const EvaluationRow& b) {
      return a.key.seed < b.key.seed;
    });
    return rows;
  }

 private:
  const FactsSource& source_;
  const std::optional<evaluator::VariancePrior> prior_;
  std::unordered_map<size_t, size_t> births_;  // entry -> place in made
};

std::optional<double> mean_of(const std::vector<EvaluationRow>& rows, const char* name) {
  double sum = 0;
  for (const EvaluationRow& row : rows) {
    const auto it = row.metrics.scalars.find(name);
    if (it == row.metrics.scalars.end() || !std::isfinite(it->second)) return std::nullopt;
    sum += it->second;
  }
  return rows.empty() ? std::nullopt : std::optional(sum / static_cast<double>(rows.size()));
}

std::string idea_of(const Made* made) { return made == nullptr ? "" : one_line(made->detail); }

prompts::ParentFacts parent_facts(const Knowledge& known, size_t i) {
  const Entry& entry = known.entry(i);
  prompts::ParentFacts out;
  out.name = entry.name;
  out.source = entry.source;
  out.track = entry.track;
  out.difference = known.difference(i);
  if (const int rung = known.rung(i); rung > 0) out.coefficient = entry.coefficient_at(rung);
  const std::vector<EvaluationRow> rows = known.measured(i);
  out.cross_entropy = mean_of(rows, "cross_entropy");
  out.max_vio = mean_of(rows, "max_vio_global");
  if (!rows.empty()) {
    out.layers = prompts::layers_of(rows.front().metrics);
    out.curve = prompts::curve_of(rows.front().metrics);
  }
  std::optional<size_t> at = i;
  while (out.ancestors.size() < kAncestors) {
    const Made* made = known.birth(*at);
    if (made == nullptr || !made->parent) break;
    at = made->parent;
    const Made* theirs = known.birth(*at);
    out.ancestors.push_back({theirs == nullptr ? "seed" : theirs->op, idea_of(theirs),
                             known.difference(*at), known.change(*at), known.outcome(*at)});
  }
  return out;
}

prompts::Inspiration inspiration(const Knowledge& known, size_t i, const char* from) {
  const Entry& entry = known.entry(i);
  prompts::Inspiration out;
  out.name = entry.name;
  out.from = from;
  out.source = entry.source;
  out.idea = idea_of(known.birth(i));
  out.difference = known.difference(i);
  const std::vector<EvaluationRow> rows = known.measured(i);
  out.cross_entropy = mean_of(rows, "cross_entropy");
  out.max_vio = mean_of(rows, "max_vio_global");
  return out;
}

// The best last: a higher rung, then a lower mean.
std::vector<prompts::Inspiration> inspirations(const FactsSource& source, const Knowledge& known,
                                               const std::vector<size_t>& parents, Rng& rng) {
  std::vector<size_t> ranked;
  for (size_t i = 0; i < source.ledger.entries().size(); ++i) {
    const Entry& entry = source.ledger.entries()[i];
    const bool parent = std::find(parents.begin(), parents.end(), i) != parents.end();
    if (!entry.source.empty() && !entry.failed && !parent && known.rung(i) > 0) ranked.push_back(i);
  }
  const auto standing = [&](size_t i) {
    const int rung = known.rung(i);
    return std::tuple(-rung, known.entry(i).estimates[static_cast<size_t>(rung - 1)]->mean, i);
  };
  const size_t top = std::min(kTop, ranked.size());
  std::partial_sort(ranked.begin(), ranked.begin() + static_cast<ptrdiff_t>(top), ranked.end(),
                    [&](size_t a, size_t b) { return standing(a) < standing(b); });
  std::sort(ranked.begin() + static_cast<ptrdiff_t>(top), ranked.end());
  std::vector<std::pair<size_t, const char*>> chosen;
  for (size_t i = 0; i < top; ++i) chosen.emplace_back(ranked[i], "top");
  std::vector<size_t> rest(ranked.begin() + static_cast<ptrdiff_t>(top), ranked.end());
  for (size_t i = 0; i < kOthers && !rest.empty(); ++i) {
    const auto at =
        rest.begin() + static_cast<ptrdiff_t>(rng.below(static_cast<int64_t>(rest.size())));
    chosen.emplace_back(*at, "archive");
    rest.erase(at);
  }
  std::sort(chosen.begin(), chosen.end(),
            [&](const auto& a, const auto& b) { return standing(a.first) > standing(b.first); });
  std::vector<prompts::Inspiration> out;
  for (const auto& [i, from] : chosen) out.push_back(inspiration(known, i, from));
  return out;
}

// The newest first; each reason once.
std::vector<prompts::FailedAttempt> failures(const FactsSource& source) {
  std::vector<prompts::FailedAttempt> out;
  std::set<std::string> seen;
  const size_t size = source.made.size();
  for (size_t back = 1; back <= std::min(size, kFailuresSeen) && out.size() < kFailures; ++back) {
    const Made& made = source.made[size - back];
    if (made.model.empty() || made.reason == "call") continue;
    const Entry* child = made.child ? &source.ledger.entries()[*made.child] : nullptr;
    if (child != nullptr && !child->failed) continue;
    prompts::FailedAttempt failed;
    failed.op = made.op;
    if (child != nullptr) {
      failed.idea = one_line(made.detail);
      failed.outcome = "FAILED";
      failed.reason = "its training failed at rung " + std::to_string(child->failed_rung);
    } else {
      failed.outcome =
          made.outcome == Outcome::kOk ? made.reason : std::string(to_string(made.outcome));
      failed.reason = one_line(made.detail);
    }
    if (seen.insert(failed.outcome + failed.reason).second) out.push_back(std::move(failed));
  }
  return out;
}

}  // namespace

prompts::Task task_of(const SearchConfig& config) {
  prompts::Task task;
  task.model = config.spec.preset;
  task.layers = config.spec.model.layers;
  task.experts = config.spec.model.experts;
  task.top_k = config.spec.model.top_k;
  for (const RungConfig& rung : config.rungs) task.tokens = std::max(task.tokens, rung.tokens);
  task.objective = config.objective;
  task.mu = config.mu;
  task.target = config.target;
  task.reference = config.reference;
  return task;
}

prompts::Facts parents_only(const FactsSource& source, const std::vector<size_t>& parents) {
  const Knowledge known(source);
  prompts::Facts facts;
  for (const size_t parent : parents) facts.parents.push_back(parent_facts(known, parent));
  return facts;
}

prompts::Facts facts_for(const FactsSource& source, const std::vector<size_t>& parents, Rng& rng) {
  const Knowledge known(source);
  prompts::Facts facts;
  for (const size_t parent : parents) facts.parents.push_back(parent_facts(known, parent));
  facts.inspirations = inspirations(source, known, parents, rng);
  facts.failures = failures(source);
  facts.notes = source.notes;
  if (!source.suggestions.empty())
    facts.suggestion = source.suggestions[static_cast<size_t>(
        rng.below(static_cast<int64_t>(source.suggestions.size())))];
  return facts;
}

std::vector<prompts::Result> results_for_notes(const FactsSource& source, size_t from,
                                               size_t most) {
  const Knowledge known(source);
  std::vector<prompts::Result> out;
  for (size_t i = std::min(from, source.made.size()); i < source.made.size(); ++i) {
    const Made& made = source.made[i];
    if (!made.child) continue;
    const Entry& child = source.ledger.entries()[*made.child];
    if (!child.failed && known.rung(*made.child) == 0) continue;
    prompts::Result result;
    result.name = child.name;
    result.op = made.op;
    result.idea = one_line(made.detail);
    result.source = child.source;
    result.outcome = child.failed ? "FAILED" : "OK";
    if (child.failed) result.reason = known.outcome(*made.child);
    result.difference = known.difference(*made.child);
    result.change = known.change(*made.child);
    const std::vector<EvaluationRow> rows = known.measured(*made.child);
    result.cross_entropy = mean_of(rows, "cross_entropy");
    result.max_vio = mean_of(rows, "max_vio_global");
    out.push_back(std::move(result));
  }
  if (out.size() > most) out.erase(out.begin(), out.end() - static_cast<ptrdiff_t>(most));
  return out;
}

}  // namespace ballast::orchestrator
