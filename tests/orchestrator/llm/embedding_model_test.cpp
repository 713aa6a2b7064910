// Calls to an embedding model against a real server: vectors come as text, nothing else does.
#include <atomic>

#include "common/error.h"
#include "orchestrator/llm/vector_text.h"
#include "tests/orchestrator/llm/llm_server.h"

namespace ballast::orchestrator {
namespace {

std::string embedding(const std::string& numbers, int tokens = 100) {
  return R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[)" + numbers +
         R"(]}],"usage":{"prompt_tokens":)" + std::to_string(tokens) + R"(,"total_tokens":)" +
         std::to_string(tokens) + "}}";
}
constexpr double kEmbeddingUsd = 100 * 10 / 1e6;  // at the price of model_at()

Model embedding_model(const std::string& url) {
  Model model = model_at(url, "e");
  model.uses = {Use::kEmbed};
  return model;
}

class EmbeddingModelTest : public ClientTest {
 protected:
  LlmAnswer vector_of(const std::string& text) {
    return ask(*client_, {.model = "e",
                          .prompt = {.system = "", .user = text},
                          .op = "embed",
                          .variant = "",
                          .sampling = {},
                          .draft = {}});
  }
};

// Vectors of two models have nothing to do with one another, of the same length or not.
TEST_F(EmbeddingModelTest, AnArchiveStaysWithItsEmbeddingModel) {
  const HttpServer server(
      [&](const ServedRequest&, Connection& c) { c.respond(200, embedding("1,2")); });
  Model model = embedding_model(server.url());
  client({model});
  EXPECT_EQ(vector_of("a").reply.outcome, LlmOutcome::kOk);
  EXPECT_NO_THROW(client({model})) << "the same one goes on";
  model.model += "-large";
  try {
    client({model});
    FAIL() << "another one was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    const std::string what = error.what();
    EXPECT_NE(what.find("configuration has compatible " + model.model), std::string::npos) << what;
  }
  model.uses = {Use::kPropose};
  EXPECT_NO_THROW(client({model})) << "it embeds nothing";
}

TEST_F(EmbeddingModelTest, AVectorIsAReplyLikeAnyOther) {
  ServedRequest seen;
  const HttpServer server([&](const ServedRequest& request, Connection& c) {
    seen = request;
    c.respond(200, embedding("1,-2.5,0"), {{"x-request-id", "r-9"}});
  });
  client({embedding_model(server.url())}, {.usd = 1});
  const LlmAnswer answer = vector_of("mean(f)");
  EXPECT_EQ(seen.path, "/v1/embeddings");
  EXPECT_NE(seen.body.find("\"input\":[\"mean(f)\"]"), std::string::npos) << seen.body;
  EXPECT_EQ(answer.reply.outcome, LlmOutcome::kOk) << answer.reply.message;
  EXPECT_EQ(parse_vector_text(answer.reply.text), (std::vector<float>{1, -2.5, 0}));
  EXPECT_NEAR(answer.usd, kEmbeddingUsd, 1e-12);
  const auto call = archive_->calls().at(0);
  EXPECT_EQ(call.reply, answer.reply.text);
  EXPECT_EQ(call.request_id, "r-9");
  EXPECT_EQ(call.sampling, "{}");
  const auto attempt = archive_->attempts().at(0);
  EXPECT_EQ(attempt.end.tokens.input, 100);
  EXPECT_EQ(attempt.end.tokens.output, 0);
  EXPECT_NEAR(archive_->llm_spending().usd, kEmbeddingUsd, 1e-12);
  // Only the prompt can cost: 7 bytes of it and the frame.
  EXPECT_NEAR(attempt.worst_usd, (7 + 256) * 10 / 1e6, 1e-12);
}

TEST_F(EmbeddingModelTest, WhatIsNoVectorIsTriedAgain) {
  using enum LlmOutcome;
  struct Bad {
    const char* name;
    int status;
    std::string body;
    LlmOutcome outcome;
    bool free;
  };
  const std::vector<Bad> table{
      {"two vectors", 200, R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1]}]})",
       kMalformed, false},
      {"no vector", 200, R"({"data":[]})", kMalformed, false},
      {"an empty vector", 200, embedding(""), kMalformed, false},
      {"zero", 200, embedding("0,0"), kMalformed, false},
      {"not finite", 200, embedding("1,1e60"), kMalformed, false},
      {"no number", 200, embedding("1,null"), kMalformed, false},
      {"HTML", 200, "<html>hello</html>", kMalformed, false},
      {"a chat completion", 200, chat("hello"), kMalformed, false},
      {"nothing", 200, "", kEmpty, false},
      {"429", 429, R"({"error":{"type":"rate_limit_error","message":"m"}})", kRateLimited, true},
      {"503", 503, "loading", kOverloaded, true},
  };
  for (const Bad& bad : table) {
    SCOPED_TRACE(bad.name);
    std::atomic<int> served{0};
    const HttpServer server([&](const ServedRequest&, Connection& c) {
      if (++served == 1) return c.respond(bad.status, bad.body);
      c.respond(200, embedding("1,2"));
    });
    const size_t before = archive_->attempts().size();
    client({embedding_model(server.url())});
    const LlmAnswer answer = vector_of(bad.name);
    EXPECT_EQ(parse_vector_text(answer.reply.text), (std::vector<float>{1, 2}));
    EXPECT_EQ(answer.reply.attempts, 2);
    const auto first = archive_->attempts().at(before);
    EXPECT_EQ(first.end.outcome, to_string(bad.outcome)) << first.end.message;
    EXPECT_NEAR(answer.usd, kEmbeddingUsd + (bad.free ? 0 : first.worst_usd), 1e-12);
    client_.reset();
  }
}

