#include "orchestrator/llm/retry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <string>

#include "orchestrator/llm/wire_json.h"

namespace ballast::orchestrator {
namespace {

std::optional<double> number(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

double seconds_since_1970(int year, int month, int day, int hour, int minute, double second) {
  std::tm tm{};
  tm.tm_year = year - 1900;
  tm.tm_mon = month - 1;
  tm.tm_mday = day;
  tm.tm_hour = hour;
  tm.tm_min = minute;
  return static_cast<double>(timegm(&tm)) + second;
}

// A reset header: a duration, a date, or seconds.
std::optional<double> until(std::string_view text, double now_unix) {
  if (const auto d = parse_duration(text)) return d;
  if (const auto t = parse_rfc3339(text)) return *t - now_unix;
  return number(text);
}

std::optional<double> body_hint(const std::string& body) {
  const wire::Json json = wire::Json::parse(body, nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  const wire::Json& first = json.is_array() && !json.empty() ? json[0] : json;
  const wire::Json& details = wire::at(first, {"error", "details"});
  if (!details.is_array()) return std::nullopt;
  for (const wire::Json& detail : details)
    if (const auto d = parse_duration(wire::text_at(detail, {"retryDelay"}))) return *d + 1;
  return std::nullopt;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kResets{{
    {"x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"},
    {"x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"},
    {"anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"},
    {"anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"},
    {"anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"},
}};

}  // namespace

std::optional<double> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value < 0 || !std::isfinite(value)) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (text.starts_with("ms")) {
      total += value / 1000;
      text.remove_prefix(2);
    } else if (text.starts_with('s') || text.starts_with('m') || text.starts_with('h')) {
      total += value * (text[0] == 's' ? 1 : text[0] == 'm' ? 60 : 3600);
      text.remove_prefix(1);
    } else {
      return std::nullopt;
    }
  }
  return total;
}

std::optional<double> parse_http_date(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  int day = 0, year = 0, hour = 0, minute = 0, second = 0;
  char month[4] = {};
  const std::string copy(text);
  if (std::sscanf(copy.c_str(), "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT", &day, month,
                  &year, &hour, &minute, &second) != 6)
    return std::nullopt;
  const size_t at = kMonths.find(month);
  if (std::string_view(month).size() != 3 || at == std::string_view::npos || at % 3 != 0)
    return std::nullopt;
  return seconds_since_1970(year, static_cast<int>(at / 3) + 1, day, hour, minute, second);
}

std::optional<double> parse_rfc3339(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, used = 0;
  double second = 0;
  const std::string copy(text);
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%lf%n", &year, &month, &day, &hour, &minute,
                  &second, &used) != 6)
    return std::nullopt;
  double offset = 0;
  const std::string_view zone = std::string_view(copy).substr(static_cast<size_t>(used));
  if (zone != "Z" && zone != "z") {
    int h = 0, m = 0;
    char sign = 0;
    if (std::sscanf(std::string(zone).c_str(), "%c%2d:%2d", &sign, &h, &m) != 3 ||
        (sign != '+' && sign != '-'))
      return std::nullopt;
    offset = (sign == '+' ? 1 : -1) * (h * 3600.0 + m * 60.0);
  }
  if (month < 1 || month > 12 || !std::isfinite(second)) return std::nullopt;
  return seconds_since_1970(year, month, day, hour, minute, second) - offset;
}

std::optional<double> retry_hint(const HttpResponse& response, double now_unix) {
  if (const auto ms = response.header("retry-after-ms"))
    if (const auto value = number(*ms)) return std::max(*value / 1000, 0.0);
  if (const auto after = response.header("retry-after")) {
    if (const auto value = number(*after)) return std::max(*value, 0.0);
    if (const auto date = parse_http_date(*after)) return std::max(*date - now_unix, 0.0);
  }
  if (const auto hint = body_hint(response.body)) return hint;
  std::optional<double> longest;
  for (const auto& [remaining, reset] : kResets) {
    const auto left = response.header(remaining), when = response.header(reset);
    if (!left || !when || number(*left).value_or(1) > 0) continue;
    if (const auto wait = until(*when, now_unix))
      longest = std::max(longest.value_or(0), std::max(*wait, 0.0));
  }
  return longest;
}

RetryDecision decide_retry(const RetryPolicy& policy, LlmOutcome outcome, int attempt,
                           double elapsed, std::optional<double> hint, Rng& rng) {
  RetryDecision decision;
  if (!transient(outcome)) return decision;
  const double ceiling = std::min(policy.cap, policy.base * std::exp2(attempt));
  const double jitter = rng.uniform(0, ceiling);  // drawn in any case: same numbers, same stream
  if (hint && *hint > policy.hint_cap) {
    decision.park = *hint;
    return decision;
  }
  decision.wait = hint ? *hint + 0.1 * jitter : jitter;
  decision.again = attempt < policy.attempts && elapsed + decision.wait < policy.deadline;
  return decision;
}

bool CircuitBreaker::allow(double now) {
  if (open_until_ == 0) return true;
  if (now < open_until_ || trying_) return false;
  trying_ = true;
  return true;
}

void CircuitBreaker::success() {
  in_a_row_ = opened_ = 0;
  open_until_ = 0;
  trying_ = false;
}

void CircuitBreaker::failure(double now) {
  const bool trial = trying_;
  trying_ = false;
  if (++in_a_row_ < threshold_ && !trial) return;
  opened_ = std::min(opened_ + 1, 6);
  open_until_ = now + seconds_ * std::exp2(opened_ - 1);
}

void CircuitBreaker::park(double now, double seconds) {
  trying_ = false;
  open_until_ = std::max(open_until_, now + seconds);
}

double CircuitBreaker::wait(double now) const {
  return open_until_ == 0 ? 0 : std::max(open_until_ - now, 0.0);
}

void RateGate::update(const HttpResponse& response, double now, double now_unix) {
  const auto read = [&](Bucket& bucket, std::string_view remaining, std::string_view reset) {
    const auto left = response.header(remaining), when = response.header(reset);
    if (!left || !when) return;
    const auto value = number(*left), wait = until(*when, now_unix);
    if (!value || !wait) return;
    bucket.remaining = *value;
    bucket.reset_at = now + std::max(*wait, 0.0);
  };
  read(requests_, "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests");
  read(tokens_, "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens");
  read(requests_, "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset");
  read(tokens_, "anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset");
}

double RateGate::acquire(double now, int64_t tokens) {
  double wait = 0;
  const auto check = [&](Bucket& bucket, double amount) {
    if (bucket.remaining && now >= bucket.reset_at) bucket.remaining.reset();  // filled up again
    if (bucket.remaining && *bucket.remaining < amount)
      wait = std::max(wait, bucket.reset_at - now);
  };
  check(requests_, 1);
  check(tokens_, static_cast<double>(tokens));
  if (wait > 0) return wait;
  if (requests_.remaining) *requests_.remaining -= 1;
  if (tokens_.remaining) *tokens_.remaining -= static_cast<double>(tokens);
  return 0;
}

}  // namespace ballast::orchestrator
