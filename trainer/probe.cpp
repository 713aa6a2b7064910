#include "trainer/probe.h"

#include <ATen/ATen.h>

#include <cstdio>

#include "candidate/parse.h"
#include "trainer/contract.h"
#include "trainer/fingerprint.h"
#include "trainer/interpreter.h"
#include "trainer/state.h"
#include "trainer/value.h"

namespace ballast::trainer {

struct Prober::States {
  std::vector<ContractState> contract = make_contract_states();
  FingerprintStates fingerprint = make_fingerprint_states();
  UnitStates unit = make_unit_states();
  double contract_reference_norm =
      0;  // of global-batch LBL over the contract's states without ties
};

namespace {

constexpr std::string_view kReference =
    "def balance_loss(r):\n    return r.num_experts * (r.load_global * r.probs.mean(0)).sum()\n";

std::optional<std::string> too_dear(const candidate::Program& program,
                                    const std::vector<ContractState>& states) {
  for (const ContractState& s : states) {
    const candidate::Bindings sizes = s.exact.bindings();
    const candidate::Cost cost = candidate::cost(program, sizes);
    if (cost.flops <= kProbeFlops && cost.bytes <= kProbeBytes) continue;
    char buffer[160];
    std::snprintf(buffer, sizeof buffer, "%.3g FLOPs and %.3g bytes, allowed are %.3g and %.3g",
                  cost.flops, cost.bytes, kProbeFlops, kProbeBytes);
    return "too expensive: one evaluation with " + to_string(sizes) + " costs " + buffer +
           "; use fewer or smaller intermediate tensors";
  }
  return std::nullopt;
}

ProbeResult rejected(ProbeResult result, Outcome outcome, std::string message) {
  result.outcome = outcome;
  result.message = std::move(message);
  for (char& c : result.message)
    if (c == '\n') c = ' ';
  return result;
}

ProbeResult answer(ProbeResult result, const candidate::Program& program, const State& state) {
  try {
    Answer answer = answer_at(program, state);
    if (!answer.finite)
      return rejected(std::move(result), Outcome::kNonfinite,
                      "the value, its gradient or the bias is not finite at this state");
    result.at_json = std::move(answer.json);
  } catch (const CandidateError& error) {
    return rejected(std::move(result), Outcome::kContractViolation, error.what());
  }
  result.outcome = Outcome::kOk;
  return result;
}

}  // namespace

Prober::Prober() : states_(std::make_unique<States>()) {
  const candidate::ParseResult reference = candidate::parse(kReference);
  states_->contract_reference_norm =
      check_contract(*reference.program, states_->contract).grad_norm;
}
Prober::~Prober() = default;

ProbeResult Prober::run(const ProbeJob& job) const {
  ProbeResult result;
  result.attempt = job.attempt;
  const candidate::ParseResult parsed = candidate::parse(job.source);
  if (!parsed.program)
    return rejected(std::move(result), Outcome::kStaticReject, to_string(*parsed.diagnostic));
  const candidate::Program& program = *parsed.program;
  result.has_loss = program.loss.has_value();
  result.has_bias = program.bias.has_value();
  if (!job.state.empty()) return answer(std::move(result), program, parse_state(job.state));

  if (auto why = too_dear(program, states_->contract))
    return rejected(std::move(result), Outcome::kStaticReject, *std::move(why));
  try {
    ContractReport report = check_contract(program, states_->contract);
    if (report.violation)
      return rejected(std::move(result), Outcome::kContractViolation, *std::move(report.violation));
    result.order_dependent = report.order_dependent;
    result.fingerprint = fingerprint(program, states_->fingerprint);
    result.unit =
        unit(program, states_->unit).value_or(states_->contract_reference_norm / report.grad_norm);
    if (!std::isfinite(result.unit)) result.unit = 1;  // no gradient at all: a text for its bias
  } catch (const CandidateError& error) {
    return rejected(std::move(result), Outcome::kContractViolation,
                    std::string("evaluation: ") + error.what());
  }
  result.outcome = Outcome::kOk;
  return result;
}

ProbeResult run_probe(const ProbeJob& job) { return Prober().run(job); }

}  // namespace ballast::trainer
