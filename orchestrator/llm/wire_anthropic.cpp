// Anthropic Messages.
#include "orchestrator/llm/sse.h"
#include "orchestrator/llm/wire_json.h"

namespace ballast::orchestrator::wire {
namespace {

// input_tokens excludes what was read from and written to the cache; output_tokens includes
// thinking.
void add_usage(const Json& usage, Usage& u) {
  if (!usage.is_object()) return;
  u.reported = true;
  const auto take = [&](const char* key, int64_t& to) {
    if (at(usage, {key}).is_number()) to = count_at(usage, {key});
  };
  take("input_tokens", u.input);
  take("cache_read_input_tokens", u.cache_read);
  take("output_tokens", u.output);
  const int64_t long_write = count_at(usage, {"cache_creation", "ephemeral_1h_input_tokens"});
  if (at(usage, {"cache_creation_input_tokens"}).is_number()) {
    const int64_t all = count_at(usage, {"cache_creation_input_tokens"});
    u.cache_write_1h = std::min(long_write, all);
    u.cache_write = all - u.cache_write_1h;
  }
  if (const int64_t r = count_at(usage, {"output_tokens_details", "reasoning_tokens"}); r > 0)
    u.reasoning = r;
}

void judge(const std::string& stop, LlmReply& reply) {
  if (stop == "max_tokens" || stop == "model_context_window_exceeded") {
    reply.outcome = LlmOutcome::kTruncated;
  } else if (stop == "refusal") {
    reply.outcome = LlmOutcome::kRefused;
  } else if (stop.empty()) {
    reply.outcome = LlmOutcome::kMalformed;
    reply.message = "the reply has no stop_reason";
    return;
  } else if (stop == "pause_turn") {
    reply.outcome = LlmOutcome::kTruncated;
  } else {
    reply.outcome = reply.text.empty() ? LlmOutcome::kEmpty : LlmOutcome::kOk;
  }
  if (reply.outcome != LlmOutcome::kOk) reply.message = "stop_reason " + stop;
}

}  // namespace

Json anthropic_body(const Model& model, const Prompt& prompt) {
  Json body = {{"model", model.model},
               {"max_tokens", model.sampling.max_output_tokens},
               {"stream", model.stream},
               {"messages", Json::array({{{"role", "user"}, {"content", prompt.user}}})}};
  if (!prompt.system.empty())  // the stable prefix: cached on the provider's side
    body["system"] = Json::array(
        {{{"type", "text"}, {"text", prompt.system}, {"cache_control", {{"type", "ephemeral"}}}}});
  if (model.sampling.temperature) body["temperature"] = *model.sampling.temperature;
  return body;
}

LlmReply read_anthropic(const Json& json) {
  LlmReply reply;
  add_usage(at(json, {"usage"}), reply.usage);
  if (const Json& content = at(json, {"content"}); content.is_array()) {
    for (const Json& block : content)
      if (text_at(block, {"type"}) == "text") reply.text += text_at(block, {"text"});
  } else {
    reply.message = "the reply has no content";
    return reply;
  }
  judge(text_at(json, {"stop_reason"}), reply);
  return reply;
}

LlmReply read_anthropic_stream(std::string_view body) {
  LlmReply reply;
  std::string stop;
  bool ended = false;
  for (const SseEvent& event : parse_sse(body)) {
    const std::optional<Json> parsed = event_of(event.data, reply);
    if (!parsed) return reply;
    const Json& json = *parsed;
    const std::string type = text_at(json, {"type"});
    if (type == "message_start") {
      add_usage(at(json, {"message", "usage"}), reply.usage);
    } else if (type == "content_block_delta") {
      if (text_at(json, {"delta", "type"}) == "text_delta")
        reply.text += text_at(json, {"delta", "text"});
    } else if (type == "message_delta") {
      stop = text_at(json, {"delta", "stop_reason"});
      add_usage(at(json, {"usage"}), reply.usage);
    } else if (type == "message_stop") {
      ended = true;
    } else if (type == "error") {
      reply.outcome = error_outcome(200, json);
      reply.message = error_message(json);
      return reply;
    }
  }
  if (!ended) {
    reply.message = "the stream ended before the reply did";
    return reply;
  }
  judge(stop, reply);
  return reply;
}

}  // namespace ballast::orchestrator::wire
