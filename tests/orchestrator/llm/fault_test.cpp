// Thousands of calls to a server that misbehaves in 30 % of its answers, in every way there is. The
// server keeps a ledger of its own, which the archive and the budget are held against.
#include <atomic>
#include <cstdio>
#include <map>
#include <mutex>
#include <set>

#include "common/rng.h"
#include "tests/orchestrator/llm/llm_server.h"

namespace ballast::orchestrator {
namespace {

// What the server has seen and, at the model's prices, what it would send a bill for.
struct Ledger {
  std::mutex mutex;
  Rng rng{7};
  std::map<int, int> requests;  // by number of the prompt
  std::set<int> refused;        // prompts that were answered with a permanent error
  int after_refusal = 0;        // requests that came all the same
  int faults = 0;
  double billed = 0;
};

int prompt_number(const std::string& body) {
  const size_t at = body.find("prompt number ");
  return at == std::string::npos ? -1 : std::stoi(body.substr(at + 14));
}

void half_a_body(Connection& c, bool chunked) {
  c.send(chunked ? "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
                 : "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n");
  const std::string half = R"({"choices":[{"message":{"content":"de)";
  if (chunked)
    c.chunk(half);
  else
    c.send(half);
}

// One fault for which the server asks no money.
void free_fault(int kind, Connection& c) {
  switch (kind) {
    case 0:
      return c.respond(429, "", {{"retry-after-ms", "700"}});
    case 1:
      return c.respond(429, "", {{"retry-after", "2"}});
    case 2:
      return c.respond(429, "", {{"retry-after", "Tue, 24 Nov 2026 23:42:30 GMT"}});
    case 3:
      return c.respond(429, R"({"error":{"details":[{"retryDelay":"1s"}]}})");
    case 4:
      return c.respond(429, "",
                       {{"anthropic-ratelimit-requests-remaining", "0"},
                        {"anthropic-ratelimit-requests-reset", "2026-11-24T23:42:30Z"}});
    case 5:
      return c.respond(500, "oops");
    case 6:
      return c.respond(529, R"({"error":{"type":"overloaded_error"}})");
    default:
      return c.respond(503, "<html>");
  }
}

// One fault in which the work was done, and is paid for.
void paid_fault(int kind, Connection& c) {
  switch (kind) {
    case 0:
      return c.reset();
    case 1:
      return c.close();
    case 2:
      return c.pause(20);  // silence before the headers
    case 3:
      c.send("HTTP/1.1 200 OK\r\nx-slow: ");
      return c.pause(20);
    case 4:
      half_a_body(c, false);
      return c.pause(20);  // a stall in the middle
    case 5:
      half_a_body(c, false);
      return c.close();
    case 6:
      half_a_body(c, true);
      return c.close();
    case 7:
      return c.respond(200, R"({"choices":[{"finish_rea)");
    case 8:
      return c.respond(200, R"({"error":{"code":502,"message":"m"}})");
    case 9:
      return c.respond(200, "");
    case 10:
      return c.respond(200, chat("bell \\u0007"));
    case 11:
      return c.respond(200, "not packed", {{"content-encoding", "gzip"}});
    case 12:
      c.send("220 smtp\r\n");
      return c.close();
    default:
      return c.respond(200, std::string(60'000, 'x'));  // above the cap: permanent
  }
}
constexpr int kFreeFaults = 8, kPaidFaults = 14;

void answer_well(int kind, Connection& c) {
  if (kind == 0) return c.respond(200, fakes::gzip(chat("good")), {{"content-encoding", "gzip"}});
  if (kind == 1) {
    c.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    for (int i = 0; i < 3; ++i) c.chunk("\n");
    c.chunk(chat("good"));
    return c.chunk("");
  }
  c.respond(200, chat("good"));
}

void serve(Ledger& ledger, const ServedRequest& request, Connection& c) {
  double draw = 0;
  int kind = 0;
  {
    const std::lock_guard lock(ledger.mutex);
    const int number = prompt_number(request.body);
    ++ledger.requests[number];
    ledger.after_refusal += static_cast<int>(ledger.refused.count(number));
    draw = ledger.rng.uniform();
    kind = static_cast<int>(ledger.rng.below(draw < 0.15 ? kPaidFaults : kFreeFaults));
    if (draw < 0.15 || draw >= 0.30) ledger.billed += kChatUsd;
    ledger.faults += draw < 0.30;
    const bool permanent =
        (draw >= 0.29 && draw < 0.30) || (draw < 0.15 && kind == kPaidFaults - 1);
    if (permanent) ledger.refused.insert(number);
  }
  if (draw < 0.15) return paid_fault(kind, c);
  if (draw < 0.29) return free_fault(kind, c);
  if (draw < 0.295) return c.respond(422, "");
  if (draw < 0.30) return c.respond(307, "", {{"location", "http://127.0.0.1:1/"}});
  answer_well(kind, c);
}

class FaultTest : public ClientTest {
 protected:
  void run(int calls, population::Archive& archive, double usd) {
    Ledger ledger;
    const HttpServer server(
        [&](const ServedRequest& request, Connection& c) { serve(ledger, request, c); });
    options_.limits.stall = 200;  // 1 real second
    options_.limits.body_bytes = 50'000;
    options_.in_flight = 64;
    options_.models = {model_at(server.url())};
    options_.ceilings = {.usd = usd};
    Client client(options_, archive, clock_);
    std::map<LlmOutcome, int> outcomes;
    std::set<int64_t> waiting;
    int submitted = 0;
    while (submitted < calls || client.pending() > 0) {
      while (submitted < calls && client.pending() < 128)
        waiting.insert(client.submit(call_of("prompt number " + std::to_string(submitted++))));
      ASSERT_LE(client.budget().spent().usd + client.budget().reserved().usd, usd + 1e-9);
      if (const auto answer = client.wait(1000)) {
        ++outcomes[answer->reply.outcome];
        ASSERT_EQ(waiting.erase(answer->ticket), 1u) << "answered once";
      }
    }
    EXPECT_TRUE(waiting.empty()) << "every call was answered";
    check(calls, archive, client, ledger);
    for (const auto& [outcome, count] : outcomes)
      RecordProperty("outcome_" + std::string(to_string(outcome)), count);
    good_ = outcomes[LlmOutcome::kOk];
  }

  static void check(int calls, const population::Archive& archive, const Client& client,
                    Ledger& ledger) {
    const std::lock_guard lock(ledger.mutex);
    const auto rows = archive.calls();
    ASSERT_EQ(rows.size(), static_cast<size_t>(calls)) << "an intent for each";
    std::map<int64_t, int> number_of;
    for (const auto& row : rows) {
      EXPECT_NE(row.outcome, "");
      number_of[row.id] = prompt_number(row.user);
    }
    std::map<int, int> attempts;
    for (const auto& attempt : archive.attempts()) {
      EXPECT_NE(attempt.end.outcome, "") << "no attempt is left open";
      ++attempts[number_of[attempt.call]];
    }
    for (const auto& [number, requests] : ledger.requests)
      ASSERT_LE(requests, attempts[number]) << "each request had its row";
    EXPECT_EQ(ledger.after_refusal, 0) << "a permanent error was tried again";
    EXPECT_LE(ledger.billed, client.budget().spent().usd + 1e-9) << "more was used than counted";
    EXPECT_NEAR(client.budget().spent().usd, archive.llm_spending().usd, 1e-6);
    EXPECT_EQ(client.budget().reserved().requests, 0);
    EXPECT_GT(ledger.faults, calls / 5);
  }
  int good_ = 0;
};

TEST_F(FaultTest, FiveHundredCallsAreRiddenOut) {
  run(500, *archive_, 1000);
  EXPECT_GT(good_, 400);
}

TEST_F(FaultTest, ACeilingHoldsUnderFaultsToo) {
  run(500, *archive_, 2);
  EXPECT_GT(good_, 20);
  EXPECT_LT(good_, 500);
}

// In memory: what is measured is not the disk.
TEST_F(FaultTest, TenThousandCallsAreRiddenOut) {
  if (getenv("BALLAST_SLOW") == nullptr) GTEST_SKIP() << "set BALLAST_SLOW=1 to run it (minutes)";
  population::Archive archive(":memory:", clock_);
  run(10'000, archive, 10'000);
  EXPECT_GT(good_, 9'000);
}

}  // namespace
}  // namespace ballast::orchestrator
