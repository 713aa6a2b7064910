// A proposal that waits on language models: a conversation of one call after the other.
//
//   question -> text -> (the text is wrong: asked to mend it, config.repair_turns times at most)
//            -> identity, contract, fingerprint -> embedding of the text -> judge -> proposal
//
// The last two only where models are configured for them. What comes next depends on the answers so
// far and on what the search knows; nothing is stored or sent here.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "orchestrator/embedding.h"
#include "orchestrator/facts_memory.h"
#include "orchestrator/ledger.h"
#include "orchestrator/llm/llm.h"
#include "orchestrator/operator_choice.h"
#include "orchestrator/proposer.h"
#include "population/archive.h"
#include "prompts/request.h"

namespace ballast::orchestrator {

constexpr std::string_view kNotes = "notes";  // the operator of drafts that become no proposal

// What a model is asked next.
struct Asking {
  std::string op;  // "edit", ..., "repair", "embed", "judge", "notes"
  std::string model, variant;
  Prompt prompt;
};

struct Draft {
  population::DraftRow row;
  std::optional<size_t> arm;  // of SearchConfig::operators; none: notes, or configured no more
  int attempt = 1;            // of those for one question, as texts came that were not new

  prompts::RepairChain chain;
  std::vector<int64_t> calls;  // answered and used
  double usd = 0;              // of those

  // Set once the text has passed all other tests.
  std::optional<Proposal> proposal;
  std::vector<float> embedding;  // of its text; empty: none could be had
  std::optional<TextDecision> close;
  bool embedding_asked = false;

  std::string asked;                         // the model whose answer is awaited
  std::deque<population::CallRow> recorded;  // of an earlier start: answers to use again
};

// Notes of what was learned, as models are shown them.
struct Scratchpad {
  std::string text;
  std::vector<std::string> suggestions;
  // When they were last asked for: accepted children and proposals there were.
  int64_t children = 0, proposals = 0;
  bool waiting = false;
};
std::string to_json(const Scratchpad& scratchpad);
// Throws Error. Nobody waits in what comes back.
Scratchpad scratchpad_from_json(std::string_view text);

// What a search has seen of a model in this start.
struct ModelStanding {
  int64_t in_flight = 0;
  int64_t bad_requests = 0;  // in a row
  std::string closed;        // why it is not asked any more
};

// Borrows all of it; a value for the moment.
struct Dialogue {
  const SearchConfig& config;
  const Ledger& ledger;
  std::span<const Made> made;
  const population::Archive& archive;
  FactsMemory& memory;
  const Scratchpad& scratchpad;
  const EmbeddingIndex& texts;  // one per entry of the ledger
  Proposer& proposer;
  bool embedder_open = true, judge_open = true;  // whether they can be asked now

  Asking question(const Draft& draft) const;
  Asking notes(const std::vector<prompts::Result>& results) const;
  // After an answer, which is not CANCELLED. A proposal is what came of the draft, accepted or not.
  std::variant<Asking, Proposal> next(Draft& draft, const LlmReply& reply) const;

 private:
  std::vector<size_t> parents(const Draft& draft) const;
  std::variant<Asking, Proposal> read(Draft& draft, const LlmReply& reply) const;
  std::variant<Asking, Proposal> failed(Draft& draft, prompts::Failure failure) const;
  std::variant<Asking, Proposal> compare(Draft& draft, const LlmReply& reply) const;
  std::variant<Asking, Proposal> judged(Draft& draft, const LlmReply& reply) const;
  Proposal rejected(const Draft& draft, Outcome outcome, std::string reason,
                    std::string detail) const;
};

}  // namespace ballast::orchestrator
