#include "orchestrator/llm/outcome_rules.h"

#include <algorithm>

#include "orchestrator/llm/prices.h"
#include "orchestrator/llm/vector_text.h"
#include "orchestrator/llm/wire.h"

namespace ballast::orchestrator {
namespace {

constexpr size_t kMostText = 1 << 20;

LlmOutcome outcome_of(ExchangeEnd end) {
  switch (end) {
    case ExchangeEnd::kComplete:
      return LlmOutcome::kOk;
    case ExchangeEnd::kNetwork:
      return LlmOutcome::kNetwork;
    case ExchangeEnd::kUntrusted:
      return LlmOutcome::kUntrusted;
    case ExchangeEnd::kStalled:
      return LlmOutcome::kStalled;
    case ExchangeEnd::kTimeout:
      return LlmOutcome::kTimeout;
    case ExchangeEnd::kTooLarge:
      return LlmOutcome::kTooLarge;
    case ExchangeEnd::kMalformed:
      return LlmOutcome::kMalformed;
    case ExchangeEnd::kBadAddress:
      return LlmOutcome::kBadRequest;
    case ExchangeEnd::kCancelled:
      return LlmOutcome::kCancelled;
  }
  return LlmOutcome::kMalformed;
}

bool is_plain(const std::string& text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n' && c != '\t' && c != '\r') || byte == 0x7f;
  });
}

void check_text(LlmReply& reply) {
  if (reply.text.size() > kMostText) {
    reply.outcome = LlmOutcome::kTooLarge;
    reply.message = "the text has more than 1 MiB";
    reply.text.clear();
  } else if (!is_plain(reply.text)) {
    reply.outcome = LlmOutcome::kMalformed;
    reply.message = "the text holds control characters";
    reply.text.clear();
  }
}

// The one vector of a response, as a reply.
LlmReply read_embedding(const HttpResponse& response) {
  const Embeddings read = read_embeddings(response, 1);
  LlmReply reply;
  reply.outcome = read.outcome;
  reply.message = read.message;
  reply.request_id = read.request_id;
  reply.usage = {.input = read.tokens, .reported = read.tokens > 0};
  if (read.outcome == LlmOutcome::kOk) reply.text = vector_text(read.vectors[0]);
  return reply;
}

}  // namespace

LlmReply reply_of(const Model& model, const Exchange& exchange) {
  LlmReply reply;
  if (exchange.end == ExchangeEnd::kComplete) {
    reply = model.embeds() ? read_embedding(exchange.response)
                           : read_response(model.provider, exchange.response);
  } else {
    const LlmOutcome outcome = outcome_of(exchange.end);
    if (!model.embeds())
      reply = read_broken_stream(model.provider, exchange.response, outcome);
    else
      reply.outcome = outcome;
    if (reply.outcome == outcome) reply.message = exchange.message;
  }
  check_text(reply);
  reply.seconds = exchange.seconds;
  return reply;
}

std::optional<Amount> charged(const Model& model, const Price& price, const Exchange& exchange,
                              const LlmReply& reply) {
  if (!exchange.sent) return Amount();
  if (exchange.end == ExchangeEnd::kComplete && exchange.response.status != 200) return Amount();
  switch (reply.outcome) {
    case LlmOutcome::kOk:
    case LlmOutcome::kTruncated:
    case LlmOutcome::kRefused:
    case LlmOutcome::kFiltered:
    case LlmOutcome::kEmpty:
      break;
    default:
      return std::nullopt;  // what usage there is may be only the first part of it
  }
  const Usage& u = reply.usage;
  const int64_t prompt = u.input + u.cache_read + u.cache_write + u.cache_write_1h;
  const bool believable = prompt > 0 && (u.output > 0 || reply.text.empty() || model.embeds());
  if (!u.reported || !believable) return std::nullopt;
  return Amount{.usd = cost(price, u), .tokens = prompt + u.output};
}

Health health_of(LlmOutcome outcome) {
  switch (outcome) {
    case LlmOutcome::kOverloaded:
    case LlmOutcome::kNetwork:
    case LlmOutcome::kStalled:
    case LlmOutcome::kTimeout:
    case LlmOutcome::kMalformed:
      return Health::kIll;
    case LlmOutcome::kRateLimited:  // it says itself when to come back
    case LlmOutcome::kCancelled:
    case LlmOutcome::kBudget:
    case LlmOutcome::kAuth:
    case LlmOutcome::kQuota:
    case LlmOutcome::kUntrusted:
      return Health::kUnknown;
    default:
      return Health::kWell;
  }
}

bool closes_model(LlmOutcome outcome) {
  return outcome == LlmOutcome::kAuth || outcome == LlmOutcome::kQuota ||
         outcome == LlmOutcome::kUntrusted;
}

}  // namespace ballast::orchestrator
