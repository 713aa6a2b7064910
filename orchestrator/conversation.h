// What was sent to language models for one proposal, and answered, as people and programs see it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/terminal.h"
#include "population/reader.h"

namespace ballast::orchestrator {

struct Conversation {
  int64_t proposal = 0;  // its row in the archive
  std::string op, identity, outcome, reason, detail;
  std::vector<population::CallRow> calls;  // in the order asked; empty: no model had a hand in it
  std::vector<population::AttemptRow> attempts;  // of all of them
};

// nullopt: there is no such proposal.
std::optional<Conversation> conversation_of(const population::Reader& archive, int64_t proposal);

// The proposal that made a candidate; nullopt for built-ins, which none made.
std::optional<int64_t> birth_of(const population::Reader& archive, std::string_view identity);

// Every text as it was sent and received, a system prompt once, control characters made harmless.
// A vector, the reply of an embedding, is only counted.
std::string conversation_text(const Conversation& conversation, const Terminal& terminal);

// {"proposal": {...}, "calls": [...]}: every text exactly as it is in the archive.
std::string conversation_json(const Conversation& conversation);

}  // namespace ballast::orchestrator
