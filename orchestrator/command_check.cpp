// ballast check FILE: is this text a loss, what does it cost, does it keep the contract.
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include "candidate/parse.h"
#include "common/error.h"
#include "common/json.h"
#include "evaluator/sandbox.h"
#include "orchestrator/command.h"
#include "orchestrator/loss_text.h"
#include "orchestrator/terminal.h"
#include "orchestrator/workbench.h"

namespace ballast::orchestrator {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr int kInvalid = static_cast<int>(ExitCode::kInvalidCandidate);

struct CheckGiven : Options {
  std::string file, state;
  bool is_static = false, accept_no_sandbox = false;
};

candidate::Bindings bindings_of(const TrainSpec& spec) {
  const int64_t S = spec.schedule.sequences;
  return {{S * spec.schedule.sequence, S, spec.model.experts, spec.model.top_k, 1}};
}

std::string track_of(const candidate::Program& program) {
  if (program.loss && program.bias) return "loss+bias";
  return program.loss ? "loss" : "bias";
}

int report_diagnostic(const CheckGiven& given, const candidate::Diagnostic& d,
                      const std::string& source) {
  if (given.json) {
    std::cout << OrderedJson{{"valid", false},     {"stage", "static"},    {"line", d.line},
                             {"column", d.column}, {"message", d.message}, {"hint", d.hint}}
                     .dump(2)
              << "\n";
  } else {
    std::cerr << explain(d, source, given.file) << std::endl;
  }
  return kInvalid;
}

int report_rejection(const CheckGiven& given, OrderedJson& report, Outcome outcome,
                     const std::string& message) {
  if (given.json) {
    report["valid"] = false;
    report["outcome"] = to_string(outcome);
    report["message"] = message;
    std::cout << report.dump(2) << "\n";
  } else {
    std::cerr << given.file << ": " << to_string(outcome) << ": " << message << std::endl;
  }
  return kInvalid;
}

// Throws Error when the probe failed through no fault of the candidate.
ProbeResult probe(const CheckGiven& given, const Config& config, const std::string& source,
                  const std::string& state) {
  const auto sandbox = open_sandbox(config);
  ProbeJob job;
  job.source = source;
  job.state = state;
  const ProbeResult result = sandbox->probe(job, probe_limits(config));
  if (result.outcome != Outcome::kInfra && result.outcome != Outcome::kCancelled) return result;
  // What the trainer says about a state begins with that word (trainer/state.cpp).
  if (!state.empty() && result.message.starts_with("state")) {
    throw Error(given.state + ": " + result.message, ExitCode::kUsage);
  }
  throw Error("the contract probe could not run: " + result.message + "; see `ballast doctor`");
}

// ballast check FILE --at STATE.json: value, gradient and bias at one state.
int answer_at(const CheckGiven& given, const Config& config, const std::string& source) {
  std::ifstream in(given.state, std::ios::binary);
  std::stringstream state;
  state << in.rdbuf();
  if (!in) throw Error("cannot read the state " + given.state, ExitCode::kUsage);
  const ProbeResult result = probe(given, config, source, state.str());
  if (result.outcome != Outcome::kOk) {
    OrderedJson report;
    return report_rejection(given, report, result.outcome, result.message);
  }
  std::cout << result.at_json << "\n";
  return 0;
}

void print_static(const CheckGiven& given, const candidate::Program& program,
                  const candidate::Cost& cost, const TrainSpec& spec) {
  std::cout << given.file << ": " << track_of(program) << ", " << program.nodes.size()
            << " nodes, identity " << program.identity.substr(0, 16)
            << "\ncost of one micro-batch of preset " << spec.preset << ": "
            << count(std::llround(cost.flops)) << " FLOPs, " << count(std::llround(cost.bytes))
            << " bytes\n";
}

int check_file(const CheckGiven& given) {
  Config config = given.load();
  if (given.accept_no_sandbox) config.accept_no_sandbox = true;
  const std::string source = read_loss_file(given.file);
  const candidate::ParseResult parsed = candidate::parse(source);
  if (!parsed.program) return report_diagnostic(given, *parsed.diagnostic, source);
  if (!given.state.empty()) return answer_at(given, config, source);

  const candidate::Program& program = *parsed.program;
  const TrainSpec spec = train_spec(config);
  const candidate::Cost cost = candidate::cost(program, bindings_of(spec));
  OrderedJson report{{"valid", true},
                     {"identity", program.identity},
                     {"track", track_of(program)},
                     {"nodes", program.nodes.size()},
                     {"flops", cost.flops},
                     {"bytes", cost.bytes}};
  if (!given.json) print_static(given, program, cost, spec);
  if (cost.flops > config.max_flops || cost.bytes > config.max_bytes) {
    std::ostringstream why;
    why << "too expensive: allowed are " << config.max_flops << " FLOPs (limits.max_flops) and "
        << config.max_bytes
        << " bytes (limits.max_bytes); use fewer or smaller intermediate tensors";
    return report_rejection(given, report, Outcome::kStaticReject, why.str());
  }
  if (given.is_static) {
    if (given.json) std::cout << report.dump(2) << "\n";
    return 0;
  }
  const ProbeResult result = probe(given, config, source, "");
  if (result.outcome != Outcome::kOk) {
    return report_rejection(given, report, result.outcome, result.message);
  }
  if (given.json) {
    report["outcome"] = to_string(result.outcome);
    report["unit"] = result.unit;
    report["order_dependent"] = result.order_dependent;
    std::cout << report.dump(2) << "\n";
  } else {
    std::cout << "contract kept; one unit of coefficient multiplies by " << result.unit
              << (result.order_dependent
                      ? "; the value depends on the order of tokens in a sequence"
                      : "")
              << "\n";
  }
  return 0;
}

}  // namespace

Job set_up_check(CLI::App& app) {
  const auto given = std::make_shared<CheckGiven>();
  app.add_option("FILE", given->file, "A text in the loss language")->required()->type_name("");
  CLI::Option* is_static = app.add_flag("--static", given->is_static,
                                        "Parse, types, limits and cost only; starts nothing");
  app.add_option("--at", given->state, "Print value, gradient and bias at this router state (JSON)")
      ->type_name("STATE.json")
      ->excludes(is_static);
  add_config(app, *given);
  add_json(app, *given);
  app.add_flag("--accept-no-sandbox", given->accept_no_sandbox,
               "Run without a full sandbox where this machine offers none");
  return [given] { return check_file(*given); };
}

}  // namespace ballast::orchestrator
