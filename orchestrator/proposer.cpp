#include "orchestrator/proposer.h"

#include <cassert>
#include <cstdio>
#include <utility>

#include "candidate/mutate.h"
#include "candidate/parse.h"
#include "common/error.h"
#include "common/rng.h"
#include "orchestrator/operator_choice.h"
#include "orchestrator/operators.h"
#include "prompts/request.h"

namespace ballast::orchestrator {
namespace {

// An operator may find nothing to change in a parent (`tune` where there is no constant). Other
// parents are drawn for it first, so that it keeps its share of the proposals; then another
// operator.
constexpr int kParentDraws = 8;
constexpr int kDraws = 40;

bool needs_second(const OperatorConfig& op) {
  return op.model.empty() ? needs_donor(op.name) : prompts::parents_needed(op.name) > 1;
}

std::string track_of(const ProbeResult& probe) {
  if (probe.has_loss && probe.has_bias) return "loss+bias";
  return probe.has_loss ? "loss" : "bias";
}

candidate::Bindings bindings_of(const TrainSpec& spec) {
  const int64_t S = spec.schedule.sequences;
  return {{S * spec.schedule.sequence, S, spec.model.experts, spec.model.top_k, 1}};
}

}  // namespace

std::string child_suffix(int64_t number) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "-%06lld", static_cast<long long>(number));
  return digits;
}

Proposal Proposer::seed(int64_t number, const SeedText& text) {
  Child child{"seed", text.name, {}, std::nullopt, text.source, "shipped as " + text.name};
  candidate::ParseResult parsed = candidate::parse(text.source);
  if (parsed.program)
    child.program = std::move(parsed.program);
  else
    child.detail = candidate::to_string(*parsed.diagnostic);
  Proposal proposal = judge(number, std::move(child));
  proposal.row.source = text.source;
  return proposal;
}

const candidate::Program* Proposer::program(size_t entry) {
  const Entry& known = ledger_.entries()[entry];
  const auto& program =
      programs_.get(known.identity, [&] { return candidate::parse(known.source).program; });
  return program ? &*program : nullptr;
}

std::optional<std::variant<Proposal, Question>> Proposer::make(const Turn& turn,
                                                               const std::vector<Elite>& parents,
                                                               const Bandit& bandit,
                                                               const std::vector<bool>& closed) {
  assert(!parents.empty());
  auto drawn = draw(turn, parents, bandit, closed);
  if (!drawn) return std::nullopt;
  if (auto* question = std::get_if<Question>(&*drawn)) return std::move(*question);
  return judge(turn.number, std::move(std::get<Child>(*drawn)));
}

std::optional<std::variant<Child, Question>> Proposer::draw(const Turn& turn,
                                                            const std::vector<Elite>& parents,
                                                            const Bandit& bandit,
                                                            const std::vector<bool>& closed) {
  Rng rng(config_.seed, "proposal", static_cast<uint64_t>(turn.number));
  std::vector<ParentOption> options;
  for (const Elite& elite : parents) options.push_back(elite.option);
  const auto parent = [&]() -> size_t {
    return parents[choose_parent(config_.parents, options, rng)].entry;
  };

  Child child;
  size_t drawn = 0;
  std::vector<bool> tried(config_.operators.size(), false);
  for (int i = 0; i < kDraws; ++i) {
    if (i % kParentDraws == 0) {
      const auto arm = choose_operator(config_, bandit, tried, closed, rng);
      if (!arm) return std::nullopt;
      drawn = *arm;
      tried[drawn] = true;
    }
    const OperatorConfig& op = config_.operators[drawn];
    const size_t main = parent();
    const Entry& first = ledger_.entries()[main];
    const candidate::Program* main_program = program(main);
    if (main_program == nullptr) continue;
    child = {op.name, op.name + turn.suffix, {first.identity}, std::nullopt, "", ""};
    std::optional<size_t> second;
    const candidate::Program* donor = nullptr;
    if (needs_second(op)) {
      second = parent();
      const Entry& other = ledger_.entries()[*second];
      if (other.identity == first.identity) continue;
      child.parents.push_back(other.identity);
      donor = program(*second);
      if (donor == nullptr) continue;
    }
    if (!op.model.empty()) {
      Question question{drawn, {main}};
      if (second) question.parents.push_back(*second);
      return question;
    }
    std::optional<candidate::Mutation> changed = apply_operator(op.name, *main_program, donor, rng);
    if (!changed) continue;
    child.program = std::move(changed->program);
    child.detail = std::move(changed->description);
    return child;
  }
  child.detail = "no operator found anything to change in " + std::to_string(kDraws) + " draws";
  return child;
}

