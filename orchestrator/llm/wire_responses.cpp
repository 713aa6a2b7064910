// OpenAI Responses.
#include "orchestrator/llm/sse.h"
#include "orchestrator/llm/wire_json.h"

namespace ballast::orchestrator::wire {
namespace {

Usage usage_of(const Json& usage) {
  Usage u;
  if (!usage.is_object()) return u;
  u.reported = true;
  const int64_t input = count_at(usage, {"input_tokens"});
  u.cache_read = std::min(count_at(usage, {"input_tokens_details", "cached_tokens"}), input);
  u.input = input - u.cache_read;
  u.output = count_at(usage, {"output_tokens"});
  u.reasoning = count_at(usage, {"output_tokens_details", "reasoning_tokens"});
  return u;
}

}  // namespace

Json responses_body(const Model& model, const Prompt& prompt) {
  Json body = {{"model", model.model},
               {"input", prompt.user},
               {"max_output_tokens", model.sampling.max_output_tokens},
               {"store", false},
               {"stream", model.stream}};
  if (!prompt.system.empty()) body["instructions"] = prompt.system;
  if (model.sampling.temperature) body["temperature"] = *model.sampling.temperature;
  if (!model.sampling.reasoning_effort.empty())
    body["reasoning"] = {{"effort", model.sampling.reasoning_effort}};
  return body;
}

LlmReply read_responses(const Json& json) {
  LlmReply reply;
  reply.usage = usage_of(at(json, {"usage"}));
  if (at(json, {"error"}).is_object()) {
    reply.outcome = error_outcome(200, json);
    reply.message = error_message(json);
    return reply;
  }
  std::string refusal;
  if (const Json& output = at(json, {"output"}); output.is_array()) {
    for (const Json& item : output) {
      if (text_at(item, {"type"}) != "message" || !at(item, {"content"}).is_array()) continue;
      for (const Json& part : item["content"]) {
        if (text_at(part, {"type"}) == "output_text") reply.text += text_at(part, {"text"});
        if (text_at(part, {"type"}) == "refusal") refusal += text_at(part, {"refusal"});
      }
    }
  }
  const std::string status = text_at(json, {"status"});
  const std::string reason = text_at(json, {"incomplete_details", "reason"});
  // The reason has been seen null on a capped reply: the cap itself then tells.
  const int64_t cap = count_at(json, {"max_output_tokens"});
  if (!refusal.empty()) {
    reply.outcome = LlmOutcome::kRefused;
    reply.message = "the model refused: " + refusal.substr(0, 200);
  } else if (reason == "content_filter") {
    reply.outcome = LlmOutcome::kFiltered;
    reply.message = "incomplete: content_filter";
  } else if (status == "incomplete" || (cap > 0 && reply.usage.output >= cap)) {
    reply.outcome = LlmOutcome::kTruncated;
    reply.message = "incomplete: " + (reason.empty() ? "max_output_tokens" : reason);
  } else if (status == "failed") {
    reply.outcome = LlmOutcome::kOverloaded;
    reply.message = "status failed";
  } else if (status != "completed") {
    reply.message = status.empty() ? "the reply has no status" : "status " + status;
  } else if (reply.text.empty()) {
    reply.outcome = LlmOutcome::kEmpty;
    reply.message = "a completed reply without text";
  } else {
    reply.outcome = LlmOutcome::kOk;
  }
  return reply;
}

LlmReply read_responses_stream(std::string_view body) {
  LlmReply reply;
  for (const SseEvent& event : parse_sse(body)) {
    if (event.data == "[DONE]") break;
    const std::optional<Json> parsed = event_of(event.data, reply);
    if (!parsed) return reply;
    const Json& json = *parsed;
    const std::string type = text_at(json, {"type"});
    if (type == "response.completed" || type == "response.incomplete" || type == "response.failed")
      return read_responses(at(json, {"response"}));  // repeats the whole reply
    if (type == "response.output_text.delta") reply.text += text_at(json, {"delta"});
    if (type == "error") {
      reply.outcome = error_outcome(200, Json{{"error", json}});
      reply.message = error_message(Json{{"error", json}});
      return reply;
    }
  }
  reply.message = "the stream ended before the reply did";
  return reply;
}

}  // namespace ballast::orchestrator::wire
