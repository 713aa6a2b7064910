// The client against a real server: what is tried again, what it costs, what is stored.
#include "orchestrator/llm/client.h"

#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "common/error.h"
#include "tests/orchestrator/llm/llm_server.h"

namespace ballast::orchestrator {
namespace {

using Answer = HttpServer::Handler;

// One way to misbehave, and what a call makes of it when the next request is served well.
struct Fault {
  std::string name;
  Answer answer;
  LlmOutcome outcome;  // of the attempt
  bool again;          // whether it is tried again
  bool known_cost;     // whether nothing need be counted for it
};

Answer status(int code, const std::string& body,
              std::vector<std::pair<std::string, std::string>> headers = {}) {
  return [=](const ServedRequest&, Connection& c) { c.respond(code, body, headers); };
}

std::string error_body(const std::string& type) {
  return R"({"error":{"type":")" + type + R"(","message":"m"}})";
}

const std::vector<Fault>& faults() {
  using enum LlmOutcome;
  static const std::vector<Fault> table = {
      {"reset", [](const ServedRequest&, Connection& c) { c.reset(); }, kNetwork, true, false},
      {"closed without a word", [](const ServedRequest&, Connection& c) { c.close(); }, kNetwork,
       true, false},
      {"silent", [](const ServedRequest&, Connection& c) { c.pause(30); }, kStalled, true, false},
      {"stall in the headers",
       [](const ServedRequest&, Connection& c) {
         c.send("HTTP/1.1 200 OK\r\ncontent-le");
         c.pause(30);
       },
       kStalled, true, false},
      {"stall in the body",
       [](const ServedRequest&, Connection& c) {
         c.send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"choices\":[");
         c.pause(30);
       },
       kStalled, true, false},
      {"cut off by length",
       [](const ServedRequest&, Connection& c) {
         c.send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"choices\":[");
         c.close();
       },
       kNetwork, true, false},
      {"chunked, cut off",
       [](const ServedRequest&, Connection& c) {
         c.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
         c.chunk("{\"choices\":[");
         c.close();
       },
       kNetwork, true, false},
      {"stream, cut off",
       [](const ServedRequest&, Connection& c) {
         c.send(
             "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
             "transfer-encoding: chunked\r\n\r\n");
         c.chunk("data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n");
         c.close();
       },
       kNetwork, true, false},
      {"half JSON", status(200, R"({"choices":[{"finish)"), kMalformed, true, false},
      {"HTML of a proxy", status(200, "<html>hello</html>"), kMalformed, true, false},
      {"control characters", status(200, chat("bell \\u0007")), kMalformed, true, false},
      {"no HTTP",
       [](const ServedRequest&, Connection& c) {
         c.send("SSH-2.0-x\r\n");
         c.close();
       },
       kMalformed, true, false},
      {"bad gzip", status(200, "no gzip", {{"content-encoding", "gzip"}}), kMalformed, true, false},
      {"empty body", status(200, ""), kEmpty, true, false},
      {"no text", status(200, chat("")), kEmpty, true, true},
      {"error inside a 200", status(200, R"({"error":{"code":502,"message":"m"}})"), kOverloaded,
       true, false},
      {"408", status(408, ""), kOverloaded, true, true},
      {"409", status(409, ""), kOverloaded, true, true},
      {"425", status(425, ""), kOverloaded, true, true},
      {"429 without a hint", status(429, error_body("rate_limit_error")), kRateLimited, true, true},
      {"429 retry-after-ms", status(429, "", {{"retry-after-ms", "1500"}}), kRateLimited, true,
       true},
      {"429 retry-after", status(429, "", {{"retry-after", "3"}}), kRateLimited, true, true},
      {"429 with a date in the past",
       status(429, "", {{"retry-after", "Tue, 24 Nov 2020 23:42:27 GMT"}}), kRateLimited, true,
       true},
      {"429 RetryInfo",
       status(429, R"({"error":{"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"2s"}]}})"),
       kRateLimited, true, true},
      {"429 reset header",
       status(429, "",
              {{"x-ratelimit-remaining-requests", "0"}, {"x-ratelimit-reset-requests", "1s"}}),
       kRateLimited, true, true},
      {"500", status(500, "oops"), kOverloaded, true, true},
      {"502", status(502, "<html>"), kOverloaded, true, true},
      {"503", status(503, error_body("UNAVAILABLE")), kOverloaded, true, true},
      {"504", status(504, ""), kOverloaded, true, true},
      {"529", status(529, error_body("overloaded_error")), kOverloaded, true, true},
      {"400", status(400, error_body("invalid_request_error")), kBadRequest, false, true},
      {"401", status(401, error_body("authentication_error")), kAuth, false, true},
      {"402", status(402, ""), kQuota, false, true},
      {"403", status(403, error_body("permission_error")), kAuth, false, true},
      {"404", status(404, ""), kBadRequest, false, true},
      {"413", status(413, ""), kBadRequest, false, true},
      {"422", status(422, ""), kBadRequest, false, true},
      {"quota behind a 429", status(429, error_body("insufficient_quota")), kQuota, false, true},
      {"redirect", status(307, "", {{"location", "http://127.0.0.1:1/"}}), kBadRequest, false,
       true},
      {"too large", status(200, std::string(300'000, 'x')), kTooLarge, false, false},
      {"refusal", status(200, R"({"choices":[{"finish_reason":"stop","message":{"content":null,
         "refusal":"no"}}],"usage":{"prompt_tokens":100,"completion_tokens":5}})"),
       kRefused, false, true},
      {"filtered", status(200, chat("x", "content_filter")), kFiltered, false, true},
  };
  return table;
}

