// What a Client knows of each call and of each model; included by client.cpp alone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "orchestrator/llm/client.h"

namespace ballast::orchestrator {

constexpr int64_t kBytesPerToken = 4;  // about; only for spacing calls

// A call that has no answer yet.
struct Client::Asked {
  int64_t ticket = 0;
  size_t peer = 0;
  Prompt prompt;
  Sampling sampling;
  int64_t row = 0;                    // of the archive
  double started = 0, due = 0;        // on the clock; due: when the next attempt may start
  int attempts = 0;                   // begun
  std::optional<LlmOutcome> last;     // of the last attempt
  bool in_flight = false;             // its attempt is stored, or about to be
  int64_t exchange = 0;               // the transport's ticket; 0: the request has not left
  int64_t attempt_row = 0;            // of the one in flight
  bool trial = false;                 // it tries whether the model is back (CircuitBreaker)
  Amount worst;                       // of the one in flight
  double usd = 0;                     // of the attempts that ended
  bool doubled = false;               // its limit of output tokens
  std::optional<LlmReply> truncated;  // the reply that was cut off, while the second try runs
  bool cancelled = false;
};

// A model, as its calls have found it.
struct Client::Peer {
  Model model;
  Price price;
  std::shared_ptr<const Secret> key;  // may be null
  CircuitBreaker breaker;
  RateGate gate;
  double not_before = 0;  // on the clock; a rate limit said so
  int bad_requests = 0;   // in a row
  std::optional<LlmOutcome> closed;
  std::string reason;
  int64_t in_flight = 0;
  size_t vector_text = 0;  // size of an embedding model's replies; 0: none yet
};

}  // namespace ballast::orchestrator
