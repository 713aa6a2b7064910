#include "tests/fakes/fake_llm.h"

#include <algorithm>
#include <vector>

#include "common/hash.h"
#include "orchestrator/llm/calls.h"
#include "orchestrator/llm/vector_text.h"

namespace ballast::fakes {

using orchestrator::LlmCall;
using orchestrator::LlmOutcome;
using orchestrator::LlmReply;

namespace {

LlmReply reply(std::string text, LlmOutcome outcome = LlmOutcome::kOk) {
  LlmReply out;
  out.outcome = outcome;
  out.text = std::move(text);
  if (outcome != LlmOutcome::kOk) out.message = "as the script says";
  return out;
}

std::string good_text(Rng& rng) {
  const char* const terms[] = {"(r.load_global * r.probs.mean(0)).sum()",
                               "torch.relu(r.load_global - %c * r.probs.mean(0)).sum()",
                               "(r.probs.mean(0) ** 2).sum()",
                               "torch.logsumexp(r.logits, dim=-1).pow(2).mean()",
                               "(r.probs.mean(0) * torch.log(r.probs.mean(0) + %c)).sum()"};
  std::string sum;
  for (int64_t i = 1 + rng.below(3); i > 0; --i) {
    std::string term = terms[rng.below(5)];
    for (size_t at; (at = term.find("%c")) != std::string::npos;)
      term.replace(at, 2, std::to_string(rng.uniform(0.2, 0.6)));
    sum += (sum.empty() ? "" : " + ") + std::to_string(rng.uniform(0.2, 0.6)) + " * " + term;
  }
  return "Idea: terms drawn by a script.\n```python\ndef balance_loss(r):\n    return " + sum +
         "\n```\n";
}

LlmReply text_reply(const LlmCall& call, Rng& rng) {
  if (call.op == "repair") {
    const int64_t kind = rng.below(4);
    if (kind == 0)
      return reply("```python\ndef balance_loss(r):\n    return r.load_global.summ()\n```\n");
    return reply(kind == 1 ? "I cannot see what is wrong." : good_text(rng));
  }
  switch (rng.below(12)) {
    case 0:
      return reply("```python\ndef balance_loss(r):\n    return r.probz.mean()\n```\n");
    case 1:
      return reply("```python\ndef balance_loss(r):\n    return r.load_global.sum()\n```\n");
    case 2:
      return reply("```python\ndef balance_loss(r):\n    return 2.0 * (r.lo",
                   LlmOutcome::kTruncated);
    case 3:
      return reply("I would balance the experts better.");
    case 4:
      return reply("", LlmOutcome::kRefused);
    case 5:
      return reply("", LlmOutcome::kNetwork);
    default:
      return reply(good_text(rng));
  }
}

}  // namespace

LlmReply scripted_reply(const LlmCall& call, uint64_t seed) {
  Rng rng(seed, "scripted reply " + sha256_hex(call.model + call.op + call.prompt.user));
  if (call.op == "embed") {
    std::vector<float> vector;
    for (int i = 0; i < 8; ++i) vector.push_back(static_cast<float>(rng.uniform(-1, 1)));
    return rng.below(8) == 0 ? reply("", LlmOutcome::kOverloaded)
                             : reply(orchestrator::vector_text(vector));
  }
  if (call.op == "judge")
    return reply(rng.below(2) == 0 ? "NOVEL: another term" : "NOT_NOVEL: constants only");
  if (call.op == "notes")
    return reply("## Works\nHinges.\n## Try next\n1. square the hinge\n2. weigh by depth\n");
  return text_reply(call, rng);
}

int64_t FakeLlm::submit(const LlmCall& call) {
  population::CallRow row;
  row.model = call.model;
  row.provider = "compatible";
  row.remote = call.model;
  row.op = call.op;
  row.variant = call.variant;
  row.draft = call.draft;
  row.system = call.prompt.system;
  row.user = call.prompt.user;
  row.sampling = "{}";
  Waiting waiting{archive_.begin_call(row), latest > 0 ? rng_.below(latest + 1) : 0, false, call};
  waiting_[++last_ticket_] = std::move(waiting);
  most_ = std::max(most_, pending());
  return last_ticket_;
}

std::optional<orchestrator::LlmAnswer> FakeLlm::wait(double) {
  auto found = waiting_.end();
  for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
    const bool due = it->second.cancelled || --it->second.looks < 0;
    if (due && found == waiting_.end()) found = it;
  }
  if (found == waiting_.end()) {
    if (!waiting_.empty() && notify) notify();
    return std::nullopt;
  }
  const Waiting waiting = std::move(found->second);
  const int64_t ticket = found->first;
  waiting_.erase(found);
  LlmReply answer = waiting.cancelled ? reply("", LlmOutcome::kCancelled) : script_(waiting.call);
  const bool free = waiting.cancelled || answer.outcome == LlmOutcome::kBudget;
  const double cost = free ? 0 : usd;
  archive_.together([&] {
    if (!free) {
      const int64_t attempt = archive_.begin_attempt(waiting.row, 1, 2 * usd, 100);
      archive_.finish_attempt(attempt, {.outcome = std::string(to_string(answer.outcome)),
                                        .tokens = {.input = 40, .output = 20},
                                        .usd = usd});
    }
    archive_.finish_call(waiting.row, orchestrator::call_end(answer, 0.1));
  });
  return orchestrator::LlmAnswer{ticket, waiting.row, std::move(answer), cost};
}

void FakeLlm::cancel(int64_t ticket) {
  const auto it = waiting_.find(ticket);
  if (it != waiting_.end()) it->second.cancelled = true;
}

}  // namespace ballast::fakes
