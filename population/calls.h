// Calls to language models as the archive holds them. A call is one question of the search; each of
// its attempts is one request to a provider, and costs money of its own. A draft is a proposal that
// waits on a model; its calls are its conversation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::population {

struct CallRow {
  int64_t id = 0;
  std::string model;     // the name in our configuration
  std::string provider;  // "anthropic"; with
  std::string remote;    // the provider's name of the model
  std::string op;        // who asks: "edit", "repair", "embed", ...
  std::string variant;   // of the prompt's template
  std::string system, user;
  std::string sampling;          // JSON
  std::optional<int64_t> draft;  // the number of the draft it belongs to

  std::string prompt_hash;  // set by the archive
  std::optional<int64_t>
      ordinal;          // among the calls of one (prompt_hash, model), from 0; set by the
                        // archive; nullopt: the answer was lost, or the call cancelled
  std::string outcome;  // "OK", "TRUNCATED", ...; "" while nothing is known
  std::string message, reply, request_id;
  int64_t attempts = 0;
  double seconds = 0;                 // from the question to the answer, pauses included
  std::optional<int64_t> answered;    // place in the order in which answers came, from 1
  std::optional<int64_t> handled_ns;  // when the search used its answer; nullopt: not yet
  double usd = 0;                     // of all its attempts, unknown ones at their worst
};

// What ended a call.
struct CallEnd {
  std::string outcome, message, reply, request_id;
  int64_t attempts = 0;
  double seconds = 0;
};

struct TokenCounts {  // none counted twice
  int64_t input = 0;  // neither read from nor written to a cache
  int64_t cache_read = 0, cache_write = 0, cache_write_1h = 0;
  int64_t output = 0;     // reasoning included
  int64_t reasoning = 0;  // of the output
  int64_t all() const { return input + cache_read + cache_write + cache_write_1h + output; }
  bool operator==(const TokenCounts&) const = default;
};

// What ended an attempt.
struct AttemptEnd {
  std::string outcome = {}, message = {}, request_id = {};
  int64_t status = 0;  // HTTP; 0: no answer
  TokenCounts tokens = {};
  std::optional<double> usd =
      {};  // nullopt: nobody knows, so it counts at its worst case, tokens too
  double seconds = 0;
};

struct AttemptRow {
  int64_t id = 0, call = 0, number = 0;
  double worst_usd = 0;
  int64_t worst_tokens = 0;
  AttemptEnd end;  // its outcome is "" while nothing is known
};

struct DraftRow {
  int64_t number = 0;                     // from 1, over the whole run
  std::string op;                         // "edit", ..., or "notes"
  std::string model, variant;             // as in CallRow
  std::vector<std::string> parents = {};  // identities, the first is the main one
  std::optional<int> island = {};         // nullopt: the search has one
  int64_t asked_ns = 0;                   // set by the archive
  std::optional<int64_t> ended_ns = {};   // set by the archive; nullopt: it waits
  std::optional<int64_t> proposal = {};   // what became of it, set by the archive
  double usd = 0;                         // of the calls whose answers were used; read only
};

// What came from outside, in the order in which the search used it: a result or an answer.
struct ArrivalRow {
  std::optional<int64_t> evaluation = {}, call = {};  // rows; one of the two
  int64_t steps = 0;    // decisions that the search had made in this start (search_state.h)
  int64_t session = 0;  // row of the start; set by the archive
};

// What all attempts together have cost, those of unknown cost at their worst.
struct Spending {
  double usd = 0;
  int64_t tokens = 0;
  int64_t requests = 0;
};

// SHA-256 of both texts.
std::string prompt_hash(std::string_view system, std::string_view user);

}  // namespace ballast::population
