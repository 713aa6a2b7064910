#include "orchestrator/llm/replay_llm.h"

#include "common/error.h"
#include "orchestrator/llm/calls.h"

namespace ballast::orchestrator {

ReplayLlm::ReplayLlm(std::vector<population::CallRow> recorded, population::Archive& archive)
    : archive_(archive) {
  for (population::CallRow& row : recorded)
    if (row.ordinal && row.answered)
      recorded_[{row.prompt_hash, row.model, *row.ordinal}] = std::move(row);
}

int64_t ReplayLlm::submit(const LlmCall& call) {
  const std::string hash = population::prompt_hash(call.prompt.system, call.prompt.user);
  const int64_t ordinal = asked_[{hash, call.model}]++;
  const auto found = recorded_.find({hash, call.model, ordinal});
  if (found == recorded_.end())
    throw Error("replay: the archive holds no answer number " + std::to_string(ordinal + 1) +
                " of model " + call.model + " to the " + call.op + " prompt " + hash.substr(0, 12) +
                ": this run is not the recorded one (another build, configuration or archive), or "
                "the record ends here");
  population::CallRow row = found->second;
  row.op = call.op;
  row.variant = call.variant;
  Waiting waiting{++last_ticket_, archive_.begin_call(row), found->second};
  const int64_t place = *waiting.recorded.answered;
  waiting_[place] = std::move(waiting);
  return last_ticket_;
}

LlmAnswer ReplayLlm::give(const Waiting& waiting, LlmReply reply) {
  archive_.finish_call(waiting.row, call_end(reply, waiting.recorded.seconds));
  return {waiting.ticket, waiting.row, std::move(reply)};
}

std::optional<LlmAnswer> ReplayLlm::wait(double seconds) {
  if (!cancelled_.empty()) {
    LlmAnswer answer = std::move(cancelled_.back());
    cancelled_.pop_back();
    return answer;
  }
  if (waiting_.empty()) return std::nullopt;
  const auto first = waiting_.begin();
  if (seconds <= 0 && first->first > next_) return std::nullopt;
  next_ = first->first + 1;
  const Waiting waiting = std::move(first->second);
  waiting_.erase(first);
  return give(waiting, recorded_reply(waiting.recorded));
}

void ReplayLlm::cancel(int64_t ticket) {
  for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
    if (it->second.ticket != ticket) continue;
    LlmReply reply;
    reply.outcome = LlmOutcome::kCancelled;
    reply.message = "cancelled";
    cancelled_.push_back(give(it->second, std::move(reply)));
    waiting_.erase(it);
    return;
  }
}

int64_t ReplayLlm::pending() const {
  return static_cast<int64_t>(waiting_.size() + cancelled_.size());
}

}  // namespace ballast::orchestrator
