#include "orchestrator/prompt_facts.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <set>
#include <utility>

#include "orchestrator/elites.h"
#include "orchestrator/standing.h"

namespace ballast::orchestrator {
namespace {

constexpr std::string_view kOk = "OK";

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!blank) out += c;
    if (blank && !out.empty() && out.back() != ' ') out += ' ';
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

// How a candidate ended.
struct Ending {
  std::string outcome = std::string(kOk);
  std::string reason;
};

// Another coefficient may mend these, so they say less about a candidate than what ends it at once.
bool is_mild(Outcome outcome) {
  return outcome == Outcome::kNonfinite || outcome == Outcome::kDiverged;
}

// One of the sorted list that is not left out, each as likely; nullopt when there is none.
std::optional<size_t> draw_other(const std::vector<size_t>& list, const std::set<size_t>& left_out,
                                 Rng& rng) {
  std::vector<size_t> skipped;  // places in the list, ascending
  for (const size_t index : left_out) {
    const auto place = std::ranges::lower_bound(list, index);
    if (place != list.end() && *place == index)
      skipped.push_back(static_cast<size_t>(place - list.begin()));
  }
  if (skipped.size() == list.size()) return std::nullopt;
  auto place = static_cast<size_t>(rng.below(static_cast<int64_t>(list.size() - skipped.size())));
  for (const size_t one : skipped)
    if (one <= place) ++place;
  return list[place];
}

class FactsMaker {
 public:
  explicit FactsMaker(const FactsSource& source)
      : source_(source), prior_(variance_prior(source.ledger)) {}

  prompts::ParentFacts parent(size_t index) const;
  std::vector<prompts::Inspiration> inspirations(const std::vector<size_t>& parents,
                                                 Rng& rng) const;
  std::vector<prompts::FailedAttempt> failures() const;
  bool has_verdict(size_t index) const;
  prompts::Result result(const Made& made) const;  // REQUIRES: a child

 private:
  const Entry& entry(size_t index) const { return source_.ledger.entries()[index]; }
  const Made* birth(size_t index) const;  // the proposal it came from; null for built-ins
  const Figures& figures(size_t index, bool arrays = false) const;
  std::string op(size_t index) const;
  std::string idea(size_t index) const;
  std::optional<size_t> parent_of(size_t index) const;
  std::optional<prompts::Difference> difference_of(const evaluator::Summary& summary) const;
  std::optional<prompts::Difference> difference(size_t index) const;
  std::optional<prompts::Difference> change(size_t index) const;
  std::vector<Want> wants_that_failed(size_t index) const;
  Ending ending(size_t index) const;
  std::vector<prompts::Ancestor> steps_to(size_t index) const;
  prompts::Inspiration inspiration(size_t index, std::string_view from) const;
  std::optional<prompts::FailedAttempt> failure(const Made& made) const;

