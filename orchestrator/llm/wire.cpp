#include "orchestrator/llm/wire.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "common/error.h"
#include "orchestrator/llm/number_arrays.h"
#include "orchestrator/llm/sse.h"
#include "orchestrator/llm/wire_json.h"

namespace ballast::orchestrator {
namespace wire {

std::string error_message(const Json& json) {
  const Json& error = at(json, {"error"});
  if (error.is_string()) return error.get<std::string>();
  std::string type = text_at(error, {"type"});
  if (type.empty()) type = text_at(error, {"status"});
  if (type.empty()) type = text_at(error, {"code"});
  std::string message = text_at(error, {"message"});
  if (message.empty()) message = text_at(json, {"message"});
  if (message.empty()) message = "no message";
  return (type.empty() ? message : type + ": " + message).substr(0, 500);
}

namespace {

// A word that says more than the status: providers send money trouble as 429 and overload as 200.
LlmOutcome outcome_of_word(std::string_view word) {
  if (word == "insufficient_quota" || word == "billing_error" ||
      word == "billing_hard_limit_reached")
    return LlmOutcome::kQuota;
  if (word == "rate_limit_error" || word == "rate_limit_exceeded" || word == "RESOURCE_EXHAUSTED")
    return LlmOutcome::kRateLimited;
  if (word == "overloaded_error" || word == "api_error" || word == "timeout_error" ||
      word == "server_error" || word == "UNAVAILABLE" || word == "INTERNAL" ||
      word == "DEADLINE_EXCEEDED")
    return LlmOutcome::kOverloaded;
  if (word == "authentication_error" || word == "permission_error" || word == "UNAUTHENTICATED" ||
      word == "PERMISSION_DENIED" || word == "invalid_api_key")
    return LlmOutcome::kAuth;
  if (word == "invalid_request_error" || word == "not_found_error" || word == "request_too_large" ||
      word == "INVALID_ARGUMENT" || word == "NOT_FOUND" || word == "FAILED_PRECONDITION")
    return LlmOutcome::kBadRequest;
  return LlmOutcome::kOk;  // the word says nothing
}

LlmOutcome outcome_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return LlmOutcome::kAuth;
    case 402:
      return LlmOutcome::kQuota;
    case 429:
      return LlmOutcome::kRateLimited;
    case 408:
    case 409:
    case 425:
      return LlmOutcome::kOverloaded;
    default:
      break;
  }
  if (status >= 500) return LlmOutcome::kOverloaded;
  return LlmOutcome::kBadRequest;  // other 4xx, and 3xx: redirects are never followed
}

}  // namespace

LlmOutcome error_outcome(int status, const Json& json) {
  const Json& error = at(json, {"error"});
  // OpenRouter puts the status inside the body of a 200.
  if (const Json& code = at(error, {"code"}); status == 200 && code.is_number_integer()) {
    const int64_t inner = code.get<int64_t>();
    if (inner >= 400 && inner < 600) return outcome_of_status(static_cast<int>(inner));
  }
  LlmOutcome word = LlmOutcome::kOk;
  for (const char* key : {"code", "type", "status"}) {
    word = outcome_of_word(text_at(error, {key}));
    if (word != LlmOutcome::kOk) break;
  }
  // The status decides whether to try again, but for money trouble, which hides behind a 429.
  if (status != 200 && word != LlmOutcome::kQuota) return outcome_of_status(status);
  return word == LlmOutcome::kOk ? LlmOutcome::kOverloaded : word;
}

std::optional<Json> event_of(const std::string& data, LlmReply& reply) {
  Json json = Json::parse(data, nullptr, false);
  if (!json.is_discarded()) return json;
  reply.message = "an event of the stream is not JSON";
  return std::nullopt;
}

bool holds_error(const Json& event, LlmReply& reply) {
  if (!at(event, {"error"}).is_object()) return false;
  reply.outcome = error_outcome(200, event);
  reply.message = error_message(event);
  return true;
}

