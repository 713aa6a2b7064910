// Replies written from the wire table of docs/llm.md (synthetic, not recorded).
#include "orchestrator/llm/wire.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/error.h"
#include "orchestrator/llm/sse.h"
#include "orchestrator/llm/wire_json.h"

namespace ballast::orchestrator {
namespace {

using Json = nlohmann::json;

HttpResponse ok(std::string body) {
  return {
      .status = 200, .headers = {{"content-type", "application/json"}}, .body = std::move(body)};
}
HttpResponse stream(std::string body) {
  return {
      .status = 200, .headers = {{"content-type", "text/event-stream"}}, .body = std::move(body)};
}
HttpResponse failed(int status, std::string body) {
  return {
      .status = status, .headers = {{"content-type", "application/json"}}, .body = std::move(body)};
}

const char* const kChat = R"({"id":"c1","choices":[{"index":0,"finish_reason":"stop","message":
  {"role":"assistant","content":"def balance_loss(r): ...","refusal":null}}],
  "usage":{"prompt_tokens":1200,"completion_tokens":340,"total_tokens":1540,
  "prompt_tokens_details":{"cached_tokens":1024},"completion_tokens_details":{"reasoning_tokens":200}}})";

TEST(Wire, ChatCountsCachedTokensOnce) {
  const LlmReply reply = read_response(Provider::kOpenAiChat, ok(kChat));
  EXPECT_EQ(reply.outcome, LlmOutcome::kOk);
  EXPECT_EQ(reply.text, "def balance_loss(r): ...");
  EXPECT_EQ(reply.usage, (Usage{.input = 176,
                                .cache_read = 1024,
                                .output = 340,
                                .reasoning = 200,
                                .cost = {},
                                .reported = true}));
}

TEST(Wire, ChatTellsTruncationRefusalAndFilterApart) {
  const auto with = [](const char* finish, const char* content, const char* refusal) {
    Json json = Json::parse(kChat);
    json["choices"][0]["finish_reason"] = finish;
    json["choices"][0]["message"]["content"] = content ? Json(content) : Json();
    json["choices"][0]["message"]["refusal"] = refusal ? Json(refusal) : Json();
    return read_response(Provider::kOpenAiChat, ok(json.dump()));
  };
  EXPECT_EQ(with("length", "def bal", nullptr).outcome, LlmOutcome::kTruncated);
  EXPECT_EQ(with("length", "def bal", nullptr).usage.output, 340) << "cut-off replies cost money";
  EXPECT_EQ(with("content_filter", "", nullptr).outcome, LlmOutcome::kFiltered);
  EXPECT_EQ(with("stop", nullptr, "I cannot help").outcome, LlmOutcome::kRefused);
  EXPECT_EQ(with("stop", nullptr, nullptr).outcome, LlmOutcome::kEmpty);
  EXPECT_EQ(with("error", "x", nullptr).outcome, LlmOutcome::kOverloaded);
}

TEST(Wire, DeepSeekHitsAndMissesAddUpToThePrompt) {
  const LlmReply reply =
      read_response(Provider::kDeepSeek, ok(R"({"choices":[{"finish_reason":"stop",
    "message":{"content":"code","reasoning_content":"thinking"}}],"usage":{"prompt_tokens":1000,
    "prompt_cache_hit_tokens":896,"prompt_cache_miss_tokens":104,"completion_tokens":50,
    "completion_tokens_details":{"reasoning_tokens":30}}})"));
  EXPECT_EQ(reply.text, "code");
  EXPECT_EQ(reply.usage.input, 104);
  EXPECT_EQ(reply.usage.cache_read, 896);
  EXPECT_EQ(reply.usage.reasoning, 30);
}

