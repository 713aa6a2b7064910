// When to ask a provider again: pure functions of what it answered and of time given from outside.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/rng.h"
#include "orchestrator/llm/http.h"
#include "orchestrator/llm/llm.h"

namespace ballast::orchestrator {

struct RetryPolicy {
  int attempts = 6;             // at most so many of one call
  double base = 0.5, cap = 60;  // seconds: attempt n waits uniformly in [0, min(cap, base 2^n))
  double hint_cap = 120;        // a longer hint parks the model instead
  double deadline = 1200;       // seconds for all attempts together
};

// How long the provider asks us to wait, in seconds from `now_unix` (seconds since 1970). All
// forms: retry-after-ms; retry-after as seconds or as an HTTP date; Gemini's RetryInfo in the body;
// the reset headers of OpenAI ("6m0s", "20ms") and of Anthropic (RFC 3339) when nothing remains.
std::optional<double> retry_hint(const HttpResponse& response, double now_unix);

// "1s", "6m0s", "1h2m3.5s", "20ms"; nullopt for anything else.
std::optional<double> parse_duration(std::string_view text);
// "Tue, 24 Nov 2026 23:42:27 GMT" or "2026-11-24T23:42:27Z" (offsets too), as seconds since 1970.
std::optional<double> parse_http_date(std::string_view text);
std::optional<double> parse_rfc3339(std::string_view text);

struct RetryDecision {
  bool again = false;
  double wait = 0;  // seconds until the next attempt
  double park = 0;  // seconds for which this model should not be asked by anybody; 0: none
};
// After attempt number `attempt` (from 1) ended with `outcome`, `elapsed` seconds into the call.
RetryDecision decide_retry(const RetryPolicy& policy, LlmOutcome outcome, int attempt,
                           double elapsed, std::optional<double> hint, Rng& rng);

// Stops asking a model that keeps failing; after a while lets one call through to see.
class CircuitBreaker {
 public:
  // Opens after `failures` transient failures in a row, for `seconds`, doubled each time the trial
  // call fails too (at most 32 times as long).
  explicit CircuitBreaker(int failures = 5, double seconds = 30)
      : threshold_(failures), seconds_(seconds) {}

  // Whether a call may start at `now`; in the half-open state only one may.
  bool allow(double now);
  void success();
  void failure(double now);
  void park(double now, double seconds);  // the provider said so
  void forget() { trying_ = false; }      // the trial call ended without telling anything
  // False from the opening until a success. The failures of calls that were under way when it
  // opened are no news and should not be told.
  bool closed() const { return open_until_ == 0; }
  // Seconds until allow() may say yes; 0 when it does now.
  double wait(double now) const;

 private:
  int threshold_;
  double seconds_;
  int in_a_row_ = 0;
  int opened_ = 0;         // times in a row that it opened without a success between
  double open_until_ = 0;  // 0: closed
  bool trying_ = false;    // half open, its one call under way
};

// Spaces calls by what the provider's headers say remains.
class RateGate {
 public:
  // Reads x-ratelimit-{remaining,reset}-{requests,tokens} and anthropic-ratelimit-*.
  void update(const HttpResponse& response, double now, double now_unix);
  // Seconds to wait at `now` before a call of about `tokens` tokens; counts the call when it is 0.
  double acquire(double now, int64_t tokens);

 private:
  struct Bucket {
    std::optional<double> remaining;
    double reset_at = 0;
  };
  Bucket requests_, tokens_;
};

}  // namespace ballast::orchestrator
