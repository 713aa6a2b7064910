// The wire formats of language-model providers, as pure functions between our types and JSON.
// docs/llm.md has the table they follow.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/llm/http.h"
#include "orchestrator/llm/llm.h"

namespace ballast::orchestrator {

// "https://api.openai.com/v1" and so on; empty for kCompatible, which must say where it is,
// and for kLocal, which is nowhere.
std::string_view default_base_url(Provider provider);

// Which header carries the key, and what stands before it: {"authorization", "Bearer "}.
struct KeyHeader {
  std::string_view name, prefix;
};
KeyHeader key_header(Provider provider);

// The request for one call; for an embedding model build_embeddings_request()'s. Throws Error
// (usage) when the model has no address.
HttpRequest build_request(const Model& model, const Prompt& prompt);

// Reads a whole response of any status, streamed (text/event-stream) or not. Never throws. What the
// status and the error body mean for retrying is in the outcome; hints are read by retry.h.
LlmReply read_response(Provider provider, const HttpResponse& response);

// Same, when the connection broke after some of a stream: keeps the usage that had been sent.
// `outcome` is what ended it.
LlmReply read_broken_stream(Provider provider, const HttpResponse& partial, LlmOutcome outcome);

// Whether the provider serves embeddings in OpenAI's form.
bool serves_embeddings(Provider provider);

// Embeddings, OpenAI form: POST base_url/embeddings. Throws Error (usage) when the provider has
// none in that form, or the model no address.
HttpRequest build_embeddings_request(const Model& model, const std::vector<std::string>& texts);
struct Embeddings {
  LlmOutcome outcome = LlmOutcome::kMalformed;
  std::string message;
  std::vector<std::vector<float>> vectors;  // one a text, in the order asked; finite, not zero
  int64_t tokens = 0;                       // 0: not said
  std::string request_id;
};
// Reads a whole response of any status, as read_response() does.
Embeddings read_embeddings(const HttpResponse& response, size_t texts);

}  // namespace ballast::orchestrator
