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

namespace ballast::orchestrator {
namespace {

// An operator may find nothing to change in a parent (`tune` where there is no constant). Other
// parents are drawn for it first, so that it keeps its share of the proposals; then another
// operator.
constexpr int kParentDraws = 8;
constexpr int kDraws = 40;

std::string child_name(std::string_view op, int64_t number) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "-%06lld", static_cast<long long>(number));
  return std::string(op) + digits;
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

// A child before it is judged.
struct Proposer::Draft {
  std::string op, name;
  std::vector<std::string> parents;  // identities
  std::optional<candidate::Program> program;
  std::string source;  // canonical print, or what was given when there is no program
  std::string detail;  // what was changed, or why there is no program
};

Proposal Proposer::make(int64_t number, const std::vector<Elite>& parents, const Bandit& bandit) {
  assert(!parents.empty());
  return judge(number, draft(number, parents, bandit));
}

Proposal Proposer::seed(int64_t number, const SeedText& text) {
  Draft draft{"seed", text.name, {}, std::nullopt, text.source, "shipped as " + text.name};
  candidate::ParseResult parsed = candidate::parse(text.source);
  if (parsed.program)
    draft.program = std::move(parsed.program);
  else
    draft.detail = candidate::to_string(*parsed.diagnostic);
  Proposal proposal = judge(number, std::move(draft));
  proposal.row.source = text.source;
  return proposal;
}

Proposer::Draft Proposer::draft(int64_t number, const std::vector<Elite>& parents,
                                const Bandit& bandit) {
  Rng rng(config_.seed, "proposal", static_cast<uint64_t>(number));
  std::vector<ParentOption> options;
  for (const Elite& elite : parents) options.push_back(elite.option);
  const auto parent = [&]() -> const Entry& {
    return ledger_.entries()[parents[choose_parent(config_.parents, options, rng)].entry];
  };

  Draft draft;
  size_t drawn = 0;
  std::vector<bool> tried(config_.operators.size(), false);
  for (int i = 0; i < kDraws; ++i) {
    if (i % kParentDraws == 0) {
      drawn = choose_operator(config_, bandit, tried, rng);
      tried[drawn] = true;
    }
    const OperatorConfig& op = config_.operators[drawn];
    const Entry& main = parent();
    const auto program = candidate::parse(main.source).program;
    if (!program) continue;  // a text of an older version of the language
    draft = {op.name, child_name(op.name, number), {main.identity}, std::nullopt, "", ""};
    std::optional<candidate::Program> donor;
    if (needs_donor(op.name)) {
      const Entry& other = parent();
      if (other.identity == main.identity) continue;
      draft.parents.push_back(other.identity);
      donor = candidate::parse(other.source).program;
      if (!donor) continue;
    }
    std::optional<candidate::Mutation> child =
        apply_operator(op.name, *program, donor ? &*donor : nullptr, rng);
    if (!child) continue;
    draft.program = std::move(child->program);
    draft.detail = std::move(child->description);
    return draft;
  }
  draft.detail = "no operator found anything to change in " + std::to_string(kDraws) + " draws";
  return draft;
}

// The funnel, cheapest test first (docs/design.md, section 5).
Proposal Proposer::judge(int64_t number, Draft draft) {
  Proposal out;
  out.row.op = draft.op;
  out.row.parents = std::move(draft.parents);
  out.row.detail = draft.detail;
  const auto reject = [&](Outcome outcome, std::string reason, const std::string& why) {
    out.row.outcome = outcome;
    out.row.reason = std::move(reason);
    if (!why.empty()) out.row.detail += (out.row.detail.empty() ? "" : ": ") + why;
    return out;
  };
  if (!draft.program) {
    out.row.source = std::move(draft.source);
    return reject(Outcome::kStaticReject, "static", "");
  }

  // What is stored must read back as the same program: it is what later starts work from.
  const std::string source = candidate::print(*draft.program);
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
  out.candidate = population::CandidateRow{identity,          draft.name,  source,
                                           track_of(result),  result.unit, result.order_dependent,
                                           result.fingerprint};
  return out;
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