TEST(Wire, BlankLinesAndKeepAliveCommentsBeforeAReplyAreNoStream) {
  EXPECT_EQ(read_response(Provider::kDeepSeek, ok(std::string("\n\n\n") + kChat)).outcome,
            LlmOutcome::kOk);
  const LlmReply streamed = read_response(
      Provider::kDeepSeek,
      stream(
          ": keep-alive\n\n: keep-alive\n\ndata: "
          "{\"choices\":[{\"delta\":{\"content\":\"co\"}}]}\n\n"
          ": keep-alive\n\ndata: "
          "{\"choices\":[{\"delta\":{\"content\":\"de\"},\"finish_reason\":\"stop\"}]}\r\n\r\n"
          "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\ndata: "
          "[DONE]\n\n"));
  EXPECT_EQ(streamed.outcome, LlmOutcome::kOk);
  EXPECT_EQ(streamed.text, "code");
  EXPECT_EQ(streamed.usage.input, 7);
}

TEST(Wire, OpenRouterReportsItsOwnCostAndErrorsInsideA200) {
  const LlmReply paid =
      read_response(Provider::kOpenRouter, ok(R"({"choices":[{"finish_reason":"stop",
    "native_finish_reason":"end_turn","message":{"content":"x"}}],
    "usage":{"prompt_tokens":10,"completion_tokens":5,"cost":0.00042}})"));
  EXPECT_EQ(paid.usage.cost, 0.00042);
  const auto inside = [](int code) {
    return read_response(Provider::kOpenRouter,
                         ok(R"({"error":{"code":)" + std::to_string(code) + R"(,"message":"m"}})"))
        .outcome;
  };
  EXPECT_EQ(inside(429), LlmOutcome::kRateLimited);
  EXPECT_EQ(inside(502), LlmOutcome::kOverloaded);
  EXPECT_EQ(inside(402), LlmOutcome::kQuota);
  EXPECT_EQ(inside(403), LlmOutcome::kAuth);
  const LlmReply in_stream =
      read_response(Provider::kOpenRouter,
                    stream("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: "
                           "{\"error\":{\"code\":502,\"message\":\"m\"}}\n\n"));
  EXPECT_EQ(in_stream.outcome, LlmOutcome::kOverloaded);
}

const char* const kResponses = R"({"status":"completed","error":null,"incomplete_details":null,
  "max_output_tokens":4096,"output":[{"type":"reasoning","summary":[]},{"type":"message","content":
  [{"type":"output_text","text":"def "},{"type":"output_text","text":"f"}]}],
  "usage":{"input_tokens":500,"input_tokens_details":{"cached_tokens":100},"output_tokens":90,
  "output_tokens_details":{"reasoning_tokens":60}}})";

TEST(Wire, ResponsesJoinsItsTextAndSkipsReasoning) {
  const LlmReply reply = read_response(Provider::kOpenAiResponses, ok(kResponses));
  EXPECT_EQ(reply.outcome, LlmOutcome::kOk);
  EXPECT_EQ(reply.text, "def f");
  EXPECT_EQ(reply.usage, (Usage{.input = 400,
                                .cache_read = 100,
                                .output = 90,
                                .reasoning = 60,
                                .cost = {},
                                .reported = true}));
}

TEST(Wire, ResponsesAtItsCapIsTruncatedEvenWithoutAReason) {
  Json json = Json::parse(kResponses);
  json["usage"]["output_tokens"] = 4096;
  EXPECT_EQ(read_response(Provider::kOpenAiResponses, ok(json.dump())).outcome,
            LlmOutcome::kTruncated);
  json["usage"]["output_tokens"] = 5;
  json["status"] = "incomplete";
  json["incomplete_details"] = {{"reason", "max_output_tokens"}};
  EXPECT_EQ(read_response(Provider::kOpenAiResponses, ok(json.dump())).outcome,
            LlmOutcome::kTruncated);
  json["incomplete_details"] = {{"reason", "content_filter"}};
  EXPECT_EQ(read_response(Provider::kOpenAiResponses, ok(json.dump())).outcome,
            LlmOutcome::kFiltered);
  json["error"] = {{"code", "server_error"}, {"message", "m"}};
  EXPECT_EQ(read_response(Provider::kOpenAiResponses, ok(json.dump())).outcome,
            LlmOutcome::kOverloaded);
}

