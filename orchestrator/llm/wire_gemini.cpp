// Gemini generateContent.
#include "orchestrator/llm/sse.h"
#include "orchestrator/llm/wire_json.h"

namespace ballast::orchestrator::wire {
namespace {

// promptTokenCount includes cached ones; candidatesTokenCount excludes thoughts.
Usage usage_of(const Json& usage) {
  Usage u;
  if (!usage.is_object()) return u;
  u.reported = true;
  const int64_t prompt = count_at(usage, {"promptTokenCount"});
  u.cache_read = std::min(count_at(usage, {"cachedContentTokenCount"}), prompt);
  u.input = prompt - u.cache_read + count_at(usage, {"toolUsePromptTokenCount"});
  u.reasoning = count_at(usage, {"thoughtsTokenCount"});
  u.output = count_at(usage, {"candidatesTokenCount"}) + u.reasoning;
  return u;
}

void add_parts(const Json& candidate, std::string& text) {
  const Json& parts = at(candidate, {"content", "parts"});
  if (!parts.is_array()) return;
  for (const Json& part : parts)
    if (at(part, {"thought"}) != true) text += text_at(part, {"text"});
}

void judge(const std::string& finish, const std::string& blocked, LlmReply& reply) {
  if (!blocked.empty()) {
    reply.outcome = LlmOutcome::kFiltered;
    reply.message = "the prompt was blocked: " + blocked;
  } else if (finish == "STOP") {
    reply.outcome = reply.text.empty() ? LlmOutcome::kEmpty : LlmOutcome::kOk;
    if (reply.text.empty()) reply.message = "a finished reply without text";
  } else if (finish == "MAX_TOKENS") {
    reply.outcome = LlmOutcome::kTruncated;
    reply.message = "finishReason MAX_TOKENS";
  } else if (finish.empty()) {
    reply.message = "the reply has no finishReason";
  } else {  // SAFETY, RECITATION, PROHIBITED_CONTENT, ...
    reply.outcome = LlmOutcome::kFiltered;
    reply.message = "finishReason " + finish;
  }
}

}  // namespace

Json gemini_body(const Model& model, const Prompt& prompt) {
  Json generation = {{"maxOutputTokens", model.sampling.max_output_tokens}};
  if (model.sampling.temperature) generation["temperature"] = *model.sampling.temperature;
  if (model.sampling.seed)  // a 32-bit field there
    generation["seed"] = static_cast<int32_t>(*model.sampling.seed & 0x7fffffff);
  Json body = {
      {"contents",
       Json::array({{{"role", "user"}, {"parts", Json::array({{{"text", prompt.user}}})}}})},
      {"generationConfig", std::move(generation)}};
  if (!prompt.system.empty())
    body["systemInstruction"] = {{"parts", Json::array({{{"text", prompt.system}}})}};
  return body;
}

LlmReply read_gemini(const Json& json) {
  LlmReply reply;
  reply.usage = usage_of(at(json, {"usageMetadata"}));
  const Json& candidate = at(json, {"candidates", size_t{0}});
  add_parts(candidate, reply.text);
  judge(text_at(candidate, {"finishReason"}), text_at(json, {"promptFeedback", "blockReason"}),
        reply);
  return reply;
}

LlmReply read_gemini_stream(std::string_view body) {
  LlmReply reply;
  std::string finish, blocked;
  for (const SseEvent& event : parse_sse(body)) {
    const std::optional<Json> parsed = event_of(event.data, reply);
    if (!parsed) return reply;
    const Json& json = *parsed;
    if (holds_error(json, reply)) return reply;
    if (at(json, {"usageMetadata"}).is_object()) reply.usage = usage_of(json["usageMetadata"]);
    const Json& candidate = at(json, {"candidates", size_t{0}});
    add_parts(candidate, reply.text);
    if (const std::string f = text_at(candidate, {"finishReason"}); !f.empty()) finish = f;
    if (const std::string b = text_at(json, {"promptFeedback", "blockReason"}); !b.empty())
      blocked = b;
  }
  judge(finish, blocked, reply);
  return reply;
}

}  // namespace ballast::orchestrator::wire
