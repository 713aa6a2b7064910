// What an exchange with a provider means: pure functions between transport and client.
#pragma once

#include <optional>

#include "orchestrator/llm/budget.h"
#include "orchestrator/llm/llm.h"
#include "orchestrator/llm/transport.h"

namespace ballast::orchestrator {

// The reply in it, or the outcome that stands for its end. Text that is not plain (control
// characters) is MALFORMED, above 1 MiB TOO_LARGE.
LlmReply reply_of(const Model& model, const Exchange& exchange);

// What it cost; nullopt when nobody knows: the request may have been worked on, and no whole reply
// with its usage came back. Nothing for what was not sent, and for error statuses.
std::optional<Amount> charged(const Model& model, const Price& price, const Exchange& exchange,
                              const LlmReply& reply);

// What it says about the provider's health, for the circuit breaker.
enum class Health : uint8_t { kWell, kIll, kUnknown };
Health health_of(LlmOutcome outcome);

// Whether its model is not to be asked any more: a wrong key, no money left there, no valid
// certificate. So many bad requests in a row mean the same.
bool closes_model(LlmOutcome outcome);
constexpr int64_t kBadRequests = 5;

}  // namespace ballast::orchestrator
