// One of the three seams: a prompt goes in, a reply comes out, however the call ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/llm/model.h"

namespace ballast::orchestrator {

// What is asked: a prefix that stays the same for the whole run (providers cache it), then the
// rest.
struct Prompt {
  std::string system;
  std::string user;
  bool operator==(const Prompt&) const = default;
};

// Tokens that were paid for, no token counted twice. As the provider reported them.
struct Usage {
  int64_t input = 0;  // fresh ones: neither read from nor written to a cache
  int64_t cache_read = 0;
  int64_t cache_write = 0;          // kept for minutes
  int64_t cache_write_1h = 0;       // kept for an hour
  int64_t output = 0;               // thinking included
  int64_t reasoning = 0;            // of the output; 0 where the provider does not say
  std::optional<double> cost = {};  // USD, where the provider itself says
  bool reported = false;            // false: the reply held no usage, and all of this is 0
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
  kBadRequest,   // 400, 404, 413, 422 and the like, redirects: permanent
  kUntrusted,    // the server's certificate is not valid: permanent, nothing was sent
  kBudget,       // our own ceiling leaves no room for it: not asked
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

// What the search asks, and for what.
struct LlmCall {
  std::string model;  // Model::name
  Prompt prompt;
  std::string op = {};                    // who asks: "edit", "repair", ...; the archive's column
  std::string variant = {};               // of the prompt's template; may be empty
  std::optional<Sampling> sampling = {};  // instead of the model's own
  std::optional<int64_t> draft = {};      // the archive's, to which it belongs
};

struct LlmAnswer {
  int64_t ticket = 0;  // submit()'s
  int64_t call = 0;    // row of the archive, for ProposalRow::calls; stored by now
  LlmReply reply;
  double usd = 0;  // of all its attempts, those of unknown cost at their worst
};

// Any number of calls at a time, all from one thread: not thread-safe. Never throws for what a
// provider or the network does; those are outcomes. Throws Error when the archive fails.
class Llm {
 public:
  virtual ~Llm() = default;
  // Asynchronous, never blocks for a network: the answer comes out of wait(), once. Nothing leaves
  // before the next wait(), so that the question can be stored together with what it is for.
  virtual int64_t submit(const LlmCall& call) = 0;
  // The next answer, waiting at most `seconds`. Everything that the calls in flight need (attempts
  // after a pause, say) is done in here: call it often, at least every few tenths of a second.
  virtual std::optional<LlmAnswer> wait(double seconds) = 0;
  // Its answer still comes, at once, as kCancelled; one that is there already stays as it is.
  virtual void cancel(int64_t ticket) = 0;
  virtual int64_t pending() const = 0;  // submitted, answer not handed out
};

// Blocks until the answer is there. REQUIRES: nothing else is pending.
LlmAnswer ask(Llm& llm, const LlmCall& call);

}  // namespace ballast::orchestrator