  const FactsSource& source_;
  std::optional<evaluator::VariancePrior> prior_;
};

const Made* FactsMaker::birth(size_t index) const {
  const auto proposal = source_.memory.birth(source_.made, index);
  return proposal ? &source_.made[*proposal] : nullptr;
}

const Figures& FactsMaker::figures(size_t index, bool arrays) const {
  return source_.memory.figures(source_.ledger, source_.archive, index, arrays);
}

std::string FactsMaker::op(size_t index) const {
  const Made* made = birth(index);
  return made != nullptr ? made->op : entry(index).op;
}

// A text to start from is nobody's idea.
std::string FactsMaker::idea(size_t index) const {
  const Made* made = birth(index);
  return made == nullptr || made->op == "seed" ? "" : one_line(made->detail);
}

std::optional<size_t> FactsMaker::parent_of(size_t index) const {
  const Made* made = birth(index);
  return made != nullptr ? made->parent : std::nullopt;
}

std::optional<prompts::Difference> FactsMaker::difference_of(
    const evaluator::Summary& summary) const {
  prompts::Difference out{summary.mean, std::nullopt, summary.pairs};
  if (summary.pairs >= 2)
    if (const auto estimate = evaluator::moderate(summary, prior_))
      out.standard_error = estimate->standard_error;
  return out;
}

std::optional<prompts::Difference> FactsMaker::difference(size_t index) const {
  const int rung = source_.ledger.highest_rung(entry(index));
  if (rung == 0) return std::nullopt;
  return difference_of(*entry(index).estimates[static_cast<size_t>(rung - 1)]);
}

// None of a candidate that failed: the seeds it got through are not a fair sample.
std::optional<prompts::Difference> FactsMaker::change(size_t index) const {
  const std::optional<size_t> parent = parent_of(index);
  if (!parent || entry(index).failed) return std::nullopt;
  const auto change = change_from(entry(index), entry(*parent));
  if (!change) return std::nullopt;
  return difference_of(change->summary);
}

// What may have ended it, in an order that does not depend on when results arrived.
std::vector<Want> FactsMaker::wants_that_failed(size_t index) const {
  const Entry& one = entry(index);
  std::vector<Want> out;
  if (one.failed_rung > 1) {
    const size_t seeds = one.scores[static_cast<size_t>(one.failed_rung - 1)].size();
    for (size_t seed = 0; seed < seeds; ++seed)
      out.push_back({index, one.failed_rung, static_cast<int>(seed), one.coefficient});
    return out;
  }
  for (const evaluator::CoefficientTrial& trial : one.trials)
    if (trial.state == evaluator::CoefficientTrial::State::kFailed)
      out.push_back({index, 1, 0, trial.coefficient});
  std::ranges::sort(
      out, {}, [](const Want& want) { return evaluator::coefficient_value(want.coefficient); });
  return out;
}

Ending FactsMaker::ending(size_t index) const {
  if (!entry(index).failed) return {};
  std::optional<population::EvaluationRow> worst;
  for (const Want& want : wants_that_failed(index)) {
    auto row = source_.archive.evaluation(source_.ledger.key(want));
    if (!row || !row->outcome) continue;
    if (row->outcome == Outcome::kOk) {
      if (source_.ledger.objective(row->metrics)) continue;
      row->outcome = Outcome::kNonfinite;  // as the ledger takes it
    }
    if (!worst || (is_mild(*worst->outcome) && !is_mild(*row->outcome))) worst = std::move(row);
  }
  if (!worst) return {"failed", ""};
  return {std::string(to_string(*worst->outcome)), one_line(worst->message)};
}

std::vector<prompts::Ancestor> FactsMaker::steps_to(size_t index) const {
  std::vector<prompts::Ancestor> out;
  for (std::optional<size_t> at = index; at && out.size() < kShownSteps; at = parent_of(*at))
    out.push_back({op(*at), idea(*at), difference(*at), change(*at), ending(*at).outcome});
  return out;
}

prompts::ParentFacts FactsMaker::parent(size_t index) const {
  const Entry& one = entry(index);
  prompts::ParentFacts out;
  out.name = one.name;
  out.source = one.source;
  out.track = one.track;
  out.coefficient = one.coefficient_at(std::max(1, source_.ledger.highest_rung(one)));
  out.difference = difference(index);
  const Figures& measured = figures(index, true);
  out.cross_entropy = measured.cross_entropy;
  out.max_vio = measured.max_vio;
  out.layers = measured.layers;
  out.curve = measured.curve;
  out.ancestors = steps_to(index);
  return out;
}

prompts::Inspiration FactsMaker::inspiration(size_t index, std::string_view from) const {
  const Figures& measured = figures(index);
  return {entry(index).name, std::string(from),      entry(index).source, idea(index),
          difference(index), measured.cross_entropy, measured.max_vio};
}

std::vector<prompts::Inspiration> FactsMaker::inspirations(const std::vector<size_t>& parents,
                                                           Rng& rng) const {
  std::set<size_t> left_out(parents.begin(), parents.end());
  std::vector<Standing> chosen;
  for (const Elite& elite :
       best(source_.ledger, kTopInspirations, [&](size_t i) { return !left_out.contains(i); })) {
    chosen.push_back(standing(source_.ledger, elite.entry));
    left_out.insert(elite.entry);
  }
  const std::set<size_t> top = left_out;
  for (size_t i = 0; i < kArchiveInspirations; ++i) {
    const auto drawn = draw_other(source_.ledger.roster().measured(), left_out, rng);
    if (!drawn) break;
    chosen.push_back(standing(source_.ledger, *drawn));
    left_out.insert(*drawn);
  }
  std::ranges::sort(chosen, [](const Standing& a, const Standing& b) { return better(b, a); });
  std::vector<prompts::Inspiration> out;
  for (const Standing& one : chosen)
    out.push_back(inspiration(one.entry, top.contains(one.entry) ? "top" : "archive"));
  return out;
}

// What a model's proposal came to, if that is nothing. A call without an answer says nothing about
// losses.
std::optional<prompts::FailedAttempt> FactsMaker::failure(const Made& made) const {
  if (made.model.empty() || made.reason == "call") return std::nullopt;
  if (!made.child) {
    if (made.reason == "accepted") return std::nullopt;
    const bool sound = made.outcome == Outcome::kOk;  // but not new
    return prompts::FailedAttempt{made.op, "",
                                  sound ? made.reason : std::string(to_string(made.outcome)),
                                  one_line(made.detail)};
  }
  if (!entry(*made.child).failed) return std::nullopt;
  Ending end = ending(*made.child);
  return prompts::FailedAttempt{made.op, one_line(made.detail), std::move(end.outcome),
                                std::move(end.reason)};
}

std::vector<prompts::FailedAttempt> FactsMaker::failures() const {
  std::vector<prompts::FailedAttempt> all;  // the newest first
  std::vector<size_t> chosen, repeated;
  std::set<std::string> reasons;
  for (auto made = source_.made.rbegin(); made != source_.made.rend(); ++made) {
    if (chosen.size() == kShownFailures || all.size() == kFailuresLookedAt) break;
    auto failed = failure(*made);
    if (!failed) continue;
    // Of a text that was not new, the detail names another candidate each time.
    const bool sound = !made->child && made->outcome == Outcome::kOk;
    const bool first = reasons.insert(failed->outcome + (sound ? "" : failed->reason)).second;
    (first ? chosen : repeated).push_back(all.size());
    all.push_back(std::move(*failed));
  }
  for (size_t i = 0; i < repeated.size() && chosen.size() < kShownFailures; ++i)
    chosen.push_back(repeated[i]);
  std::ranges::sort(chosen);
  std::vector<prompts::FailedAttempt> out;
  for (const size_t i : chosen) out.push_back(std::move(all[i]));
  return out;
}

bool FactsMaker::has_verdict(size_t index) const {
  return entry(index).failed || source_.ledger.complete(entry(index), 1);
}

prompts::Result FactsMaker::result(const Made& made) const {
  const size_t index = *made.child;
  const Figures& measured = figures(index);
  Ending end = ending(index);
  return {.name = entry(index).name,
          .op = made.op,
          .idea = idea(index),
          .source = entry(index).source,
          .outcome = std::move(end.outcome),
          .reason = std::move(end.reason),
          .difference = difference(index),
          .change = change(index),
          .cross_entropy = measured.cross_entropy,
          .max_vio = measured.max_vio};
}

}  // namespace