TEST(Wire, ResponsesStreamTakesTheFinalObject) {
  const std::string done =
      Json{{"type", "response.completed"}, {"response", Json::parse(kResponses)}}.dump();
  const LlmReply reply =
      read_response(Provider::kOpenAiResponses,
                    stream("event: response.output_text.delta\ndata: "
                           "{\"type\":\"response.output_text.delta\",\"delta\":\"de\"}\n\n"
                           "event: response.completed\ndata: " +
                           done + "\n\n"));
  EXPECT_EQ(reply.text, "def f");
  const LlmReply cut =
      read_response(Provider::kOpenAiResponses,
                    stream("data: {\"type\":\"response.output_text.delta\",\"delta\":\"de\"}\n\n"));
  EXPECT_EQ(cut.outcome, LlmOutcome::kMalformed);
}

TEST(Wire, AnthropicCountsCacheBesideTheInput) {
  const LlmReply reply = read_response(Provider::kAnthropic, ok(R"({"type":"message","content":[
    {"type":"thinking","thinking":"hm"},{"type":"redacted_thinking","data":"x"},{"type":"text","text":"a"},
    {"type":"text","text":"b"}],"stop_reason":"end_turn","usage":{"input_tokens":30,
    "cache_creation_input_tokens":500,"cache_read_input_tokens":2000,
    "cache_creation":{"ephemeral_5m_input_tokens":400,"ephemeral_1h_input_tokens":100},"output_tokens":77}})"));
  EXPECT_EQ(reply.text, "ab");
  EXPECT_EQ(reply.usage, (Usage{.input = 30,
                                .cache_read = 2000,
                                .cache_write = 400,
                                .cache_write_1h = 100,
                                .output = 77,
                                .cost = {},
                                .reported = true}));
}

TEST(Wire, AnthropicStopReasons) {
  const auto with = [](const std::string& stop) {
    return read_response(Provider::kAnthropic,
                         ok(R"({"content":[{"type":"text","text":"t"}],"stop_reason":")" + stop +
                            R"(","usage":{"input_tokens":1,"output_tokens":1}})"))
        .outcome;
  };
  EXPECT_EQ(with("stop_sequence"), LlmOutcome::kOk);
  EXPECT_EQ(with("max_tokens"), LlmOutcome::kTruncated);
  EXPECT_EQ(with("model_context_window_exceeded"), LlmOutcome::kTruncated);
  EXPECT_EQ(with("refusal"), LlmOutcome::kRefused);
}

TEST(Wire, AnthropicStreamMergesUsageAndReportsErrorsAfterA200) {
  const std::string start =
      "event: message_start\ndata: "
      "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9,"
      "\"cache_read_input_tokens\":4,\"output_tokens\":1}}}\n\n"
      "event: content_block_delta\ndata: "
      "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"x\"}"
      "}\n\n"
      "event: content_block_delta\ndata: "
      "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n"
      "event: ping\ndata: {\"type\":\"ping\"}\n\n";
  const LlmReply whole =
      read_response(Provider::kAnthropic,
                    stream(start + "event: message_delta\ndata: "
                                   "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_"
                                   "turn\"},\"usage\":{\"output_tokens\":12}}\n\n"
                                   "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
  EXPECT_EQ(whole.outcome, LlmOutcome::kOk);
  EXPECT_EQ(whole.text, "hi");
  EXPECT_EQ(whole.usage.input, 9);
  EXPECT_EQ(whole.usage.output, 12);
  const LlmReply overloaded = read_response(
      Provider::kAnthropic,
      stream(
          start +
          "event: error\ndata: "
          "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}\n\n"));
  EXPECT_EQ(overloaded.outcome, LlmOutcome::kOverloaded);
  EXPECT_EQ(overloaded.usage.input, 9) << "what was sent before the error was paid for";
  const LlmReply broken =
      read_broken_stream(Provider::kAnthropic, stream(start), LlmOutcome::kStalled);
  EXPECT_EQ(broken.outcome, LlmOutcome::kStalled);
  EXPECT_EQ(broken.usage.input, 9);
}

TEST(Wire, GeminiOutputIncludesThoughtsAndSkipsTheirText) {
  const LlmReply reply = read_response(Provider::kGemini, ok(R"({"candidates":[{"content":{"parts":[
    {"text":"secret","thought":true},{"text":"def f"}]},"finishReason":"STOP"}],
    "usageMetadata":{"promptTokenCount":100,"cachedContentTokenCount":40,"candidatesTokenCount":20,
    "thoughtsTokenCount":30,"totalTokenCount":150}})"));
  EXPECT_EQ(reply.text, "def f");
  EXPECT_EQ(reply.usage, (Usage{.input = 60,
                                .cache_read = 40,
                                .output = 50,
                                .reasoning = 30,
                                .cost = {},
                                .reported = true}));
  EXPECT_EQ(read_response(Provider::kGemini, ok(R"({"promptFeedback":{"blockReason":"SAFETY"}})"))
                .outcome,
            LlmOutcome::kFiltered);
  EXPECT_EQ(
      read_response(Provider::kGemini, ok(R"({"candidates":[{"finishReason":"MAX_TOKENS"}]})"))
          .outcome,
      LlmOutcome::kTruncated);
  EXPECT_EQ(
      read_response(Provider::kGemini, ok(R"({"candidates":[{"finishReason":"RECITATION"}]})"))
          .outcome,
      LlmOutcome::kFiltered);
}

