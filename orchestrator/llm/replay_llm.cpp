#include "orchestrator/llm/replay_llm.h"

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "orchestrator/llm/calls.h"

namespace ballast::orchestrator {

ReplayLlm::ReplayLlm(const std::vector<population::CallRow>& recorded, population::Archive& archive)
    : archive_(archive) {
  for (const population::CallRow& row : recorded)
    if (row.draft && row.handled_ns) recorded_[*row.draft].push_back(row);
}

int64_t ReplayLlm::submit(const LlmCall& call) {
  require(call.draft.has_value(), "replay: a call that belongs to no draft");
  population::CallRow row;
  row.model = call.model;
  row.sampling = "{}";
  Waiting waiting;
  waiting.draft = *call.draft;
  const auto& answers = recorded_[waiting.draft];
  const size_t place = given_[waiting.draft];
  if (place < answers.size()) {
    const population::CallRow& known = answers[place];
    const std::string hash = population::prompt_hash(call.prompt.system, call.prompt.user);
    if (known.model != call.model || known.prompt_hash != hash)
      throw Error("replay: draft " + std::to_string(waiting.draft) + " asks " + call.model +
                  " the " + call.op + " prompt " + hash.substr(0, 12) + ", and in the archive " +
                  known.model + " the " + known.op + " prompt " + known.prompt_hash.substr(0, 12) +
                  ": this run is not the recorded one (another build, configuration or archive)");
    row = known;
    waiting.recorded = &known;
  }
  row.op = call.op;
  row.variant = call.variant;
  row.draft = call.draft;
  row.system = call.prompt.system;
  row.user = call.prompt.user;
  waiting.row = archive_.begin_call(row);
  waiting_[++last_ticket_] = waiting;
  return last_ticket_;
}

// What it cost is written as the record has it, in one attempt.
LlmAnswer ReplayLlm::finish(int64_t ticket, const Waiting& waiting, LlmReply reply, double usd) {
  archive_.together([&] {
    if (usd > 0) {
      // A call that a ceiling ended may have paid for attempts before: these were no BUDGET.
      const bool ceiling = reply.outcome == LlmOutcome::kBudget;
      const int64_t attempt = archive_.begin_attempt(waiting.row, 1, usd, 0);
      archive_.finish_attempt(
          attempt,
          {.outcome = ceiling ? "LOST" : std::string(to_string(reply.outcome)), .usd = usd});
    }
    archive_.finish_call(waiting.row, call_end(reply, reply.seconds));
  });
  return {ticket, waiting.row, std::move(reply), usd};
}

bool ReplayLlm::give(int64_t recorded_call) {
  const auto it = std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& w) {
    return w.second.recorded != nullptr && w.second.recorded->id == recorded_call;
  });
  if (it == waiting_.end()) return false;
  const Waiting waiting = it->second;
  const int64_t ticket = it->first;
  waiting_.erase(it);
  ++given_[waiting.draft];
  answers_.push_back(
      finish(ticket, waiting, recorded_reply(*waiting.recorded), waiting.recorded->usd));
  return true;
}

std::optional<LlmAnswer> ReplayLlm::wait(double) {
  if (answers_.empty()) return std::nullopt;
  LlmAnswer answer = std::move(answers_.front());
  answers_.pop_front();
  return answer;
}

void ReplayLlm::cancel(int64_t ticket) {
  const auto it = waiting_.find(ticket);
  if (it == waiting_.end()) return;
  LlmReply reply;
  reply.outcome = LlmOutcome::kCancelled;
  reply.message = "cancelled";
  answers_.push_back(finish(ticket, it->second, std::move(reply), 0));
  waiting_.erase(it);
}

int64_t ReplayLlm::pending() const {
  return static_cast<int64_t>(waiting_.size() + answers_.size());
}

}  // namespace ballast::orchestrator
