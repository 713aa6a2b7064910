// One model of the ensemble: where it is, how it is spoken to, what it costs.
#pragma once

#include <cstdint>
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
  kLocal,            // none: an embedding model that we run ourselves (local_embedder.h)
};
std::string_view to_string(Provider provider);  // "openai_chat", ...
std::optional<Provider> parse_provider(std::string_view text);

struct Sampling {
  int64_t max_output_tokens = 4096;        // reasoning included
  std::optional<double> temperature = {};  // the provider's default when unset
  std::optional<uint64_t> seed = {};       // only where the provider takes one
  std::string reasoning_effort = {};       // "low", "medium", "high"; empty: the model's default
  bool operator==(const Sampling&) const = default;
};

// USD per million tokens.
struct Rates {
  double input = 0, cache_read = 0;
  double cache_write = 0, cache_write_1h = 0;  // kept for minutes, for an hour
  double output = 0;                           // thinking included
  bool operator==(const Rates&) const = default;
};

// What a model costs. Some cost more, for all tokens of a call, once its prompt is long.
struct Price {
  Rates rates;
  int64_t long_above = 0;  // tokens of prompt, cached ones included; 0: no such tier
  Rates long_rates = {};
  bool operator==(const Price&) const = default;
};

// What the search may ask a model for.
enum class Use : uint8_t {
  kPropose,  // new losses, and their repair
  kNotes,    // what the results so far teach
  kJudge,    // whether an idea is new
  kEmbed,    // a vector for a text: such a model does nothing else
};
std::string_view to_string(Use use);  // "propose", "notes", "judge", "embed"
std::optional<Use> parse_use(std::string_view text);

struct Model {
  std::string name;  // ours, unique; the bandit's arm and the archive's column
  Provider provider = Provider::kCompatible;
  std::string base_url = {};  // "https://host/v1"; the provider's own when empty
  std::string model = {};     // as the provider calls it; of kLocal: its name or folder
  std::string key_env = {};   // name of the environment variable that holds the key; may be empty
  std::string key_file = {};  // or of a file that does
  bool stream = false;
  Sampling sampling = {};
  std::optional<Price> price = {};  // the user's; the table's when unset
  std::vector<Use> uses = {Use::kPropose, Use::kNotes};

  bool used_for(Use use) const;
  // Its calls go to the embeddings endpoint: prompt.system is empty, prompt.user the text, and the
  // reply's text the vector (vector_text.h).
  bool embeds() const { return used_for(Use::kEmbed); }
};

}  // namespace ballast::orchestrator