TEST(Wire, StatusesSayWhatMayBeTriedAgain) {
  const auto outcome = [](int status, const char* body = "{}") {
    return read_response(Provider::kOpenAiChat, failed(status, body)).outcome;
  };
  for (int status : {408, 409, 425, 500, 502, 503, 504, 529})
    EXPECT_TRUE(transient(outcome(status))) << status;
  EXPECT_EQ(outcome(429), LlmOutcome::kRateLimited);
  for (int status : {301, 307, 400, 401, 402, 403, 404, 413, 422})
    EXPECT_FALSE(transient(outcome(status))) << status;
  EXPECT_EQ(outcome(429, R"({"error":{"code":"insufficient_quota","message":"m"}})"),
            LlmOutcome::kQuota);
  EXPECT_EQ(outcome(503, "<html>gateway</html>"), LlmOutcome::kOverloaded);
  EXPECT_EQ(outcome(400, R"({"error":{"type":"server_error"}})"), LlmOutcome::kBadRequest);
}

TEST(Wire, NonsenseIsMalformedOrEmpty) {
  for (const Provider p :
       {Provider::kOpenAiChat, Provider::kOpenAiResponses, Provider::kAnthropic, Provider::kGemini,
        Provider::kDeepSeek, Provider::kOpenRouter, Provider::kCompatible}) {
    EXPECT_EQ(read_response(p, ok("")).outcome, LlmOutcome::kEmpty);
    EXPECT_EQ(read_response(p, ok("  \n")).outcome, LlmOutcome::kEmpty);
    for (const char* body : {"{", "[]", "null", "7", "{}", R"({"choices":[]})", R"({"choices":7})",
                             R"({"choices":[{"message":7}]})", R"({"content":[7]})",
                             R"({"output":[7]})", R"({"candidates":[7]})", R"({"usage":[]})"})
      EXPECT_NE(read_response(p, ok(body)).outcome, LlmOutcome::kOk) << to_string(p) << " " << body;
  }
}

// Every prefix of a good reply is something, but never a whole reply.
TEST(Wire, NoPrefixOfAReplyPassesForTheWhole) {
  const std::string body = kChat;
  for (size_t n = 0; n + 1 < body.size(); ++n)
    EXPECT_NE(read_response(Provider::kOpenAiChat, ok(body.substr(0, n))).outcome, LlmOutcome::kOk)
        << n;
}

