// ballast train: one training with one loss, and its score on held-out text.
#include <CLI/CLI.hpp>
#include <cmath>
#include <iostream>
#include <memory>

#include "common/build_info.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"
#include "evaluator/evaluator.h"
#include "evaluator/objective.h"
#include "orchestrator/command.h"
#include "orchestrator/interrupt.h"
#include "orchestrator/loss_text.h"
#include "orchestrator/search_settings.h"
#include "orchestrator/terminal.h"
#include "orchestrator/workbench.h"

namespace ballast::orchestrator {
namespace {

// What a person can do about a training that ended so.
std::string advice(Outcome outcome) {
  switch (outcome) {
    case Outcome::kTimeout:
      return "; limits.job_seconds (or limits.job_stall_seconds) allows more, tokens asks for less";
    case Outcome::kOom:
      return "; limits.job_memory_mb allows more, sequences or a smaller preset asks for less";
    case Outcome::kNonfinite:
    case Outcome::kDiverged:
      return "; try a smaller coefficient or learning_rate";
    default:
      return "";
  }
}

using OrderedJson = nlohmann::ordered_json;
using evaluator::EvaluationRequest;
using evaluator::EvaluationResult;

struct TrainGiven : Options {
  std::string loss;
  uint64_t seed = 1;
  bool accept_no_sandbox = false;
};

// The settings of one training that are no settings of a search.
struct Own {
  std::optional<int64_t> tokens;
  std::optional<double> coefficient;
};

// Takes `tokens=` and `coefficient=` out of the settings.
Own take_own(std::vector<std::string>& settings) {
  Own own;
  std::vector<std::string> others;
  for (const std::string& setting : settings) {
    Config scratch;  // the same reading and errors as for all settings
    if (setting.starts_with("tokens=")) {
      apply_override(scratch, "rungs." + setting, "command line");
      if (scratch.rung_tokens.size() != 1)
        throw Error("tokens: expected one number", ExitCode::kUsage);
      own.tokens = scratch.rung_tokens[0];
    } else if (setting.starts_with("coefficient=")) {
      apply_override(scratch, "mu=" + setting.substr(12), "command line: coefficient");
      own.coefficient = scratch.mu;
    } else {
      others.push_back(setting);
    }
  }
  settings = others;
  return own;
}

// What a text multiplies by, from the contract probe; built-ins have no unit, archived ones know
// it.
void probe_unit(Loss& loss, evaluator::Sandbox& sandbox, const Config& config) {
  if (!loss.balancer.builtin.empty() || loss.unit) return;
  ProbeJob job;
  job.source = loss.balancer.source;
  const ProbeResult result = sandbox.probe(job, probe_limits(config));
  if (result.outcome == Outcome::kOk) {
    loss.unit = result.unit;
    return;
  }
  const bool ours = result.outcome == Outcome::kInfra;
  throw Error(loss.name + ": " + std::string(to_string(result.outcome)) + ": " + result.message,
              ours ? ExitCode::kFailed : ExitCode::kInvalidCandidate);
}

double coefficient_for(const Loss& loss, const Own& own, const Config& config) {
  if (own.coefficient) return *own.coefficient;
  if (!loss.balancer.builtin.empty()) return builtin_coefficient(config, loss.balancer.builtin);
  // One unit is scaled to global-batch LBL's gradient: its coefficient is where one would start.
  return loss.coefficient.value_or(config.coefficient_global_lbl);
}

EvaluationResult wait_for(evaluator::Evaluator& pool, const std::string& name, std::stop_token stop,
                          const Clock& clock) {
  ProgressLine line(std::cerr, terminal_of(2), clock);
  bool cancelled = false;
  while (true) {
    if (std::optional<EvaluationResult> result = pool.wait(0.2)) return *result;
    if (stop.stop_requested() && !cancelled) {
      cancelled = true;
      pool.cancel();
    }
    for (const auto& now : pool.now()) {
      const Progress& p = now.progress;
      if (p.steps == 0) continue;
      const double share = static_cast<double>(p.step) / static_cast<double>(p.steps);
      const double left = p.step > 0 ? now.seconds * (1 / share - 1) : 0;
      line.update(share, name + ": step " + count(p.step) + " of " + count(p.steps) +
                             ", cross-entropy " + fixed(p.cross_entropy, 3) + ", about " +
                             duration(left) + " left");
    }
  }
}

OrderedJson json_of(const Loss& loss, const EvaluationRequest& request,
                    const EvaluationResult& result, const TrainSpec& spec, double objective) {
  OrderedJson j{{"name", loss.name},
                {"identity", loss.identity},
                {"outcome", to_string(result.outcome)},
                {"message", result.message},
                {"seed", request.seed},
                {"coefficient", request.coefficient},
                {"unit", request.unit},
                {"objective", json_number(objective)},
                {"preset", spec.preset},
                {"spec_hash", spec_hash(spec)},
                {"build", numeric_build()},
                {"sandbox_level", result.sandbox_level},
                {"seconds", result.seconds}};
  for (const auto& [name, value] : result.metrics.scalars) j[name] = json_number(value);
  for (const auto& [name, values] : result.metrics.arrays) {
    OrderedJson list = OrderedJson::array();
    for (const double value : values) list.emplace_back(json_number(value));
    j[name] = std::move(list);
  }
  return j;
}

void print(const Loss& loss, const EvaluationRequest& request, const EvaluationResult& result,
           const Corpus& corpus) {
  const Terminal terminal = terminal_of(1);
  const auto value = [&](const char* name) {
    const auto it = result.metrics.scalars.find(name);
    return it == result.metrics.scalars.end() ? std::nan("") : it->second;
  };
  std::cout << styled(terminal, Style::kBold, loss.name) << ", coefficient " << request.coefficient
            << ", seed " << request.seed << ": " << count(std::llround(value("tokens")))
            << " tokens in " << count(std::llround(value("steps"))) << " steps, "
            << duration(result.seconds) << " (" << count(std::llround(value("tokens_per_second")))
            << " tokens/s)\n\nheld-out text\n";
  using enum Table::Align;
  Table table({{"figure"}, {"value", kRight}});
  for (const char* name : {"cross_entropy", "bits_per_byte", "max_vio_global", "max_vio_batch",
                           "load_cv", "dead_experts", "domain_expert_mi", "router_entropy"}) {
    table.add({name, fixed(value(name), 4)});
  }
  std::cout << table.to_string(terminal);
  const auto domains = result.metrics.arrays.find("domain_cross_entropy");
  if (domains == result.metrics.arrays.end()) return;
  Table by_domain({{"domain"}, {"cross-entropy", kRight}});
  for (size_t i = 0; i < std::min(domains->second.size(), corpus.domains.size()); ++i) {
    by_domain.add({corpus.domains[i], fixed(domains->second[i], 4)});
  }
  std::cout << "\n" << by_domain.to_string(terminal);
}

int run_train(const TrainGiven& given) {
  Options options = given;
  const Own own = take_own(options.settings);
  Config config = options.load();
  if (given.accept_no_sandbox) config.accept_no_sandbox = true;
  config.workers = 1;
  Loss loss = resolve_loss(given.loss, config.archive);
  const Corpus corpus = open_corpus(config);
  const TrainSpec spec = spec_for(config, corpus);
  const auto sandbox = open_sandbox(config);
  probe_unit(loss, *sandbox, config);

  EvaluationRequest request;
  request.balancer = loss.balancer;
  request.coefficient = coefficient_for(loss, own, config);
  request.unit = loss.unit.value_or(1);
  request.seed = given.seed;
  request.tokens = own.tokens.value_or(config.rung_tokens.back());
  request.progress_tokens = request.tokens;  // r.progress ends at 1

  const SystemClock clock;
  const Interrupts interrupts;
  evaluator::Evaluator pool(evaluator_config(config, corpus, spec), *sandbox, clock);
  pool.submit(request);
  const EvaluationResult result = wait_for(pool, loss.name, interrupts.token(), clock);
  if (result.outcome == Outcome::kCancelled && interrupts.exit_code() != 0) {
    return interrupts.exit_code();
  }
  if (given.json) {
    const evaluator::ObjectiveSpec wanted{config.objective, config.mu, config.target};
    const double objective = evaluator::objective(wanted, result.metrics).value_or(std::nan(""));
    std::cout << json_of(loss, request, result, spec, objective).dump(2) << "\n";
  }
  if (result.outcome != Outcome::kOk) {
    throw Error("training " + loss.name + " ended with " + std::string(to_string(result.outcome)) +
                ": " + result.message + advice(result.outcome));
  }
  if (!given.json) print(loss, request, result, corpus);
  return 0;
}

}  // namespace

Job set_up_train(CLI::App& app) {
  const auto given = std::make_shared<TrainGiven>();
  app.add_option("--loss", given->loss,
                 "A built-in, a shipped text, a file, or an ID of the archive")
      ->required()
      ->type_name("NAME|FILE|ID");
  app.add_option("--seed", given->seed, "Of weights and batches (1)")->type_name("N");
  add_config(app, *given);
  add_archive(app, *given);
  add_json(app, *given);
  app.add_flag("--accept-no-sandbox", given->accept_no_sandbox,
               "Run without a full sandbox where this machine offers none");
  app.add_option("settings", given->settings,
                 "tokens=N, coefficient=X, and any setting of docs/config.md (preset=, data=, ...)")
      ->type_name("key=value");
  return [given] { return run_train(*given); };
}

}  // namespace ballast::orchestrator
