#include "orchestrator/llm/retry.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ballast::orchestrator {
namespace {

constexpr double kNow = 1795563747;  // Tue, 24 Nov 2026 23:42:27 GMT

HttpResponse with(Headers headers, std::string body = "") {
  return {.status = 429, .headers = std::move(headers), .body = std::move(body)};
}

TEST(Retry, DatesAndDurations) {
  EXPECT_EQ(parse_http_date("Tue, 24 Nov 2026 23:42:27 GMT"), kNow);
  EXPECT_EQ(parse_rfc3339("2026-11-24T23:42:27Z"), kNow);
  EXPECT_EQ(parse_rfc3339("2026-11-25T01:42:27+02:00"), kNow);
  EXPECT_EQ(parse_rfc3339("2026-11-24T23:42:27.5Z"), kNow + 0.5);
  EXPECT_EQ(parse_duration("6m0s"), 360);
  EXPECT_EQ(parse_duration("20ms"), 0.02);
  EXPECT_EQ(parse_duration("1h2m3.5s"), 3723.5);
  for (const char* bad : {"", "s", "5", "5d", "-1s", "1s2", "nan"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
  for (const char* bad : {"", "tomorrow", "2026-11-24", "2026-13-24T00:00:00Z"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  EXPECT_FALSE(parse_http_date("24 Nov 2026"));
}

TEST(Retry, HintsInAllTheirForms) {
  EXPECT_EQ(retry_hint(with({{"retry-after-ms", "1500"}, {"retry-after", "9"}}), kNow), 1.5);
  EXPECT_EQ(retry_hint(with({{"retry-after", "9"}}), kNow), 9);
  EXPECT_EQ(retry_hint(with({{"retry-after", "Tue, 24 Nov 2026 23:43:27 GMT"}}), kNow), 60);
  EXPECT_EQ(retry_hint(with({{"retry-after", "Tue, 24 Nov 2026 23:41:27 GMT"}}), kNow), 0)
      << "a clock that is off";
  EXPECT_EQ(
      retry_hint(with({}, R"({"error":{"details":[{"@type":"x.RetryInfo","retryDelay":"58s"}]}})"),
                 kNow),
      59);
  EXPECT_EQ(retry_hint(with({{"x-ratelimit-remaining-tokens", "0"},
                             {"x-ratelimit-reset-tokens", "6m0s"},
                             {"x-ratelimit-remaining-requests", "0"},
                             {"x-ratelimit-reset-requests", "1s"}}),
                       kNow),
            360);
  EXPECT_EQ(retry_hint(with({{"anthropic-ratelimit-tokens-remaining", "0"},
                             {"anthropic-ratelimit-tokens-reset", "2026-11-24T23:42:37Z"}}),
                       kNow),
            10);
  EXPECT_FALSE(retry_hint(
      with({{"x-ratelimit-remaining-tokens", "5"}, {"x-ratelimit-reset-tokens", "6m0s"}}), kNow));
  EXPECT_FALSE(retry_hint(with({{"retry-after", "soon"}}, "not json"), kNow));
}

TEST(Retry, OnlyTransientOutcomesAreTriedAgain) {
  Rng rng(1);
  const RetryPolicy policy;
  for (LlmOutcome outcome : {LlmOutcome::kAuth, LlmOutcome::kQuota, LlmOutcome::kBadRequest,
                             LlmOutcome::kRefused, LlmOutcome::kFiltered, LlmOutcome::kTruncated,
                             LlmOutcome::kTooLarge, LlmOutcome::kCancelled, LlmOutcome::kOk})
    EXPECT_FALSE(decide_retry(policy, outcome, 1, 0, {}, rng).again) << to_string(outcome);
  for (LlmOutcome outcome :
       {LlmOutcome::kRateLimited, LlmOutcome::kOverloaded, LlmOutcome::kNetwork,
        LlmOutcome::kStalled, LlmOutcome::kTimeout, LlmOutcome::kMalformed, LlmOutcome::kEmpty})
    EXPECT_TRUE(decide_retry(policy, outcome, 1, 0, {}, rng).again) << to_string(outcome);
}

TEST(Retry, WaitsGrowAreJitteredAndBounded) {
  Rng rng(2);
  const RetryPolicy policy{.attempts = 100};
  for (int attempt = 1; attempt < 20; ++attempt) {
    const double ceiling = std::min(60.0, 0.5 * std::exp2(attempt));
    double low = 1e9, high = 0;
    for (int i = 0; i < 500; ++i) {
      const double wait = decide_retry(policy, LlmOutcome::kOverloaded, attempt, 0, {}, rng).wait;
      low = std::min(low, wait);
      high = std::max(high, wait);
    }
    EXPECT_LT(low, 0.1 * ceiling);
    EXPECT_GT(high, 0.9 * ceiling);
    EXPECT_LE(high, ceiling);
  }
}

TEST(Retry, EndsAfterAttemptsOrDeadlineAndParksOnLongHints) {
  Rng rng(3);
  const RetryPolicy policy;
  EXPECT_FALSE(decide_retry(policy, LlmOutcome::kNetwork, 6, 0, {}, rng).again);
  EXPECT_FALSE(decide_retry(policy, LlmOutcome::kNetwork, 1, 1200, {}, rng).again);
  EXPECT_GE(decide_retry(policy, LlmOutcome::kRateLimited, 1, 0, 30.0, rng).wait, 30);
  const RetryDecision parked = decide_retry(policy, LlmOutcome::kRateLimited, 1, 0, 3600.0, rng);
  EXPECT_FALSE(parked.again);
  EXPECT_EQ(parked.park, 3600);
}

TEST(CircuitBreaker, OpensTriesOnceAndClosesAgain) {
  CircuitBreaker breaker(3, 10);
  for (int i = 0; i < 2; ++i) breaker.failure(0);
  EXPECT_TRUE(breaker.allow(0));
  breaker.failure(0);
  EXPECT_FALSE(breaker.allow(5));
  EXPECT_EQ(breaker.wait(5), 5);
  EXPECT_TRUE(breaker.allow(10));
  EXPECT_FALSE(breaker.allow(10)) << "one trial call at a time";
  breaker.failure(10);  // twice as long now
  EXPECT_FALSE(breaker.allow(29));
  EXPECT_TRUE(breaker.allow(30));
  breaker.success();
  EXPECT_TRUE(breaker.allow(30));
  EXPECT_TRUE(breaker.allow(30));
}

TEST(CircuitBreaker, ParksForAsLongAsTheProviderSays) {
  CircuitBreaker breaker;
  breaker.park(100, 3600);
  EXPECT_FALSE(breaker.allow(3000));
  EXPECT_TRUE(breaker.allow(3700));
}

TEST(RateGate, WaitsForTheResetWhenTooLittleRemains) {
  RateGate gate;
  EXPECT_EQ(gate.acquire(0, 1000), 0) << "nothing is known yet";
  gate.update(with({{"x-ratelimit-remaining-requests", "2"},
                    {"x-ratelimit-reset-requests", "10s"},
                    {"x-ratelimit-remaining-tokens", "5000"},
                    {"x-ratelimit-reset-tokens", "4s"}}),
              0, kNow);
  EXPECT_EQ(gate.acquire(1, 3000), 0);
  EXPECT_EQ(gate.acquire(1, 3000), 3) << "2000 tokens remain until second 4";
  EXPECT_EQ(gate.acquire(4, 3000), 0);
  EXPECT_EQ(gate.acquire(4, 3000), 6) << "both requests are used up until second 10";
  EXPECT_EQ(gate.acquire(10, 3000), 0);
}

}  // namespace
}  // namespace ballast::orchestrator
