// What the search asks language models, and what it does with their answers.
#include <algorithm>
#include <utility>

#include "common/error.h"
#include "common/json.h"
#include "orchestrator/llm/calls.h"
#include "orchestrator/llm/outcome_rules.h"
#include "orchestrator/prompt_facts.h"
#include "orchestrator/search_state.h"
#include "prompts/notes.h"

namespace ballast::orchestrator {
namespace {

constexpr size_t kMostResults = 40;  // shown to who writes notes

bool has_answer(const population::CallRow& call) {
  return !call.outcome.empty() && call.outcome != "LOST" && call.outcome != "CANCELLED";
}

std::optional<size_t> arm_of(const SearchConfig& config, const population::DraftRow& row) {
  for (size_t k = 0; k < config.operators.size(); ++k)
    if (config.operators[k].name == row.op && config.operators[k].model == row.model) return k;
  return std::nullopt;
}

}  // namespace

Dialogue Search::State::dialogue() {
  return {config,
          ledger,
          made,
          archive,
          memory,
          scratchpad,
          texts,
          proposer,
          models[config.models.embedder].closed.empty(),
          models[config.models.judge].closed.empty()};
}

// One place is left to each of the others, so that a model that does not answer does not hold all.
bool Search::State::may_ask(const std::string& model) const {
  std::set<std::string_view> names;
  for (const OperatorConfig& op : config.operators)
    if (!op.model.empty()) names.insert(op.model);
  const int64_t others = static_cast<int64_t>(names.size()) - (names.contains(model) ? 1 : 0);
  const int64_t most = std::max<int64_t>(1, config.models.in_flight - others);
  const auto it = models.find(model);
  return it == models.end() || (it->second.closed.empty() && it->second.in_flight < most);
}

bool Search::State::drafts_full() const {
  const auto open = [&](const OperatorConfig& op) {
    const auto it = models.find(op.model);
    return !op.model.empty() && op.weight > 0 && (it == models.end() || it->second.closed.empty());
  };
  return static_cast<int64_t>(drafts.size()) >= config.models.in_flight &&
         std::any_of(config.operators.begin(), config.operators.end(), open);
}

std::vector<bool> Search::State::closed_arms() const {
  const bool none = llm == nullptr || money_spent || out_of_evaluations() ||
                    static_cast<int64_t>(drafts.size()) >= config.models.in_flight;
  std::vector<bool> out;
  for (const OperatorConfig& op : config.operators)
    out.push_back(!op.model.empty() && (none || !may_ask(op.model)));
  return out;
}

void Search::State::submit(Draft& draft, const Asking& asking) {
  draft.asked = asking.model;
  const int64_t ticket = llm->submit({.model = asking.model,
                                      .prompt = asking.prompt,
                                      .op = asking.op,
                                      .variant = asking.variant,
                                      .draft = draft.row.number});
  draft_of[ticket] = draft.row.number;
  ++models[asking.model].in_flight;
}

void Search::State::ask(const Question& question, std::optional<int> island, int attempt) {
  Draft draft;
  draft.arm = question.arm;
  draft.attempt = attempt;
  draft.row.number = ++last_draft;
  draft.row.op = config.operators[question.arm].name;
  draft.row.model = config.operators[question.arm].model;
  draft.row.island = island;
  for (const size_t parent : question.parents)
    draft.row.parents.push_back(ledger.entries()[parent].identity);
  const Asking asking = dialogue().question(draft);
  draft.row.variant = asking.variant;
  ++drafts_asked;
  begin_draft(std::move(draft), asking);
}

void Search::State::begin_draft(Draft draft, const Asking& asking) {
  const int64_t number = draft.row.number;
  Draft& kept = drafts[number] = std::move(draft);
  archive.together([&] {
    archive.add_draft(kept.row);
    submit(kept, asking);
  });
  ++steps;
  SearchEvent event;
  event.kind = SearchEventKind::kAsked;
  event.number = number;
  event.text = asking.model;
  observer.event(event);
}

bool Search::State::notes_due() const {
  const std::string& model = config.models.notes;
  return llm != nullptr && !model.empty() && config.notes_every > 0 && !scratchpad.waiting &&
         !money_spent && !out_of_evaluations() && !drafts_full() && may_ask(model) &&
         children_known - scratchpad.children >= config.notes_every;
}

void Search::State::ask_for_notes() {
  const FactsSource source{config, ledger, made, archive, memory, "", {}};
  const std::vector<prompts::Result> results =
      results_for_notes(source, static_cast<size_t>(scratchpad.proposals), kMostResults);
  const Asking asking = dialogue().notes(results);
  Draft draft;
  draft.row.number = ++last_draft;
  draft.row.op = kNotes;
  draft.row.model = asking.model;
  draft.row.variant = asking.variant;
  scratchpad.children = children_known;
  scratchpad.proposals = proposals;
  scratchpad.waiting = true;
  archive.together([&] {
    archive.put_state("search.notes", to_json(scratchpad));
    begin_draft(std::move(draft), asking);
  });
}

bool Search::State::take_answers() {
  if (llm == nullptr) return false;
  bool any = false;
  while (const auto answer = llm->wait(0)) {
    handle(*answer);
    any = true;
  }
  return any;
}

void Search::State::handle(const LlmAnswer& answer) {
  const auto it = draft_of.find(answer.ticket);
  if (it == draft_of.end()) return;
  Draft& draft = drafts.at(it->second);
  draft_of.erase(it);
  --models[draft.asked].in_flight;
  if (answer.reply.outcome == LlmOutcome::kCancelled) return;  // the next start asks again
  judge_model(draft.asked, answer.reply);
  use(draft, answer.call, answer.reply, answer.usd);
}

// What follows from an answer is stored with the fact that it was used.
void Search::State::use(Draft& draft, int64_t call, const LlmReply& reply, double cost) {
  const int64_t number = draft.row.number;
  usd += cost;
  draft.calls.push_back(call);
  draft.usd += cost;
  ++arrivals;
  const int64_t now = steps;
  if (draft.row.op == kNotes) {
    take_notes(draft, call, reply);
  } else {
    std::variant<Asking, Proposal> next = dialogue().next(draft, reply);
    archive.together([&] {
      archive.add_arrival({.call = call, .steps = now});
      if (const auto* asking = std::get_if<Asking>(&next))
        submit(draft, *asking);
      else
        end_draft(number, std::move(std::get<Proposal>(next)));
    });
  }
  SearchEvent event;
  event.kind = SearchEventKind::kAnswered;
  event.number = number;
  event.text = to_string(reply.outcome);
  observer.event(event);
}

void Search::State::take_notes(const Draft& draft, int64_t call, const LlmReply& reply) {
  if (reply.outcome == LlmOutcome::kOk || reply.outcome == LlmOutcome::kTruncated) {
    auto notes = prompts::read_notes(reply.text, reply.outcome == LlmOutcome::kTruncated);
    if (auto* read = std::get_if<prompts::Notes>(&notes)) {
      scratchpad.text = std::move(read->text);
      scratchpad.suggestions = std::move(read->suggestions);
    }
  }
  scratchpad.waiting = false;
  const int64_t number = draft.row.number;
  archive.together([&] {
    archive.add_arrival({.call = call, .steps = steps});
    archive.put_state("search.notes", to_json(scratchpad));
    archive.end_draft(number, std::nullopt);
  });
  drafts.erase(number);
}

// Stores the proposal. A text that was too close to a known one is drawn again, as published.
void Search::State::end_draft(int64_t number, Proposal proposal) {
  Draft draft = std::move(drafts.at(number));
  drafts.erase(number);
  proposal.row.calls = draft.calls;
  if (proposal.candidate) {
    proposer.judge_again(proposal);
    if (proposal.candidate) proposal.candidate->name = draft.row.op + child_suffix(proposals + 1);
  }
  archive.together([&] {
    store(proposal, &draft);
    if (proposal.row.reason != "embedding" || !draft.arm || closed_arms()[*draft.arm]) return;
    const TextRule rule = text_rule(config.text_novelty, !config.models.judge.empty());
    if (draft.attempt >= rule.attempts) return;
    Question again{*draft.arm, {}};
    for (const std::string& parent : draft.row.parents)
      again.parents.push_back(*ledger.find(parent));
    ask(again, draft.row.island, draft.attempt + 1);
  });
}

// Only from answers that were used, in their order: a replay sees the same.
void Search::State::judge_model(const std::string& model, const LlmReply& reply) {
  ModelStanding& standing = models[model];
  if (reply.outcome == LlmOutcome::kBudget) money_spent = true;
  const bool bad = reply.outcome == LlmOutcome::kBadRequest;
  standing.bad_requests = bad ? standing.bad_requests + 1 : 0;
  const bool for_good = closes_model(reply.outcome) || standing.bad_requests >= kBadRequests;
  if (!for_good || !standing.closed.empty()) return;
  standing.closed = std::string(to_string(reply.outcome)) + ": " + reply.message;
  archive.add_event("model closed", Json({{"model", model}, {"why", standing.closed}}).dump());
  SearchEvent event;
  event.kind = SearchEventKind::kClosed;
  event.name = model;
  event.text = standing.closed;
  observer.event(event);
}

// Drafts of an earlier start: what their answers led to is worked out again, answers that nobody
// has used yet are used in the order in which they came, the last question of the others is asked
// again.
void Search::State::take_up_drafts() {
  std::vector<std::pair<int64_t, int64_t>> unused;  // order of the answer, draft
  std::vector<int64_t> orphans;                     // of models that are configured no more
  for (population::DraftRow& row : archive.drafts()) {
    if (row.ended_ns) continue;
    const int64_t number = row.number;
    const std::vector<population::CallRow> calls = archive.calls_of_draft(number);
    require(!calls.empty(), "draft " + std::to_string(number) + " of the archive asked nothing");
    Draft& draft = drafts[number];
    draft.arm = arm_of(config, row);
    draft.row = std::move(row);
    for (const population::CallRow& call : calls)
      if (has_answer(call)) draft.recorded.push_back(call);
    // Asked word for word as before: what the search knows has changed since.
    const population::CallRow& last = calls.back();
    const Asking asking{last.op, last.model, last.variant, {last.system, last.user}};
    if (draft.row.op == kNotes) scratchpad.waiting = true;
    const bool notes = draft.row.op == kNotes && draft.row.model == config.models.notes;
    if (llm == nullptr || (!draft.arm && !notes)) {
      orphans.push_back(number);
      continue;
    }
    std::optional<Proposal> ended;
    while (!ended && !draft.recorded.empty() && draft.recorded.front().handled_ns) {
      const population::CallRow call = std::move(draft.recorded.front());
      draft.recorded.pop_front();
      draft.calls.push_back(call.id);
      draft.usd += call.usd;
      auto next = dialogue().next(draft, recorded_reply(call));
      if (auto* proposal = std::get_if<Proposal>(&next)) ended = std::move(*proposal);
    }
    if (ended)
      end_draft(number, std::move(*ended));
    else if (!draft.recorded.empty())
      unused.emplace_back(draft.recorded.front().answered.value_or(0), number);
    else
      submit(draft, asking);
  }
  std::sort(unused.begin(), unused.end());
  for (const auto& [order, number] : unused) {
    Draft& draft = drafts.at(number);
    const population::CallRow call = std::move(draft.recorded.front());
    draft.recorded.clear();
    judge_model(call.model, recorded_reply(call));
    use(draft, call.id, recorded_reply(call), call.usd);
  }
  drop(orphans);
  take_answers();  // in a replay, those of the above
}

void Search::State::drop(const std::vector<int64_t>& numbers) {
  for (const int64_t number : numbers) {
    const Draft& draft = drafts.at(number);
    if (draft.row.op == kNotes) {
      scratchpad.waiting = false;
      archive.end_draft(number, std::nullopt);
      drafts.erase(number);
      continue;
    }
    Proposal proposal;
    proposal.row.op = draft.row.op;
    proposal.row.parents = draft.row.parents;
    proposal.row.outcome = Outcome::kInfra;
    proposal.row.reason = "call";
    proposal.row.detail = "the model " + draft.row.model + " is not asked for this any more";
    end_draft(number, std::move(proposal));
  }
}

void Search::State::cancel_drafts() {
  for (const auto& [ticket, number] : draft_of) llm->cancel(ticket);
  while (llm != nullptr && llm->pending() > 0) llm->wait(kPoll);
}

}  // namespace ballast::orchestrator