TEST(Wire, RequestsCarryNoKeyAndPutTheStablePrefixFirst) {
  const Prompt prompt{.system = "the task", .user = "the parent"};
  for (const char* name :
       {"openai_chat", "openai_responses", "anthropic", "gemini", "deepseek", "openrouter"}) {
    Model model{.name = "m",
                .provider = *parse_provider(name),
                .base_url = "",
                .model = "model-x",
                .key_env = "K",
                .sampling = {}};
    const HttpRequest request = build_request(model, prompt);
    EXPECT_TRUE(request.url.starts_with("https://")) << request.url;
    EXPECT_LT(request.body.find("the task"), request.body.size()) << name;
    EXPECT_LT(request.body.find("the parent"), request.body.size()) << name;
    for (const auto& [key, value] : request.headers)
      EXPECT_NE(key, key_header(model.provider).name);
  }
  Model model{.name = "m",
              .provider = Provider::kAnthropic,
              .base_url = "",
              .model = "c",
              .key_env = "K",
              .sampling = {}};
  const Json body = Json::parse(build_request(model, prompt).body);
  EXPECT_EQ(body["system"][0]["cache_control"]["type"], "ephemeral");
  EXPECT_EQ(body["max_tokens"], 4096);
  model.provider = Provider::kOpenAiResponses;
  EXPECT_EQ(Json::parse(build_request(model, prompt).body)["store"], false);
}

TEST(Wire, ACompatibleServerNeedsAnAddress) {
  const Model model{.name = "local",
                    .provider = Provider::kCompatible,
                    .base_url = "",
                    .model = "x",
                    .key_env = "",
                    .sampling = {}};
  EXPECT_THROW(build_request(model, {}), Error);
}

TEST(Wire, TextThatIsNotUtf8StillMakesARequest) {
  const Model model{.name = "m",
                    .provider = Provider::kOpenAiChat,
                    .base_url = "",
                    .model = "x",
                    .key_env = "",
                    .sampling = {}};
  EXPECT_FALSE(
      Json::parse(build_request(model, {.system = "", .user = "\xff\xfe"}).body, nullptr, false)
          .is_discarded());
}

// Whatever is in a prompt, on either way of writing it.
TEST(Wire, RequestsAreWrittenAsJsonWritesThem) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  const Json body = {
      {"text", "a \"quoted\" line\n\tC:\\path\n"},
      {"empty", ""},
      {"accents", "\u00e9 \u20ac \U0001F600"},
      {"control", "\b\f\r\x01\x1f\x7f"},
      {"all", all},
      {"no\"key\n", {1, -2, 0.5, 1e20, true, nullptr}},
      {"nested", {{"a", Json::array()}, {"b", Json::object()}, {"c", {{{"d", 5.0}}}}}}};
  const auto replace = Json::error_handler_t::replace;
  EXPECT_EQ(wire::dump(body), body.dump(-1, ' ', false, replace));
  for (int c = 0; c < 256; ++c) {
    const Json text = "x" + std::string(1, static_cast<char>(c)) + "\ny";
    EXPECT_EQ(wire::dump(text), text.dump(-1, ' ', false, replace)) << c;
  }
}