// Every row of the fault table: its outcome, whether it is asked again, what is counted for it.
TEST_F(ClientTest, EveryFaultHasItsOutcomeAndOnlyPassingOnesAreTriedAgain) {
  options_.limits.stall = 200;  // 1 real second
  options_.limits.body_bytes = 200'000;
  for (const Fault& fault : faults()) {
    SCOPED_TRACE(fault.name);
    std::atomic<int> served{0};
    const HttpServer server([&](const ServedRequest& request, Connection& c) {
      if (++served == 1) return fault.answer(request, c);
      c.respond(200, chat("fine"));
    });
    const size_t before = archive_->attempts().size();
    client({model_at(server.url())});
    const LlmReply reply = reply_to("fault " + fault.name);
    const auto all = archive_->attempts();
    ASSERT_GT(all.size(), before);
    const population::AttemptRow& first = all[before];
    EXPECT_EQ(first.end.outcome, to_string(fault.outcome)) << first.end.message;
    EXPECT_EQ(first.end.usd.has_value(), fault.known_cost);
    EXPECT_GT(first.worst_usd, kChatUsd);
    if (fault.again) {
      EXPECT_EQ(reply.outcome, LlmOutcome::kOk) << reply.message;
      EXPECT_EQ(reply.text, "fine");
      EXPECT_GE(served, 2);
    } else {
      EXPECT_EQ(reply.outcome, fault.outcome) << reply.message;
      EXPECT_EQ(served, 1);
      EXPECT_EQ(reply.attempts, 1);
    }
    client_.reset();
  }
}

TEST_F(ClientTest, AGoodReplyIsStoredWithItsCostBeforeItIsGiven) {
  ServedRequest seen;
  const HttpServer server([&](const ServedRequest& request, Connection& c) {
    seen = request;
    c.respond(200, chat("better"), {{"x-request-id", "r-7"}});
  });
  client({model_at(server.url())}, {.usd = 1});
  const LlmAnswer answer = ask(*client_, call_of("improve"));
  EXPECT_EQ(answer.reply.outcome, LlmOutcome::kOk);
  EXPECT_EQ(answer.reply.text, "better");
  EXPECT_EQ(seen.path, "/v1/chat/completions");
  EXPECT_NE(seen.body.find("improve"), std::string::npos);
  const auto calls = archive_->calls();
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].id, answer.call);
  EXPECT_EQ(calls[0].reply, "better");
  EXPECT_EQ(calls[0].request_id, "r-7");
  EXPECT_EQ(calls[0].op, "edit");
  EXPECT_EQ(calls[0].user, "improve");
  EXPECT_NEAR(client_->budget().spent().usd, kChatUsd, 1e-12);
  EXPECT_NEAR(archive_->llm_spending().usd, kChatUsd, 1e-12);
  EXPECT_EQ(client_->budget().reserved().requests, 0);
}

TEST_F(ClientTest, AnAnswerSaysWhatAllItsAttemptsCost) {
  std::atomic<int> served{0};
  const HttpServer server([&](const ServedRequest&, Connection& c) {
    if (++served == 1) return c.respond(200, "<html>");  // may have been charged for
    if (served == 2) return c.respond(503, "");          // is not
    c.respond(200, chat("fine"));
  });
  client({model_at(server.url())});
  LlmCall call = call_of("x");
  population::DraftRow draft;
  draft.number = 7;
  draft.op = "edit";
  draft.model = "m";
  archive_->add_draft(draft);
  call.draft = 7;
  const LlmAnswer answer = ask(*client_, call);
  EXPECT_EQ(answer.reply.attempts, 3);
  EXPECT_NEAR(answer.usd, archive_->attempts()[0].worst_usd + kChatUsd, 1e-12);
  EXPECT_EQ(archive_->calls()[0].draft, 7);
  EXPECT_NEAR(archive_->calls()[0].usd, answer.usd, 1e-12);
}

