#include "orchestrator/draft.h"

#include <utility>

#include "common/error.h"
#include "common/json.h"
#include "orchestrator/llm/vector_text.h"
#include "orchestrator/prompt_facts.h"
#include "prompts/answer.h"
#include "prompts/judge.h"
#include "prompts/notes.h"

namespace ballast::orchestrator {
namespace {

constexpr std::string_view kEmbed = "embed", kJudge = "judge", kRepair = "repair";

Asking asking_of(std::string_view op, const std::string& model, prompts::Request request) {
  return {std::string(op),
          model,
          request.variant + "@" + request.templates,
          {std::move(request.system), std::move(request.user)}};
}

std::string joined(const std::string& idea, const std::string& why) {
  return idea + (idea.empty() || why.empty() ? "" : ": ") + why;
}

// As the archive says what a failed reply came to.
std::string_view reason_of(prompts::FailureKind kind) {
  switch (kind) {
    case prompts::FailureKind::kUnchanged:
      return "identity";
    case prompts::FailureKind::kStatic:
    case prompts::FailureKind::kNoGradient:
      return "static";
    case prompts::FailureKind::kContract:
      return "contract";
    default:
      return "reply";
  }
}

Outcome outcome_of(prompts::FailureKind kind) {
  if (kind == prompts::FailureKind::kUnchanged) return Outcome::kOk;
  return kind == prompts::FailureKind::kContract ? Outcome::kContractViolation
                                                 : Outcome::kStaticReject;
}

}  // namespace

std::string to_json(const Scratchpad& s) {
  return Json({{"text", s.text},
               {"suggestions", s.suggestions},
               {"children", s.children},
               {"proposals", s.proposals}})
      .dump();
}

Scratchpad scratchpad_from_json(std::string_view text) {
  const Json json = parse_json(text, "state search.notes");
  ObjectReader in(json, "state search.notes");
  Scratchpad out;
  out.text = in.text("text");
  out.suggestions = in.texts("suggestions");
  out.children = in.integer("children");
  out.proposals = in.integer("proposals");
  in.done();
  return out;
}

std::vector<size_t> Dialogue::parents(const Draft& draft) const {
  std::vector<size_t> out;
  for (const std::string& identity : draft.row.parents) {
    const auto entry = ledger.find(identity);
    require(entry.has_value(), "draft " + std::to_string(draft.row.number) + ": its parent " +
                                   identity + " is not in the archive");
    out.push_back(*entry);
  }
  return out;
}

Asking Dialogue::question(const Draft& draft) const {
  const auto number = static_cast<uint64_t>(draft.row.number);
  Rng rng(config.seed, "prompt", number);
  const auto& variants = prompts::variants(draft.row.op);
  const std::string_view variant =
      variants[static_cast<size_t>(rng.below(static_cast<int64_t>(variants.size())))];
  const FactsSource source{
      config, ledger, made, archive, memory, scratchpad.text, scratchpad.suggestions};
  return asking_of(draft.row.op, draft.row.model,
                   prompts::make_request(task_of(config), draft.row.op, variant,
                                         facts_for(source, parents(draft), rng)));
}

Asking Dialogue::notes(const std::vector<prompts::Result>& results) const {
  return asking_of(kNotes, config.models.notes,
                   prompts::make_notes_request(task_of(config), scratchpad.text, results));
}

std::variant<Asking, Proposal> Dialogue::next(Draft& draft, const LlmReply& reply) const {
  if (draft.close) return judged(draft, reply);
  if (draft.embedding_asked) return compare(draft, reply);
  return read(draft, reply);
}

std::variant<Asking, Proposal> Dialogue::read(Draft& draft, const LlmReply& reply) const {
  if (reply.outcome != LlmOutcome::kOk && reply.outcome != LlmOutcome::kTruncated)
    return rejected(draft, Outcome::kInfra, "call",
                    std::string(to_string(reply.outcome)) + ": " + reply.message);
  std::vector<prompts::Parent> given;
  for (const size_t parent : parents(draft)) {
    const candidate::Program* program = proposer.program(parent);
    given.push_back({ledger.entries()[parent].source, program ? program->identity : ""});
  }
  auto answer = prompts::read_reply(reply.text, reply.outcome == LlmOutcome::kTruncated, given);
  if (auto* failure = std::get_if<prompts::Failure>(&answer))
    return failed(draft, std::move(*failure));

  auto& source = std::get<prompts::Source>(answer);
  Child child{draft.row.op, draft.row.op, draft.row.parents, std::move(source.program), "", ""};
  Proposal proposal = proposer.judge(draft.row.number, std::move(child));
  proposal.island = draft.row.island;
  const std::string& reason = proposal.row.reason;
  if (reason == "static" || reason == "contract") {
    auto out = failed(draft, {reason == "static" ? prompts::FailureKind::kStatic
                                                 : prompts::FailureKind::kContract,
                              proposal.row.detail, source.text});
    if (auto* end = std::get_if<Proposal>(&out)) {  // what became of the candidate that it is
      end->row.outcome = proposal.row.outcome;
      end->row.identity = proposal.row.identity;
    }
    return out;
  }
  proposal.row.detail = joined(source.idea, proposal.row.detail);
  if (!proposal.candidate || config.models.embedder.empty() || !embedder_open) return proposal;
  draft.embedding_asked = true;
  draft.proposal = std::move(proposal);
  return Asking{std::string(kEmbed), config.models.embedder, "", {"", draft.proposal->row.source}};
}

std::variant<Asking, Proposal> Dialogue::failed(Draft& draft, prompts::Failure failure) const {
  draft.chain.failures.push_back(std::move(failure));
  const prompts::Failure& last = draft.chain.failures.back();
  const auto turns = static_cast<int>(draft.chain.failures.size()) - 1;
  if (turns < config.repair_turns && prompts::may_repair(draft.chain)) {
    const FactsSource source{config, ledger, made, archive, memory, "", {}};
    return asking_of(
        kRepair, draft.row.model,
        prompts::make_repair(task_of(config), parents_only(source, parents(draft)), draft.chain));
  }
  Proposal out = rejected(draft, outcome_of(last.kind), std::string(reason_of(last.kind)),
                          std::string(prompts::to_string(last.kind)) + ": " +
                              last.message.substr(0, last.message.find('\n')));
  out.row.source = last.source;
  return out;
}

std::variant<Asking, Proposal> Dialogue::compare(Draft& draft, const LlmReply& reply) const {
  Proposal& proposal = *draft.proposal;
  std::optional<EmbeddingIndex::Match> nearest;
  if (reply.outcome == LlmOutcome::kOk) {
    if (auto vector = parse_vector_text(reply.text); vector && texts.takes(*vector))
      draft.embedding = std::move(*vector);
  }
  if (!draft.embedding.empty()) nearest = texts.nearest(draft.embedding);
  const TextRule rule = text_rule(config.text_novelty, !config.models.judge.empty() && judge_open);
  TextDecision decision = decide_text(rule, nearest);
  if (decision.verdict == TextVerdict::kNew) return std::move(proposal);
  const Entry& known = ledger.entries()[nearest->index];
  if (decision.verdict == TextVerdict::kClose) {
    proposal.row.detail = joined(proposal.row.detail, decision.reason + " (" + known.name + ")");
    proposal.row.reason = "embedding";
    proposal.candidate.reset();
    return std::move(proposal);
  }
  draft.close = decision;
  prompts::Request request =
      prompts::make_novelty_request(task_of(config), known.source, proposal.row.source);
  return asking_of(kJudge, config.models.judge, std::move(request));
}

std::variant<Asking, Proposal> Dialogue::judged(Draft& draft, const LlmReply& reply) const {
  Proposal& proposal = *draft.proposal;
  std::optional<prompts::Judgement> judgement;
  if (reply.outcome == LlmOutcome::kOk) judgement = prompts::read_judgement(reply.text);
  const TextDecision decision =
      decide_text(*draft.close, judgement ? std::optional(judgement->novel) : std::nullopt,
                  judgement ? judgement->reason : "");
  proposal.row.detail = joined(proposal.row.detail, decision.reason);
  if (decision.verdict != TextVerdict::kNew) {
    proposal.row.reason = "embedding";
    proposal.candidate.reset();
  }
  return std::move(proposal);
}

Proposal Dialogue::rejected(const Draft& draft, Outcome outcome, std::string reason,
                            std::string detail) const {
  Proposal out;
  out.row.op = draft.row.op;
  out.row.parents = draft.row.parents;
  out.row.outcome = outcome;
  out.row.reason = std::move(reason);
  out.row.detail = std::move(detail);
  out.island = draft.row.island;
  return out;
}

}  // namespace ballast::orchestrator
