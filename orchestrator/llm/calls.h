// Between our calls and the archive's rows.
#pragma once

#include <optional>

#include "orchestrator/llm/budget.h"
#include "orchestrator/llm/llm.h"
#include "orchestrator/llm/transport.h"
#include "population/archive.h"
#include "population/calls.h"

namespace ballast::orchestrator {

population::CallRow row_of(const Model& model, const LlmCall& call, const Sampling& sampling);
population::CallEnd call_end(const LlmReply& reply, double seconds);
population::AttemptEnd attempt_end(const Exchange& exchange, const LlmReply& reply,
                                   const std::optional<Amount>& paid);

// Vectors of two models cannot be compared. Throws Error (usage) when the archive holds those of
// another one than `model`, which embeds.
void require_same_embedder(const population::Archive& archive, const Model& model);

// The reply that a finished row holds. Throws Error when its outcome is not known.
LlmReply recorded_reply(const population::CallRow& row);

}  // namespace ballast::orchestrator