TEST_F(ClientTest, KeepAliveLinesGzipAndStreamsAreReadThrough) {
  const HttpServer server([](const ServedRequest& request, Connection& c) {
    if (request.body.find("gzip") != std::string::npos)
      return c.respond(200, fakes::gzip(chat("packed")), {{"content-encoding", "gzip"}});
    if (request.body.find("blank") != std::string::npos) {
      c.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
      for (int i = 0; i < 3; ++i) c.chunk("\n");
      c.chunk(chat("late"));
      return c.chunk("");
    }
    c.send(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    for (const char* part :
         {": keep-alive\n\n", "data: {\"choices\":[{\"delta\":{\"content\":\"st\"}}]}\n\n",
          ": keep-alive\n\n",
          "data: {\"choices\":[{\"delta\":{\"content\":\"ream\"},\"finish_reason\":\"stop\"}]}\n\n",
          "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":50}}\n\n",
          "data: [DONE]\n\n"})
      c.chunk(part);
    c.chunk("");
  });
  Model streaming = model_at(server.url(), "s");
  streaming.stream = true;
  client({model_at(server.url()), streaming});
  EXPECT_EQ(reply_to("gzip").text, "packed");
  EXPECT_EQ(reply_to("blank").text, "late");
  EXPECT_EQ(reply_to("x", "s").text, "stream");
  EXPECT_NEAR(client_->budget().spent().usd, 3 * kChatUsd, 1e-12);
}

TEST_F(ClientTest, GivesUpAfterItsAttempts) {
  const HttpServer server(status(503, ""));
  options_.retry.attempts = 3;
  client({model_at(server.url())});
  const LlmReply reply = reply_to("x");
  EXPECT_EQ(reply.outcome, LlmOutcome::kOverloaded);
  EXPECT_EQ(reply.attempts, 3);
  EXPECT_EQ(server.requests(), 3);
  EXPECT_EQ(archive_->attempts().size(), 3u);
  EXPECT_EQ(archive_->calls()[0].outcome, "OVERLOADED");
}

TEST_F(ClientTest, WaitsAsLongAsItIsTold) {
  std::mutex mutex;
  std::vector<double> when;
  const HttpServer server([&](const ServedRequest&, Connection& c) {
    const std::lock_guard lock(mutex);
    when.push_back(clock_.monotonic());
    if (when.size() == 1) return c.respond(429, "", {{"retry-after", "60"}});
    c.respond(200, chat("fine"));
  });
  client({model_at(server.url())});
  EXPECT_EQ(reply_to("x").text, "fine");
  ASSERT_EQ(when.size(), 2u);
  EXPECT_GE(when[1] - when[0], 59);
}

TEST_F(ClientTest, ALongHintParksTheModelForEverybody) {
  const HttpServer server(status(429, "", {{"retry-after", "3600"}}));
  client({model_at(server.url())});
  EXPECT_EQ(reply_to("x").outcome, LlmOutcome::kRateLimited);
  EXPECT_EQ(reply_to("y").attempts, 0);
  EXPECT_EQ(server.requests(), 1);
  const ModelStatus status = client_->models()[0];
  EXPECT_FALSE(status.closed);
  EXPECT_GT(status.wait, 1000);
}

TEST_F(ClientTest, AWrongKeyClosesTheModelForGood) {
  const HttpServer server(status(401, error_body("authentication_error")));
  client({model_at(server.url())});
  EXPECT_EQ(reply_to("x").outcome, LlmOutcome::kAuth);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(reply_to(std::to_string(i)).outcome, LlmOutcome::kAuth);
  EXPECT_EQ(server.requests(), 1);
  EXPECT_TRUE(client_->models()[0].closed);
  EXPECT_NE(client_->models()[0].reason, "");
}

TEST_F(ClientTest, TheCircuitBreakerSparesAServerThatIsDown) {
  const std::string nobody = "http://127.0.0.1:" + std::to_string(fakes::unused_port());
  client({model_at(nobody)});
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(transient(reply_to(std::to_string(i)).outcome));
  const size_t attempts = archive_->attempts().size();
  EXPECT_LT(attempts, 4u * 6u) << "without it there would be 24";
  EXPECT_EQ(client_->budget().spent().usd, 0) << "nothing was sent, so nothing was paid";
}

