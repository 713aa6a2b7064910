#include "orchestrator/llm/local_embedder.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <string_view>

#include "orchestrator/llm/calls.h"
#include "orchestrator/llm/vector_text.h"

namespace ballast::orchestrator {
namespace {

constexpr double kLook = 0.02;  // real seconds between two looks at the other models

LlmReply reply_of(const EmbedResult& result) {
  LlmReply reply;
  reply.attempts = 0;
  if (result.outcome == Outcome::kOk && result.vectors.size() == 1) {
    reply.outcome = LlmOutcome::kOk;
    reply.text = vector_text(result.vectors[0]);
  } else {
    reply.outcome = LlmOutcome::kBadRequest;
    reply.message = std::string(to_string(result.outcome)) + ": " + result.message;
  }
  return reply;
}

}  // namespace

LocalEmbedder::LocalEmbedder(Model model, Embed embed, Llm& others, population::Archive& archive,
                             const Clock& clock, std::function<void()> notify)
    : model_(std::move(model)),
      embed_(std::move(embed)),
      others_(others),
      archive_(archive),
      clock_(clock),
      notify_(std::move(notify)),
      thread_([this] { work(); }) {}

LocalEmbedder::~LocalEmbedder() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LocalEmbedder::work() {
  while (true) {
    std::pair<int64_t, std::string> next;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || !texts_.empty(); });
      if (ending_) return;
      next = std::move(texts_.front());
      texts_.pop_front();
    }
    EmbedResult result;
    try {
      result = embed_(next.second);
    } catch (const std::exception& e) {
      result.message = e.what();
    }
    {
      const std::lock_guard lock(mutex_);
      done_.emplace_back(next.first, std::move(result));
    }
    changed_.notify_all();
    if (notify_) notify_();
  }
}

int64_t LocalEmbedder::submit(const LlmCall& call) {
  if (call.model != model_.name) return others_.submit(call);
  Waiting waiting;
  waiting.row = archive_.begin_call(row_of(model_, call, {}));
  waiting.text = call.prompt.user;
  waiting.started = clock_.monotonic();
  waiting_.emplace(--last_ticket_, std::move(waiting));
  return last_ticket_;
}

void LocalEmbedder::send_new() {
  bool any = false;
  for (auto& [ticket, waiting] : waiting_) {
    if (waiting.sent) continue;
    waiting.sent = any = true;
    const std::lock_guard lock(mutex_);
    texts_.emplace_back(ticket, std::move(waiting.text));
  }
  if (any) changed_.notify_all();
}

std::optional<LlmAnswer> LocalEmbedder::wait(double seconds) {
  send_new();
  const double end = clock_.monotonic() + seconds;
  for (double pause = 0;; pause = std::min(kLook, end - clock_.monotonic())) {
    if (!answers_.empty()) {
      LlmAnswer answer = std::move(answers_.front());
      answers_.pop_front();
      return answer;
    }
    // Whoever has something to do waits; where both have, the others do.
    const bool others = others_.pending() > 0;
    if (auto answer = take(others ? 0 : pause)) return answer;
    if (auto answer = others_.wait(pause)) return answer;
    if (clock_.monotonic() >= end || pending() == 0) return std::nullopt;
  }
}

// The next text that was embedded and is still wanted.
std::optional<LlmAnswer> LocalEmbedder::take(double seconds) {
  while (true) {
    Done done;
    {
      std::unique_lock lock(mutex_);
      if (seconds > 0)
        changed_.wait_for(lock, std::chrono::duration<double>(seconds),
                          [this] { return !done_.empty(); });
      if (done_.empty()) return std::nullopt;
      done = std::move(done_.front());
      done_.pop_front();
    }
    const auto it = waiting_.find(done.first);
    if (it == waiting_.end()) continue;  // cancelled
    const Waiting waiting = std::move(it->second);
    waiting_.erase(it);
    return finish(done.first, waiting, reply_of(done.second));
  }
}

LlmAnswer LocalEmbedder::finish(int64_t ticket, const Waiting& waiting, LlmReply reply) {
  reply.seconds = clock_.monotonic() - waiting.started;
  archive_.finish_call(waiting.row, call_end(reply, reply.seconds));
  return {ticket, waiting.row, std::move(reply), 0};
}

void LocalEmbedder::cancel(int64_t ticket) {
  if (ticket > 0) return others_.cancel(ticket);
  const auto it = waiting_.find(ticket);
  if (it == waiting_.end()) return;
  const Waiting waiting = std::move(it->second);
  waiting_.erase(it);
  LlmReply reply;
  reply.attempts = 0;
  reply.outcome = LlmOutcome::kCancelled;
  reply.message = "cancelled";
  answers_.push_back(finish(ticket, waiting, std::move(reply)));
}

int64_t LocalEmbedder::pending() const {
  return static_cast<int64_t>(waiting_.size() + answers_.size()) + others_.pending();
}

}  // namespace ballast::orchestrator
