// OpenAI Chat Completions, and those who speak it with additions: DeepSeek, OpenRouter, llama.cpp,
// vLLM, Ollama.
#include "orchestrator/llm/sse.h"
#include "orchestrator/llm/wire_json.h"

namespace ballast::orchestrator::wire {
namespace {

// prompt_tokens includes cached ones; completion_tokens includes reasoning.
Usage usage_of(const Json& usage) {
  Usage u;
  if (!usage.is_object()) return u;
  u.reported = true;
  const int64_t prompt = count_at(usage, {"prompt_tokens"});
  u.cache_read = count_at(usage, {"prompt_tokens_details", "cached_tokens"});
  if (u.cache_read == 0) u.cache_read = count_at(usage, {"prompt_cache_hit_tokens"});  // DeepSeek
  u.cache_read = std::min(u.cache_read, prompt);
  u.input = prompt - u.cache_read;
  u.output = count_at(usage, {"completion_tokens"});
  u.reasoning = count_at(usage, {"completion_tokens_details", "reasoning_tokens"});
  if (const Json& cost = at(usage, {"cost"}); cost.is_number() && cost.get<double>() >= 0)
    u.cost = cost.get<double>();  // OpenRouter
  return u;
}

LlmOutcome outcome_of(const std::string& finish, bool refused, const std::string& text) {
  if (refused) return LlmOutcome::kRefused;
  if (finish == "length") return LlmOutcome::kTruncated;
  if (finish == "content_filter") return LlmOutcome::kFiltered;
  if (finish == "error") return LlmOutcome::kOverloaded;  // OpenRouter: the provider behind failed
  if (finish.empty()) return LlmOutcome::kMalformed;
  return text.empty() ? LlmOutcome::kEmpty : LlmOutcome::kOk;
}

std::string message_of(LlmOutcome outcome, const std::string& finish, const std::string& refusal) {
  if (outcome == LlmOutcome::kOk) return "";
  if (outcome == LlmOutcome::kRefused) return "the model refused: " + refusal.substr(0, 200);
  return finish.empty() ? "the reply has no finish_reason" : "finish_reason " + finish;
}

}  // namespace

Json chat_body(const Model& model, const Prompt& prompt) {
  Json messages = Json::array();
  if (!prompt.system.empty()) messages.push_back({{"role", "system"}, {"content", prompt.system}});
  messages.push_back({{"role", "user"}, {"content", prompt.user}});
  Json body = {{"model", model.model}, {"messages", std::move(messages)}};
  const Sampling& s = model.sampling;
  // OpenAI's own reasoning models refuse max_tokens; the others know nothing else.
  body[model.provider == Provider::kOpenAiChat ? "max_completion_tokens" : "max_tokens"] =
      s.max_output_tokens;
  if (s.temperature) body["temperature"] = *s.temperature;
  if (s.seed) body["seed"] = *s.seed;
  if (!s.reasoning_effort.empty()) body["reasoning_effort"] = s.reasoning_effort;
  if (model.provider == Provider::kOpenRouter) body["usage"] = {{"include", true}};
  body["stream"] = model.stream;  // said always: some servers stream by default
  if (model.stream) body["stream_options"] = {{"include_usage", true}};
  return body;
}

LlmReply read_chat(const Json& json, Provider) {
  LlmReply reply;
  reply.usage = usage_of(at(json, {"usage"}));
  const Json& choice = at(json, {"choices", size_t{0}});
  if (!choice.is_object()) {
    reply.message = "the reply has no choices";
    return reply;
  }
  reply.text = text_at(choice, {"message", "content"});
  const std::string refusal = text_at(choice, {"message", "refusal"});
  const std::string finish = text_at(choice, {"finish_reason"});
  reply.outcome = outcome_of(finish, !refusal.empty(), reply.text);
  reply.message = message_of(reply.outcome, finish, refusal);
  return reply;
}

LlmReply read_chat_stream(std::string_view body, Provider) {
  LlmReply reply;
  std::string finish, refusal;
  for (const SseEvent& event : parse_sse(body)) {
    if (event.data == "[DONE]") break;
    const std::optional<Json> parsed = event_of(event.data, reply);
    if (!parsed) return reply;
    const Json& json = *parsed;
    if (holds_error(json, reply)) return reply;
    if (at(json, {"usage"}).is_object()) reply.usage = usage_of(json["usage"]);
    const Json& choice = at(json, {"choices", size_t{0}});
    reply.text += text_at(choice, {"delta", "content"});
    refusal += text_at(choice, {"delta", "refusal"});
    if (const std::string f = text_at(choice, {"finish_reason"}); !f.empty()) finish = f;
  }
  reply.outcome = outcome_of(finish, !refusal.empty(), reply.text);
  reply.message = finish.empty() && refusal.empty() ? "the stream ended before the reply did"
                                                    : message_of(reply.outcome, finish, refusal);
  return reply;
}

}  // namespace ballast::orchestrator::wire