namespace {

LlmReply read_json(Provider provider, const Json& json) {
  switch (provider) {
    case Provider::kOpenAiResponses:
      return read_responses(json);
    case Provider::kAnthropic:
      return read_anthropic(json);
    case Provider::kGemini:
      return read_gemini(json);
    default:
      return read_chat(json, provider);
  }
}

LlmReply read_stream(Provider provider, std::string_view body) {
  switch (provider) {
    case Provider::kOpenAiResponses:
      return read_responses_stream(body);
    case Provider::kAnthropic:
      return read_anthropic_stream(body);
    case Provider::kGemini:
      return read_gemini_stream(body);
    default:
      return read_chat_stream(body, provider);
  }
}

// Whether an answer of status 200 is an error all the same.
bool holds_error(const Json& json) {
  const Json& error = at(json, {"error"});
  return (error.is_object() || error.is_string()) && !at(json, {"choices", size_t{0}}).is_object();
}

LlmReply read_error(const HttpResponse& response) {
  LlmReply reply;
  const Json json = Json::parse(response.body, nullptr, false);
  const Json& first = json.is_array() && !json.empty() ? json[0] : json;  // Gemini's streams
  reply.outcome = error_outcome(response.status, json.is_discarded() ? Json() : first);
  reply.message = "HTTP " + std::to_string(response.status) + ": " +
                  (json.is_discarded() ? response.body.substr(0, 200) : error_message(first));
  return reply;
}

std::string request_id(const HttpResponse& response) {
  for (const char* name : {"x-request-id", "request-id", "cf-ray"})
    if (const auto value = response.header(name)) return std::string(*value);
  return "";
}

LlmReply read_any(Provider provider, const HttpResponse& response) {
  if (response.status != 200) return read_error(response);
  const std::string_view type = response.header("content-type").value_or("");
  if (looks_like_sse(type, response.body)) return read_stream(provider, response.body);
  if (response.body.find_first_not_of(" \t\r\n") == std::string::npos)
    return {.outcome = LlmOutcome::kEmpty,
            .text = "",
            .message = "an empty body",
            .usage = {},
            .request_id = ""};
  const Json json = Json::parse(response.body, nullptr, false);
  if (json.is_discarded())
    return {.outcome = LlmOutcome::kMalformed,
            .text = "",
            .message = "the body is not JSON",
            .usage = {},
            .request_id = ""};
  if (holds_error(json) && provider != Provider::kOpenAiResponses) {
    return {.outcome = error_outcome(200, json),
            .text = "",
            .message = error_message(json),
            .usage = {},
            .request_id = ""};
  }
  return read_json(provider, json);
}

}  // namespace
}  // namespace wire

std::optional<std::string_view> HttpResponse::header(std::string_view name) const {
  std::optional<std::string_view> found;
  for (const auto& [key, value] : headers)
    if (key == name) found = value;
  return found;
}

std::string_view default_base_url(Provider provider) {
  switch (provider) {
    case Provider::kOpenAiChat:
    case Provider::kOpenAiResponses:
      return "https://api.openai.com/v1";
    case Provider::kAnthropic:
      return "https://api.anthropic.com/v1";
    case Provider::kGemini:
      return "https://generativelanguage.googleapis.com/v1beta";
    case Provider::kDeepSeek:
      return "https://api.deepseek.com";
    case Provider::kOpenRouter:
      return "https://openrouter.ai/api/v1";
    case Provider::kCompatible:
    case Provider::kLocal:
      return "";
  }
  return "";
}

KeyHeader key_header(Provider provider) {
  switch (provider) {
    case Provider::kAnthropic:
      return {"x-api-key", ""};
    case Provider::kGemini:
      return {"x-goog-api-key", ""};
    default:
      return {"authorization", "Bearer "};
  }
}

namespace {

std::string address(const Model& model, std::string_view path) {
  std::string base =
      model.base_url.empty() ? std::string(default_base_url(model.provider)) : model.base_url;
  if (base.empty())
    throw Error("model \"" + model.name + "\": base_url is missing (e.g. http://127.0.0.1:8080/v1)",
                ExitCode::kUsage);
  while (base.ends_with('/')) base.pop_back();
  return base + std::string(path);
}

}  // namespace

HttpRequest build_request(const Model& model, const Prompt& prompt) {
  if (model.embeds()) {
    assert(prompt.system.empty());
    return build_embeddings_request(model, {prompt.user});
  }
  HttpRequest request;
  request.headers = {{"content-type", "application/json"},
                     {"accept", model.stream ? "text/event-stream" : "application/json"}};
  switch (model.provider) {
    case Provider::kOpenAiResponses:
      request.url = address(model, "/responses");
      request.body = wire::dump(wire::responses_body(model, prompt));
      break;
    case Provider::kAnthropic:
      request.url = address(model, "/messages");
      request.headers.emplace_back("anthropic-version", "2023-06-01");
      request.body = wire::dump(wire::anthropic_body(model, prompt));
      break;
    case Provider::kGemini:
      request.url = address(
          model, "/models/" + model.model +
                     (model.stream ? ":streamGenerateContent?alt=sse" : ":generateContent"));
      request.body = wire::dump(wire::gemini_body(model, prompt));
      break;
    default:
      request.url = address(model, "/chat/completions");
      request.body = wire::dump(wire::chat_body(model, prompt));
  }
  return request;
}

LlmReply read_response(Provider provider, const HttpResponse& response) {
  LlmReply reply = wire::read_any(provider, response);
  reply.request_id = wire::request_id(response);
  return reply;
}

LlmReply read_broken_stream(Provider provider, const HttpResponse& partial, LlmOutcome outcome) {
  LlmReply reply;
  if (partial.status == 200 &&
      looks_like_sse(partial.header("content-type").value_or(""), partial.body))
    reply = wire::read_stream(provider, partial.body);
  // A reply that had ended before the connection did is whole.
  if (reply.outcome != LlmOutcome::kMalformed) return reply;
  reply.outcome = outcome;
  reply.message = "the connection ended in the middle of the reply";
  reply.request_id = wire::request_id(partial);
  return reply;
}