// Sixteen calls in flight fail together: that is one outage, not twelve of growing length.
TEST_F(ClientTest, AFlockOfFailuresOpensTheBreakerOnce) {
  std::atomic<int> served{0};
  const HttpServer server([&](const ServedRequest&, Connection& c) {
    if (++served > 16) return c.respond(200, chat("back"));
    while (served < 16) c.pause(0.001);
    c.respond(503, "");
  });
  options_.in_flight = 16;
  client({model_at(server.url())});
  for (int i = 0; i < 16; ++i) client_->submit(call_of(std::to_string(i)));
  double longest = 0;
  while (client_->pending() > 0) {
    longest = std::max(longest, client_->models()[0].wait);
    if (const auto answer = client_->wait(1)) {
      EXPECT_EQ(answer->reply.text, "back");
    }
  }
  EXPECT_GT(longest, 0);
  EXPECT_LE(longest, 30);
}

TEST_F(ClientTest, ABadCertificateIsPermanentAndFree) {
  const HttpServer server(status(200, chat("x")), HttpServer::Tls::kSelfSigned);
  client({model_at(server.url())});
  EXPECT_EQ(reply_to("x").outcome, LlmOutcome::kUntrusted);
  EXPECT_TRUE(client_->models()[0].closed);
  EXPECT_EQ(client_->budget().spent().usd, 0);
  EXPECT_EQ(archive_->attempts().size(), 1u);
}

TEST_F(ClientTest, ACutOffReplyIsAskedForOnceMoreWithTwiceTheLength) {
  std::vector<std::string> bodies;
  std::string second = chat("whole");
  const HttpServer server([&](const ServedRequest& request, Connection& c) {
    bodies.push_back(request.body);
    if (bodies.size() % 2 == 1) return c.respond(200, chat("hal", "length"));
    if (second.empty()) return c.respond(400, "");
    c.respond(200, second);
  });
  client({model_at(server.url())});
  EXPECT_EQ(reply_to("x").text, "whole");
  EXPECT_NE(bodies[0].find("\"max_tokens\":1000"), std::string::npos) << bodies[0];
  EXPECT_NE(bodies[1].find("\"max_tokens\":2000"), std::string::npos) << bodies[1];
  EXPECT_NEAR(client_->budget().spent().usd, 2 * kChatUsd, 1e-12);
  second = chat("longe", "length");
  EXPECT_EQ(reply_to("y").text, "longe");
  second = "";  // the provider does not take the doubled limit
  const LlmReply reply = reply_to("z");
  EXPECT_EQ(reply.outcome, LlmOutcome::kTruncated);
  EXPECT_EQ(reply.text, "hal");
}

TEST_F(ClientTest, KeepsAsManyInFlightAsItIsAllowedAndNoMore) {
  std::atomic<int> now{0}, most{0};
  const HttpServer server([&](const ServedRequest&, Connection& c) {
    most = std::max(most.load(), ++now);
    c.pause(0.02);
    --now;
    c.respond(200, chat("x"));
  });
  options_.in_flight = 4;
  client({model_at(server.url())});
  std::set<int64_t> waiting;
  for (int i = 0; i < 20; ++i) waiting.insert(client_->submit(call_of(std::to_string(i))));
  EXPECT_EQ(client_->pending(), 20);
  while (client_->pending() > 0)
    if (const auto answer = client_->wait(1000)) {
      EXPECT_EQ(answer->reply.outcome, LlmOutcome::kOk);
      EXPECT_EQ(waiting.erase(answer->ticket), 1u);
    }
  EXPECT_TRUE(waiting.empty());
  EXPECT_LE(most, 4);
  EXPECT_GE(most, 2);
}

TEST_F(ClientTest, ARequestLeavesWhenItsRowIsStored) {
  const HttpServer server([](const ServedRequest&, Connection& c) { c.respond(200, chat("x")); });
  client({model_at(server.url())});
  archive_->together([&] {
    client_->submit(call_of("a"));
    EXPECT_FALSE(client_->wait(40)) << "0.2 real seconds";
    EXPECT_EQ(server.requests(), 0);
  });
  const auto answer = client_->wait(1000);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->reply.outcome, LlmOutcome::kOk);
  EXPECT_EQ(server.requests(), 1);
  EXPECT_EQ(archive_->attempts().size(), 1u) << "begun once, however often it was looked at";
}

