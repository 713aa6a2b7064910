// kill -9 of a whole search whose language models are a server on loopback, asked by the real
// client. The server counts what it is asked: the ledger outside.
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "common/rng.h"
#include "tests/fakes/fake_llm.h"
#include "tests/orchestrator/killed_search.h"
#include "tests/orchestrator/model_server.h"
#include "tests/orchestrator/replayed.h"

namespace ballast::orchestrator {
namespace {

using fakes::Connection;
using population::Record;

constexpr double kTokenUsd = 1e-3;  // see kill_child.cpp

// 200 tokens in.
std::string embedding_body(Rng& rng) {
  nlohmann::json vector = nlohmann::json::array();
  for (int i = 0; i < 8; ++i) vector.push_back(rng.uniform(-1, 1));
  return nlohmann::json({{"data", {{{"index", 0}, {"embedding", vector}}}},
                         {"usage", {{"prompt_tokens", 200}, {"total_tokens", 200}}}})
      .dump();
}

// A text of the scripted model that is a loss of its own.
std::string good_text(const LlmCall& call, uint64_t seed) {
  while (true) {
    const LlmReply reply = fakes::scripted_reply(call, seed);
    if (reply.text.starts_with("Idea: terms drawn by a script.")) return reply.text;
    seed += 1'000'000;
  }
}

// After some milliseconds. Every few replies are cut off, no loss, no text, refused; a connection
// breaks now and then, until the same is asked again.
void answer(const Asked& asked, Connection& connection) {
  const auto number = static_cast<uint64_t>(asked.number);
  Rng rng(5, "latency", number);
  connection.pause(rng.uniform(0, 0.006));
  const LlmCall call{.model = asked.model,
                     .prompt = {asked.system, asked.user},
                     .op = asked.op.empty() ? "rewrite" : asked.op};
  if (asked.number % 29 == 11 && asked.same == 1) return connection.reset();
  if (asked.op == "embed") return connection.respond(200, embedding_body(rng));
  if (asked.op == "judge" || asked.op == "notes")
    return connection.respond(200, completion(fakes::scripted_reply(call, number).text));
  switch (asked.number % 14) {
    case 3:
      return connection.respond(200,
                                completion("```python\ndef balance_loss(r):\n    ret", "length"));
    case 5:
      return connection.respond(200,
                                completion(code("def balance_loss(r):\n    return r.probz\n")));
    case 7:
      return connection.respond(200, completion("I would balance the experts better."));
    case 9:
      return connection.respond(200, completion("", "content_filter"));
    default:
      return connection.respond(200, completion(good_text(call, number)));
  }
}

// Kills the search so often, each time some lines after it has begun, and lets it end.
struct Killed {
  std::string digest;
  int at_work = 0;  // of the kills, those that came while a call was open
};

struct Limits {
  int kills;
  const char* evaluations;
  const char* requests;  // "0": no ceiling
};

void run_with_kills(const std::string& archive, const ModelServer& server, const Limits& limits,
                    Killed& out) {
  const std::string url = server.url();
  Rng rng(3, "kills of a search that asks a server");
  const char* const targets[] = {"Q", "a", "P", "T", "C"};
  for (int kill = 0; kill < limits.kills; ++kill) {
    KilledSearch child(archive, limits.evaluations, url.c_str(), limits.requests);
    for (int64_t left = 1 + rng.below(4); left > 0;) {
      const std::string line = child.line();
      ASSERT_FALSE(line.empty()) << "it ended before it was killed, at kill " << kill;
      left -= line.starts_with(targets[kill % 5]);
    }
    usleep(static_cast<useconds_t>(rng.below(4000)));
    child.kill_now();
    for (const auto& call : record_of(archive).calls) {
      if (!call.outcome.empty()) continue;
      ++out.at_work;
      break;
    }
  }
  KilledSearch child(archive, limits.evaluations, url.c_str(), limits.requests);
  for (std::string line = child.line(); !line.empty(); line = child.line())
    if (line.starts_with("end ")) out.digest = line.substr(4);
  ASSERT_EQ(child.wait(), 0);
}

bool is_answer(const population::CallRow& call) {
  return !call.outcome.empty() && call.outcome != "LOST" && call.outcome != "CANCELLED" &&
         call.outcome != "BUDGET";
}

// No question that was answered is asked again, and every request had its row.
void expect_no_answer_twice(const Record& record, const ModelServer& server,
                            const std::vector<population::AttemptRow>& attempts) {
  std::set<std::pair<int64_t, std::string>> answered;
  std::map<int64_t, std::string> prompts;  // by call
  for (const auto& call : record.calls) {
    prompts[call.id] = call.model + call.user;
    if (!is_answer(call)) continue;
    EXPECT_TRUE(answered.emplace(call.draft.value_or(0), call.op + call.prompt_hash).second)
        << "call " << call.id;
  }
  std::map<std::string, int> begun, asked;
  for (const auto& attempt : attempts) ++begun[prompts.at(attempt.call)];
  for (const auto& request : server.requests()) {
    const Asked read = read_request(request);
    ++asked[read.model + read.user];
  }
  EXPECT_GT(asked.size(), 20u);
  for (const auto& [prompt, times] : asked) EXPECT_LE(times, begun[prompt]) << prompt;
}

struct Rows {
  std::vector<population::AttemptRow> attempts;
  population::Spending spent;
};

Rows rows_of(const std::string& path) {
  const SystemClock clock;
  const population::Archive archive(path, clock);
  return {archive.attempts(), archive.llm_spending()};
}

TEST(DraftsOverHttp, KilledAgainAndAgainAskNothingTwiceAndReplay) {
  const ModelServer server(answer);
  const ArchiveFile file("network");
  Killed killed;
  ASSERT_NO_FATAL_FAILURE(run_with_kills(file.path(), server, {10, "200", "0"}, killed));
  EXPECT_GT(killed.at_work, 3) << "few kills came in the middle of a call";

  const Record record = record_of(file.path());
  EXPECT_EQ(record.sessions.size(), 11u);
  for (int i = 0; i < 3; ++i)
    expect_same(replay(record, small_config_with_models(200)), killed.digest);
  const Rows rows = rows_of(file.path());
  expect_no_answer_twice(record, server, rows.attempts);

  std::map<std::string, int> outcomes, operators, reasons;
  for (const auto& call : record.calls) ++outcomes[call.outcome], ++operators[call.op];
  for (const auto& row : record.proposals) ++reasons[row.reason];
  for (const char* outcome : {"OK", "TRUNCATED", "FILTERED", "LOST"})
    EXPECT_GT(outcomes[outcome], 0) << outcome;
  for (const char* op : {"rewrite", "repair", "embed"}) EXPECT_GT(operators[op], 0) << op;
  for (const char* reason : {"accepted", "call"}) EXPECT_GT(reasons[reason], 0) << reason;
}

TEST(DraftsOverHttp, KilledAgainAndAgainKeepToTheirCeiling) {
  constexpr int kRequests = 60;
  double billed = 0;  // for prompts, at least
  std::mutex mutex;
  const ModelServer server([&](const Asked& asked, Connection& connection) {
    {
      const std::lock_guard lock(mutex);
      billed += (asked.op == "embed" ? 200 : 1000) * kTokenUsd;
    }
    answer(asked, connection);
  });
  const ArchiveFile file("ceiling");
  Killed killed;
  ASSERT_NO_FATAL_FAILURE(run_with_kills(file.path(), server, {4, "400", "60"}, killed));
  const Record record = record_of(file.path());
  EXPECT_EQ(record.sessions.back().reason, "budget");
  expect_same(replay(record, small_config_with_models(400)), killed.digest);
  const auto served = static_cast<int>(server.requests().size());
  EXPECT_LE(served, kRequests);
  EXPECT_GT(served, kRequests / 2);
  const Rows rows = rows_of(file.path());
  EXPECT_LE(rows.spent.requests, kRequests);
  EXPECT_LE(served, rows.spent.requests) << "a request without a row";
  const std::lock_guard lock(mutex);
  EXPECT_LE(billed, rows.spent.usd) << "more was used than counted";
  expect_no_answer_twice(record, server, rows.attempts);
}

}  // namespace
}  // namespace ballast::orchestrator
