// One of the three seams: a prompt goes in, a reply comes out, however the call ended.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::orchestrator {

// Whose wire format is spoken (docs/llm.md has the table).
enum class Provider : uint8_t {
  kOpenAiChat,       // v1/chat/completions
  kOpenAiResponses,  // v1/responses
  kAnthropic,        // v1/messages
  kGemini,           // v1beta/models/M:generateContent
  kDeepSeek,         // chat/completions, with reasoning_content and cache hit counts
  kOpenRouter,       // chat/completions, errors possibly inside a 200, cost in the usage
  kCompatible,       // any server that speaks OpenAI Chat: llama.cpp, vLLM, Ollama
};
std::string_view to_string(Provider provider);  // "openai_chat", ...
std::optional<Provider> parse_provider(std::string_view text);

// What is asked: a prefix that stays the same for the whole run (providers cache it), then the
// rest.
struct Prompt {
  std::string system;
  std::string user;
  bool operator==(const Prompt&) const = default;
};

struct Sampling {
  int64_t max_output_tokens = 4096;   // reasoning included
  std::optional<double> temperature;  // the provider's default when unset
  std::optional<uint64_t> seed;       // only where the provider takes one
  std::string reasoning_effort;       // "low", "medium", "high"; empty: the model's default
  bool operator==(const Sampling&) const = default;
};

// One model of the ensemble.
struct Model {
  std::string name;  // ours, unique; the bandit's arm and the archive's column
  Provider provider = Provider::kCompatible;
  std::string base_url;  // "https://host/v1"; the provider's own when empty
  std::string model;     // as the provider calls it
  std::string key_env;   // name of the environment variable that holds the key; may be empty
  bool stream = false;
  Sampling sampling;
};

// Tokens that were paid for, no token counted twice. As the provider reported them.
struct Usage {
  int64_t input = 0;  // fresh ones: neither read from nor written to a cache
  int64_t cache_read = 0;
  int64_t cache_write = 0;     // kept for minutes
  int64_t cache_write_1h = 0;  // kept for an hour
  int64_t output = 0;          // thinking included
  int64_t reasoning = 0;       // of the output; 0 where the provider does not say
  std::optional<double> cost;  // USD, where the provider itself says
  bool reported = false;       // false: the reply held no usage, and all of this is 0
  bool operator==(const Usage&) const = default;
};

enum class LlmOutcome : uint8_t {
  kOk,
  kTruncated,    // cut off by a token limit: never read as a whole candidate
  kRefused,      // the model declined
  kFiltered,     // a content filter stepped in
  kEmpty,        // a reply without text
  kMalformed,    // not what the provider's documentation describes: half JSON, wrong type
  kTooLarge,     // more bytes than we take
  kRateLimited,  // 429 and the like: try again later
  kOverloaded,   // 5xx, 529, an error inside a 200 that will pass
  kNetwork,      // connection refused, reset, name not found
  kStalled,      // no byte for too long
  kTimeout,      // the call as a whole took too long
  kAuth,         // 401, 403: the key is wrong; permanent
  kQuota,        // no money left at the provider: permanent
  kBadRequest,   // 400, 404, 413, 422 and the like: permanent
  kCancelled,
};
std::string_view to_string(LlmOutcome outcome);  // "OK", "TRUNCATED", ...
std::optional<LlmOutcome> parse_llm_outcome(std::string_view text);
// Whether the same call may succeed later. Permanent ones park the model.
bool transient(LlmOutcome outcome);

struct LlmReply {
  LlmOutcome outcome = LlmOutcome::kMalformed;
  std::string text;        // what the model wrote; may be there for TRUNCATED too
  std::string message;     // one line for people; empty when OK
  Usage usage;             // counted even when the reply is useless
  std::string request_id;  // the provider's, for its support
  double seconds = 0;      // wall time of the last attempt
  int attempts = 1;
};

// Blocking, thread-safe: any number of calls at a time. Never throws for what a provider or the
// network does; those are outcomes.
class Llm {
 public:
  virtual ~Llm() = default;
  virtual LlmReply call(const Model& model, const Prompt& prompt) = 0;
};

}  // namespace ballast::orchestrator