TEST_F(ClientTest, OneThatIsCancelledBeforeItLeavesIsCancelled) {
  const HttpServer server([](const ServedRequest&, Connection& c) { c.pause(30); });
  client({model_at(server.url())});
  archive_->together([&] {
    const int64_t ticket = client_->submit(call_of("a"));
    client_->wait(0);
    client_->cancel(ticket);
  });
  const auto answer = client_->wait(1000);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->reply.outcome, LlmOutcome::kCancelled);
  EXPECT_EQ(client_->pending(), 0);
}

TEST_F(ClientTest, CancelAnswersAtOnce) {
  const HttpServer server([](const ServedRequest&, Connection& c) { c.pause(30); });
  options_.in_flight = 1;
  client({model_at(server.url())});
  const int64_t flying = client_->submit(call_of("a"));
  const int64_t queued = client_->submit(call_of("b"));
  while (server.requests() == 0) client_->wait(1);
  client_->cancel(queued);
  client_->cancel(flying);
  std::map<int64_t, LlmOutcome> got;
  while (client_->pending() > 0)
    if (const auto answer = client_->wait(1000)) got[answer->ticket] = answer->reply.outcome;
  EXPECT_EQ(got, (std::map<int64_t, LlmOutcome>{{flying, LlmOutcome::kCancelled},
                                                {queued, LlmOutcome::kCancelled}}));
  EXPECT_EQ(archive_->attempts().size(), 1u);
  EXPECT_GT(client_->budget().spent().usd, 0) << "the one that was sent may have been worked on";
}

TEST_F(ClientTest, RefusesToStartWithoutAPrice) {
  Model model = model_at("https://llm.example.org");
  model.price.reset();
  try {
    client({model});
    FAIL() << "started";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    EXPECT_NE(std::string(error.what()).find("price"), std::string::npos);
  }
  Model in_the_clear = model_at("http://llm.example.org");
  in_the_clear.key_env = "BALLAST_TEST_KEY";
  setenv("BALLAST_TEST_KEY", "sk-canary-in-the-clear", 1);
  EXPECT_THROW(client({in_the_clear}), Error);
  unsetenv("BALLAST_TEST_KEY");
  EXPECT_THROW(client({in_the_clear}), Error) << "no key";
}

TEST_F(ClientTest, StopsAtTheCeilingHoweverManyAreInFlight) {
  const HttpServer server([](const ServedRequest&, Connection& c) {
    c.pause(0.001);
    c.respond(200, chat("x"));
  });
  options_.in_flight = 16;
  const double ceiling = 0.25;  // 125 replies; a call's worst case is more than 0.02
  client({model_at(server.url())}, {.usd = ceiling});
  for (int i = 0; i < 200; ++i) client_->submit(call_of(std::to_string(i)));
  int good = 0, refused = 0;
  while (client_->pending() > 0) {
    EXPECT_LE(client_->budget().spent().usd + client_->budget().reserved().usd, ceiling + 1e-9);
    if (const auto answer = client_->wait(1000)) {
      good += answer->reply.outcome == LlmOutcome::kOk;
      refused += answer->reply.outcome == LlmOutcome::kBudget;
    }
  }
  EXPECT_EQ(good + refused, 200);
  EXPECT_TRUE(client_->exhausted());
  EXPECT_EQ(server.requests(), good);
  EXPECT_GE(good, 100) << "money set aside and not needed is used again";
  EXPECT_LE(archive_->llm_spending().usd, ceiling);

  client_ = std::make_unique<Client>(options_, *archive_, clock_);
  EXPECT_EQ(reply_to("after a restart").outcome, LlmOutcome::kBudget);
  EXPECT_EQ(server.requests(), good);
}

TEST_F(ClientTest, WhatADeadProcessLeftCountsAtItsWorstAndIsAskedAgain) {
  const HttpServer server([](const ServedRequest& request, Connection& c) {
    if (request.body.find("slow") != std::string::npos) return c.pause(30);
    c.respond(200, chat("answer"));
  });
  client({model_at(server.url())});
  EXPECT_EQ(reply_to("fast").text, "answer");
  client_->submit(call_of("slow"));
  while (server.requests() < 2) client_->wait(1);
  client_.reset();  // as if killed: nothing is written any more
  client({model_at(server.url())});
  const auto calls = archive_->calls();
  EXPECT_EQ(calls[1].outcome, "LOST");
  EXPECT_NEAR(client_->budget().spent().usd, kChatUsd + archive_->attempts()[1].worst_usd, 1e-12);
  // What was answered before is asked again too: the search keeps its answers itself.
  EXPECT_EQ(reply_to("fast").text, "answer");
  EXPECT_EQ(server.requests(), 3);
}

}  // namespace
}  // namespace ballast::orchestrator