prompts::Task task_of(const SearchConfig& config) {
  prompts::Task out;
  out.model = config.spec.preset;
  out.layers = config.spec.model.layers;
  out.experts = config.spec.model.experts;
  out.top_k = config.spec.model.top_k;
  for (const RungConfig& rung : config.rungs) out.tokens = std::max(out.tokens, rung.tokens);
  out.objective = config.objective;
  out.mu = config.mu;
  out.target = config.target;
  out.reference = config.reference;
  out.bias_allowed = true;
  return out;
}

prompts::Facts parents_only(const FactsSource& source, const std::vector<size_t>& parents) {
  const FactsMaker maker(source);
  prompts::Facts out;
  for (const size_t parent : parents) out.parents.push_back(maker.parent(parent));
  return out;
}

prompts::Facts facts_for(const FactsSource& source, const std::vector<size_t>& parents, Rng& rng) {
  assert(!parents.empty());
  const FactsMaker maker(source);
  prompts::Facts out;
  for (const size_t parent : parents) out.parents.push_back(maker.parent(parent));
  out.inspirations = maker.inspirations(parents, rng);
  out.failures = maker.failures();
  out.notes = source.notes;
  if (!source.suggestions.empty())
    out.suggestion = source.suggestions[static_cast<size_t>(
        rng.below(static_cast<int64_t>(source.suggestions.size())))];
  return out;
}

std::vector<prompts::Result> results_for_notes(const FactsSource& source, size_t from,
                                               size_t most) {
  const FactsMaker maker(source);
  std::vector<prompts::Result> out;
  for (size_t i = source.made.size(); i-- > from && out.size() < most;) {
    const Made& made = source.made[i];
    if (made.child && maker.has_verdict(*made.child)) out.push_back(maker.result(made));
  }
  std::ranges::reverse(out);
  return out;
}

}  // namespace ballast::orchestrator
