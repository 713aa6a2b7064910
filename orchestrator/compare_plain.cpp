#include "orchestrator/compare_plain.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "candidate/parse.h"
#include "candidate/shipped.h"
#include "common/error.h"
#include "evaluator/coefficient.h"
#include "orchestrator/ledger.h"
#include "orchestrator/operators.h"
#include "orchestrator/seeds.h"

namespace ballast::orchestrator {

double centre_of(const SearchConfig& config, bool only_bias) {
  double found = 0;
  for (const BuiltinConfig& builtin : config.builtins) {
    if ((builtin_track(builtin.name) == "bias") != only_bias || !(builtin.coefficient > 0))
      continue;
    if (found == 0 || builtin.name == config.reference) found = builtin.coefficient;
  }
  return found > 0 ? found : 1;
}

int64_t tokens_per_text(const SearchConfig& config) {
  return config.coefficient_trials * config.rungs[0].tokens +
         config.rungs[1].seeds * config.rungs[1].tokens;
}

Bench::Bench(const Arena& arena, uint64_t seed)
    : arena_(arena),
      seed_(seed),
      cost_(tokens_per_text(arena.config)),
      rng_(seed, "strategy"),
      ledger_(arena.budget) {
  std::vector<SeedText> texts = arena.config.seeds;
  if (arena.config.use_shipped)
    for (const auto& row : candidate::shipped())
      texts.push_back({std::string(row.name), std::string(row.text)});
  std::set<std::string> identities;
  for (const SeedText& text : texts) {
    candidate::ParseResult parsed = candidate::parse(text.source);
    if (!parsed.program || !identities.insert(parsed.program->identity).second) continue;
    const ProbedText probed = arena.memory.get(candidate::print(*parsed.program));
    if (probed.probe.outcome == Outcome::kOk)
      starts_.push_back({text.name, std::move(*parsed.program)});
  }
  require(!starts_.empty(), "comparing strategies: there is no valid text to start from");
}

std::optional<size_t> Bench::measure_start(size_t index) {
  return judge(starts_[index].name, starts_[index].program);
}

std::optional<size_t> Bench::measure_child(const candidate::Program& parent,
                                           const candidate::Program& donor, bool weighted) {
  std::vector<double> weights;
  for (const OperatorConfig& op : arena_.config.operators)
    weights.push_back(weighted ? op.weight : 1);
  const std::string& op = arena_.config.operators[rng_.weighted(weights)].name;
  const auto child = apply_operator(op, parent, &donor, rng_);
  ++proposals_;
  if (!child) return std::nullopt;
  return judge(op + "-" + std::to_string(proposals_), child->program);
}

// The funnel of the real search (Proposer::judge), without its rows.
std::optional<size_t> Bench::judge(std::string name, const candidate::Program& program) {
  const std::string source = candidate::print(program);
  candidate::ParseResult again = candidate::parse(source);
  if (!again.program || identities_.contains(again.program->identity)) return std::nullopt;
  const ScheduleSpec& schedule = arena_.config.spec.schedule;
  const ModelSpec& model = arena_.config.spec.model;
  const candidate::Cost cost =
      candidate::cost(*again.program, {{schedule.sequences * schedule.sequence, schedule.sequences,
                                        model.experts, model.top_k, 1}});
  if (cost.flops > arena_.config.max_flops || cost.bytes > arena_.config.max_bytes)
    return std::nullopt;
  Text text;
  text.name = std::move(name);
  text.probed = arena_.memory.get(source);
  if (text.probed.probe.outcome != Outcome::kOk) return std::nullopt;
  if (fingerprints_.find(text.probed.probe.fingerprint)) return std::nullopt;
  text.identity = again.program->identity;
  text.program = std::move(*again.program);
  text.measured = measure(text);
  identities_.insert(text.identity);
  fingerprints_.add(text.probed.probe.fingerprint);
  texts_.push_back(std::move(text));
  return texts_.size() - 1;
}

double Bench::measure(const Text& text) {
  const SearchConfig& config = arena_.config;
  const auto train = [&](const std::string& coefficient, const RungConfig& rung, int seed) {
    require(ledger_.charge(rung.tokens), "a strategy spent more than it has");
    return arena_.surrogate.measure(text.probed.prediction, text.identity,
                                    evaluator::coefficient_value(coefficient), rung.tokens,
                                    block_seed(seed_, rung.block, seed));
  };
  evaluator::CoefficientPlan plan;
  plan.centre = centre_of(config, text.probed.only_bias);
  plan.factor = config.coefficient_step;
  plan.max_trials = config.coefficient_trials;
  plan.first = std::min(3, config.coefficient_trials);
  std::vector<evaluator::CoefficientTrial> trials;
  while (true) {
    const std::vector<std::string> next = evaluator::next_coefficients(plan, trials);
    if (next.empty()) break;
    trials.push_back({next.front(), evaluator::CoefficientTrial::State::kDone,
                      train(next.front(), config.rungs[0], 0)});
  }
  const std::string best = *evaluator::chosen_coefficient(trials);
  double sum = 0;
  for (int seed = 0; seed < config.rungs[1].seeds; ++seed)
    sum += train(best, config.rungs[1], seed);
  return sum / config.rungs[1].seeds;
}

StrategyRun Bench::finish() const {
  StrategyRun run;
  run.texts = static_cast<int64_t>(texts_.size());
  run.proposals = proposals_;
  run.tokens = ledger_.spent();
  double best = std::numeric_limits<double>::infinity();
  for (const Text& text : texts_) {
    if (text.measured >= best) continue;
    best = text.measured;
    run.pick = text.name;
    run.measured = text.measured;
    run.truth = text.probed.prediction.difference;
  }
  return run;
}

}  // namespace ballast::orchestrator