bool serves_embeddings(Provider provider) {
  return provider == Provider::kOpenAiChat || provider == Provider::kOpenAiResponses ||
         provider == Provider::kCompatible;
}

HttpRequest build_embeddings_request(const Model& model, const std::vector<std::string>& texts) {
  if (!serves_embeddings(model.provider))
    throw Error("model \"" + model.name + "\": asking " + std::string(to_string(model.provider)) +
                    " for embeddings, which it does not serve in OpenAI's form; take openai_chat, "
                    "or compatible with a base_url",
                ExitCode::kUsage);
  return {
      .url = address(model, "/embeddings"),
      .headers = {{"content-type", "application/json"}, {"accept", "application/json"}},
      .body = wire::dump({{"model", model.model}, {"input", texts}, {"encoding_format", "float"}})};
}

namespace {

// Nothing where it is no array of numbers.
std::vector<double> numbers_of(const wire::Json& json) {
  std::vector<double> out;
  if (!json.is_array()) return out;
  for (const wire::Json& x : json) {
    if (!x.is_number()) return {};
    out.push_back(x.get<double>());
  }
  return out;
}

// One vector, or nothing where it is not one: finite numbers, not all zero.
std::vector<float> vector_of(const std::vector<double>& numbers) {
  std::vector<float> out;
  out.reserve(numbers.size());
  double norm = 0;
  for (const double value : numbers) {
    if (!(std::abs(value) <= std::numeric_limits<float>::max())) return {};
    out.push_back(static_cast<float>(value));
    norm += static_cast<double>(out.back()) * static_cast<double>(out.back());
  }
  return norm > 0 ? out : std::vector<float>{};
}

struct Body {
  wire::Json json;                           // discarded where it is none
  std::vector<std::vector<double>> numbers;  // of each entry of "data"; none: they are in the tree
};

Body read_body(const std::string& text) {
  NumberArrays taken = take_number_arrays(text, "embedding");
  if (!taken.arrays.empty()) {
    Body body{wire::Json::parse(taken.rest, nullptr, false), std::move(taken.arrays)};
    const wire::Json& data = wire::at(body.json, {"data"});
    const bool all = data.is_array() && data.size() == body.numbers.size() &&
                     std::all_of(data.begin(), data.end(), [](const wire::Json& entry) {
                       return wire::at(entry, {"embedding"}).is_array();
                     });
    if (all) return body;  // else not all were of "data"
  }
  return {wire::Json::parse(text, nullptr, false), {}};
}

// Whether the answers are all there: one vector for each text, of one length. Else says why not.
bool take_vectors(const Body& body, Embeddings& out) {
  const wire::Json& data = wire::at(body.json, {"data"});
  for (size_t k = 0; k < data.size(); ++k) {
    const wire::Json& index = wire::at(data[k], {"index"});
    const size_t i = index.is_number_unsigned() ? index.get<size_t>() : out.vectors.size();
    std::vector<float> vector = vector_of(
        body.numbers.empty() ? numbers_of(wire::at(data[k], {"embedding"})) : body.numbers[k]);
    if (i >= out.vectors.size() || !out.vectors[i].empty() || vector.empty()) {
      out.message = "an embedding has a wrong index, or is not a vector of finite numbers";
      return false;
    }
    out.vectors[i] = std::move(vector);
  }
  for (const std::vector<float>& v : out.vectors) {
    if (v.size() == out.vectors[0].size()) continue;
    out.message = "the embeddings have different lengths";
    return false;
  }
  return true;
}

}  // namespace

Embeddings read_embeddings(const HttpResponse& response, size_t texts) {
  Embeddings out;
  out.request_id = wire::request_id(response);
  const auto ended = [&](LlmOutcome outcome, std::string message) {
    out.outcome = outcome;
    out.message = std::move(message);
    return out;
  };
  if (response.status != 200) {
    const LlmReply error = wire::read_error(response);
    return ended(error.outcome, error.message);
  }
  if (response.body.find_first_not_of(" \t\r\n") == std::string::npos)
    return ended(LlmOutcome::kEmpty, "an empty body");
  const Body body = read_body(response.body);
  const wire::Json& json = body.json;
  if (json.is_discarded()) return ended(LlmOutcome::kMalformed, "the body is not JSON");
  if (const wire::Json& error = wire::at(json, {"error"}); error.is_object() || error.is_string())
    return ended(wire::error_outcome(200, json), wire::error_message(json));
  const wire::Json& data = wire::at(json, {"data"});
  if (!data.is_array() || data.size() != texts)
    return ended(LlmOutcome::kMalformed,
                 "expected " + std::to_string(texts) + " embeddings in \"data\"");
  out.vectors.resize(texts);
  if (!take_vectors(body, out)) {
    out.vectors.clear();
    return out;
  }
  out.tokens = wire::count_at(json, {"usage", "total_tokens"});
  if (out.tokens == 0) out.tokens = wire::count_at(json, {"usage", "prompt_tokens"});
  out.outcome = LlmOutcome::kOk;
  return out;
}

}  // namespace ballast::orchestrator
