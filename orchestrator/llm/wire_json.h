// Lenient reading of what a provider sent: what is absent or of another type reads as nothing.
// Included by the wire formats and their tests only.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "orchestrator/llm/llm.h"

namespace ballast::orchestrator::wire {

using Json = nlohmann::json;

// What stands at a path of keys and indices; null when there is nothing.
using Step = std::variant<const char*, size_t>;
inline const Json& at(const Json& json, std::initializer_list<Step> path) {
  static const Json nothing;
  const Json* here = &json;
  for (const Step& step : path) {
    if (const auto* key = std::get_if<const char*>(&step)) {
      if (!here->is_object()) return nothing;
      const auto found = here->find(*key);
      if (found == here->end()) return nothing;
      here = &*found;
    } else {
      const size_t index = std::get<size_t>(step);
      if (!here->is_array() || index >= here->size()) return nothing;
      here = &(*here)[index];
    }
  }
  return *here;
}

inline std::string text_at(const Json& json, std::initializer_list<Step> path) {
  const Json& found = at(json, path);
  return found.is_string() ? found.get<std::string>() : "";
}

// A count of tokens: whole and not absurd, else 0.
inline int64_t count_at(const Json& json, std::initializer_list<Step> path) {
  const Json& found = at(json, path);
  if (!found.is_number()) return 0;
  const double x = found.get<double>();
  return x >= 0 && x < 1e12 ? static_cast<int64_t>(x) : 0;
}

// As Json's own dump() writes it, but that bytes which are not UTF-8 become U+FFFD.
std::string dump(const Json& body);

// Of a body whose status says error, or of an error inside a 200: "type: message".
std::string error_message(const Json& json);

// What a status and an error body mean. Never kOk.
LlmOutcome error_outcome(int status, const Json& json);

// An event of a stream. nullopt when it is no JSON; the reply then says so.
std::optional<Json> event_of(const std::string& data, LlmReply& reply);

// Whether an event tells of an error, in the form `{"error": {...}}`; the reply then holds it.
bool holds_error(const Json& event, LlmReply& reply);

// One family of providers each: a whole reply in JSON, and the events of a streamed one put
// together.
LlmReply read_chat(const Json& json, Provider provider);
LlmReply read_chat_stream(std::string_view body, Provider provider);
LlmReply read_responses(const Json& json);
LlmReply read_responses_stream(std::string_view body);
LlmReply read_anthropic(const Json& json);
LlmReply read_anthropic_stream(std::string_view body);
LlmReply read_gemini(const Json& json);
LlmReply read_gemini_stream(std::string_view body);

Json chat_body(const Model& model, const Prompt& prompt);
Json responses_body(const Model& model, const Prompt& prompt);
Json anthropic_body(const Model& model, const Prompt& prompt);
Json gemini_body(const Model& model, const Prompt& prompt);

}  // namespace ballast::orchestrator::wire