TEST_F(EmbeddingModelTest, AVectorOfAnotherLengthIsNoAnswer) {
  std::atomic<int> served{0};
  const HttpServer server([&](const ServedRequest&, Connection& c) {
    c.respond(200, embedding(++served == 2 ? "1,2" : "1,2,3"));
  });
  client({embedding_model(server.url())});
  EXPECT_EQ(vector_of("a").reply.attempts, 1);
  const LlmAnswer answer = vector_of("b");
  EXPECT_EQ(answer.reply.attempts, 2);
  EXPECT_EQ(parse_vector_text(answer.reply.text)->size(), 3u);
  EXPECT_EQ(archive_->attempts().at(1).end.outcome, "MALFORMED");
}

TEST_F(EmbeddingModelTest, AStreamThatBreaksIsNoVector) {
  const HttpServer server([](const ServedRequest&, Connection& c) {
    c.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n");
    c.send("data: " + chat("whole") + "\n\ndata: [DONE]\n\n");
    c.close();
  });
  options_.retry.attempts = 1;
  client({embedding_model(server.url())});
  const LlmAnswer answer = vector_of("a");
  EXPECT_EQ(answer.reply.outcome, LlmOutcome::kNetwork);
  EXPECT_EQ(answer.reply.text, "");
}

TEST_F(EmbeddingModelTest, WithoutUsageItCountsAtItsWorst) {
  const HttpServer server([](const ServedRequest&, Connection& c) {
    c.respond(200, R"({"data":[{"index":0,"embedding":[1,2]}]})");
  });
  client({embedding_model(server.url())});
  const LlmAnswer answer = vector_of("a");
  EXPECT_EQ(answer.reply.outcome, LlmOutcome::kOk);
  EXPECT_NEAR(answer.usd, archive_->attempts().at(0).worst_usd, 1e-12);
}

TEST_F(EmbeddingModelTest, AProviderWithoutThemIsRefusedAtTheStart) {
  Model model = embedding_model("https://llm.example.org");
  model.provider = Provider::kAnthropic;
  EXPECT_THROW(client({model}), Error);
}

}  // namespace
}  // namespace ballast::orchestrator