Proposal Proposer::judge(int64_t number, Child child) {
  Proposal out;
  out.row.op = child.op;
  out.row.parents = std::move(child.parents);
  out.row.detail = child.detail;
  const auto reject = [&](Outcome outcome, std::string reason, const std::string& why) {
    out.row.outcome = outcome;
    out.row.reason = std::move(reason);
    if (!why.empty()) out.row.detail += (out.row.detail.empty() ? "" : ": ") + why;
    return out;
  };
  if (!child.program) {
    out.row.source = std::move(child.source);
    return reject(Outcome::kStaticReject, "static", "");
  }

  // What is stored must read back as the same program: it is what later starts work from.
  const std::string source = candidate::print(*child.program);
  out.row.source = source;
  const candidate::ParseResult again = candidate::parse(source);
  if (!again.program)
    return reject(Outcome::kStaticReject, "static", candidate::to_string(*again.diagnostic));
  const std::string& identity = again.program->identity;
  out.row.identity = identity;
  const candidate::Cost cost = candidate::cost(*again.program, bindings_of(config_.spec));
  if (cost.flops > config_.max_flops || cost.bytes > config_.max_bytes)
    return reject(Outcome::kStaticReject, "static",
                  "costs " + std::to_string(cost.flops) + " FLOP and " +
                      std::to_string(cost.bytes) + " bytes a micro-batch");
  if (const auto known = ledger_.find(identity))
    return reject(Outcome::kOk, "identity", "is " + ledger_.entries()[*known].name);

  const ProbeResult result = probe(number, source);
  if (result.outcome == Outcome::kStaticReject)
    return reject(result.outcome, "static", result.message);
  if (result.outcome != Outcome::kOk) return reject(result.outcome, "contract", result.message);
  if (const auto match = known_.find(result.fingerprint)) {
    char distance[32];
    std::snprintf(distance, sizeof distance, "%.2g", match->distance);
    return reject(Outcome::kOk, "fingerprint",
                  "computes what " + ledger_.entries()[match->index].name + " computes (distance " +
                      distance + ")");
  }
  out.row.reason = "accepted";
  out.candidate = population::CandidateRow{identity,          child.name,  source,
                                           track_of(result),  result.unit, result.order_dependent,
                                           result.fingerprint};
  programs_.get(identity, [&] { return again.program; });  // it may be a parent soon
  return out;
}

void Proposer::judge_again(Proposal& proposal) const {
  assert(proposal.candidate);
  const auto reject = [&](std::string reason, const std::string& why) {
    proposal.row.reason = std::move(reason);
    proposal.row.detail += (proposal.row.detail.empty() ? "" : ": ") + why;
    proposal.candidate.reset();
  };
  if (const auto known = ledger_.find(proposal.row.identity))
    return reject("identity", "is " + ledger_.entries()[*known].name + " by now");
  if (const auto match = known_.find(proposal.candidate->fingerprint))
    reject("fingerprint",
           "computes what " + ledger_.entries()[match->index].name + " computes by now");
}

ProbeResult Proposer::probe(int64_t number, const std::string& source) {
  ProbeResult result;
  for (int i = 0; i <= config_.infra_retries; ++i) {
    result = probes_.probe({number, source, ""}, config_.probe_limits);
    if (result.outcome != Outcome::kInfra) return result;
  }
  throw Error("probing proposal " + std::to_string(number) + " failed " +
              std::to_string(config_.infra_retries + 1) +
              " times through no fault of the candidate: " + result.message +
              "; run `ballast doctor`, then start the search again");
}

}  // namespace ballast::orchestrator