TEST(Wire, EmbeddingsAreCheckedAndPutInOrder) {
  const Embeddings good =
      read_embeddings(ok(R"({"data":[{"index":1,"embedding":[0,1]},{"index":0,"embedding":[1,0]}],
    "usage":{"total_tokens":9}})"),
                      2);
  EXPECT_EQ(good.outcome, LlmOutcome::kOk);
  EXPECT_EQ(good.vectors, (std::vector<std::vector<float>>{{1, 0}, {0, 1}}));
  EXPECT_EQ(good.tokens, 9);
  for (const char* body :
       {R"({"data":[{"index":0,"embedding":[1,0]}]})",
        R"({"data":[{"index":0,"embedding":[1,0]},{"index":0,"embedding":[1,0]}]})",
        R"({"data":[{"index":0,"embedding":[1,0]},{"index":1,"embedding":[1]}]})",
        R"({"data":[{"index":0,"embedding":[1,0]},{"index":1,"embedding":[0,0]}]})",
        R"({"data":[{"index":0,"embedding":[1,0]},{"index":5,"embedding":[1,0]}]})",
        R"({"data":[{"index":0,"embedding":[1,0]},{"index":1,"embedding":["a",0]}]})",
        R"({"data":[{"index":0,"embedding":[1,0]},{"index":1,"embedding":[1e39,0]}]})",
        R"({"data":[{"index":0,"embedding":[1,0]},{"index":1,"embedding":[1e999,0]}]})",
        R"({"data":[{"index":0,"embedding":[1,0]},{"index":1,"embedding":[NaN,0]}]})",
        R"({"data":[{"index":0,"embedding":[1,0]},{"index":-1,"embedding":[1,0]}]})",
        R"({"data":[{"index":0,"embedding":[[1,0]]},{"index":1,"embedding":[[1,0]]}]})", "<html>"})
    EXPECT_EQ(read_embeddings(ok(body), 2).outcome, LlmOutcome::kMalformed) << body;
  EXPECT_EQ(read_embeddings(ok(""), 1).outcome, LlmOutcome::kEmpty);
  EXPECT_EQ(read_embeddings(ok(R"({"error":{"code":502,"message":"m"}})"), 1).outcome,
            LlmOutcome::kOverloaded);
}

TEST(Wire, EmbeddingsAreThoseOfTheData) {
  for (
      const char* body :
      {R"({"embedding":[7,7],"data":[{"index":0,"embedding":[1,0]}]})",
       R"({"data":[{"index":0,"embedding":[7,7],"embedding":[1,0]}]})",
       R"({"data":[{"index":0,"object":"embedding","embedding":[1,0],"x":{"y":{"embedding":[7]}}}]})",
       R"({"data":[{"index":0,"embedding":[1,0]}],"x":{"embedding":"none"}})"}) {
    const Embeddings read = read_embeddings(ok(body), 1);
    EXPECT_EQ(read.outcome, LlmOutcome::kOk) << body;
    EXPECT_EQ(read.vectors, (std::vector<std::vector<float>>{{1, 0}})) << body;
  }
  for (const char* body : {R"({"embedding":[7,7],"data":[{"index":0}]})",
                           R"({"embedding":[7,7],"data":[{"index":0,"embedding":[]}]})",
                           R"({"embedding":[7,7],"data":[{"index":0,"embedding":1}]})",
                           R"({"data":[{"index":0,"embedding":[1,0]})",
                           R"({"data":[{"index":0,"embedding":[1,0]}]}])"})
    EXPECT_EQ(read_embeddings(ok(body), 1).outcome, LlmOutcome::kMalformed) << body;
}

TEST(Wire, OnlyProvidersWithOpenAisFormAreAskedForEmbeddings) {
  Model model{.name = "e", .provider = Provider::kOpenAiChat, .model = "text-embedding-3-small"};
  model.uses = {Use::kEmbed};
  const HttpRequest request = build_request(model, {.system = "", .user = "a text"});
  EXPECT_EQ(request.url, "https://api.openai.com/v1/embeddings");
  EXPECT_EQ(Json::parse(request.body), Json::parse(R"({"model":"text-embedding-3-small",
    "input":["a text"],"encoding_format":"float"})"));
  for (const Provider provider :
       {Provider::kAnthropic, Provider::kGemini, Provider::kDeepSeek, Provider::kOpenRouter}) {
    model.provider = provider;
    EXPECT_THROW(build_request(model, {.system = "", .user = "a text"}), Error);
  }
}

TEST(Sse, SplitsEventsOverAllLineEndings) {
  for (const char* end : {"\n", "\r\n", "\r"}) {
    const std::string e = end;
    const auto events = parse_sse("event: a" + e + "data: 1" + e + "data:2" + e + e + ": c" + e +
                                  e + "data: 3" + e + e + "data: cut");
    EXPECT_EQ(events, (std::vector<SseEvent>{{"a", "1\n2"}, {"message", "3"}}));
  }
}

}  // namespace
}  // namespace ballast::orchestrator
