// Prices and what calls cost, against values worked out by hand.
#include "orchestrator/llm/prices.h"

#include <gtest/gtest.h>

#include "orchestrator/llm/wire.h"

namespace ballast::orchestrator {
namespace {

HttpResponse ok(std::string body) {
  return {
      .status = 200, .headers = {{"content-type", "application/json"}}, .body = std::move(body)};
}

// Cost in USD of a synthetic reply (written from the wire table of docs/llm.md) at given rates.
double cost_of(Provider provider, const Price& price, std::string body) {
  return cost(price, read_response(provider, ok(std::move(body))).usage);
}

constexpr Rates kRates{
    .input = 2, .cache_read = 0.2, .cache_write = 2.5, .cache_write_1h = 4, .output = 8};

TEST(Cost, OpenAiChatCountsCachedAndReasoningTokensOnce) {
  // 1200 prompt, 1024 of it cached; 340 completion, 200 of it reasoning.
  // (176 * 2 + 1024 * 0.2 + 340 * 8) / 1e6 = (352 + 204.8 + 2720) / 1e6
  EXPECT_NEAR(cost_of(Provider::kOpenAiChat, {.rates = kRates}, R"({"choices":[{"finish_reason":
    "stop","message":{"content":"x"}}],"usage":{"prompt_tokens":1200,"completion_tokens":340,
    "prompt_tokens_details":{"cached_tokens":1024},"completion_tokens_details":
    {"reasoning_tokens":200}}})"),
              0.0032768, 1e-12);
}

TEST(Cost, OpenAiResponses) {
  // (400 * 2 + 100 * 0.2 + 90 * 8) / 1e6 = 1540 / 1e6
  EXPECT_NEAR(cost_of(Provider::kOpenAiResponses, {.rates = kRates},
                      R"({"status":"completed","output":[{"type":"message","content":
    [{"type":"output_text","text":"x"}]}],"usage":{"input_tokens":500,"input_tokens_details":
    {"cached_tokens":100},"output_tokens":90,"output_tokens_details":{"reasoning_tokens":60}}})"),
              0.00154, 1e-12);
}

TEST(Cost, AnthropicAddsWhatItsInputTokensLeaveOut) {
  // input 100 fresh, 1000 read, 500 written (200 of it for an hour), 50 out:
  // (100 * 2 + 1000 * 0.2 + 300 * 2.5 + 200 * 4 + 50 * 8) / 1e6 = 2350 / 1e6
  EXPECT_NEAR(cost_of(Provider::kAnthropic, {.rates = kRates}, R"({"content":[{"type":"text",
    "text":"x"}],"stop_reason":"end_turn","usage":{"input_tokens":100,"cache_read_input_tokens":1000,
    "cache_creation_input_tokens":500,"cache_creation":{"ephemeral_5m_input_tokens":300,
    "ephemeral_1h_input_tokens":200},"output_tokens":50}})"),
              0.00235, 1e-12);
}

constexpr const char* kGemini = R"({"candidates":[{"finishReason":"STOP","content":{"parts":
  [{"text":"x"}]}}],"usageMetadata":{"promptTokenCount":1000,"cachedContentTokenCount":400,
  "candidatesTokenCount":70,"thoughtsTokenCount":30}})";

TEST(Cost, GeminiPaysForThoughtsAsOutput) {
  // (600 * 2 + 400 * 0.2 + (70 + 30) * 8) / 1e6 = 2080 / 1e6
  EXPECT_NEAR(cost_of(Provider::kGemini, {.rates = kRates}, kGemini), 0.00208, 1e-12);
}

TEST(Cost, ALongPromptPaysTheLongRatesForAllItsTokens) {
  const Price price{.rates = kRates,
                    .long_above = 999,
                    .long_rates = {.input = 4, .cache_read = 0.4, .output = 16}};
  EXPECT_NEAR(cost_of(Provider::kGemini, price, kGemini), 2 * 0.00208, 1e-12);
  Price at = price;
  at.long_above = 1000;
  EXPECT_NEAR(cost_of(Provider::kGemini, at, kGemini), 0.00208, 1e-12) << "only above it";
}

TEST(Cost, DeepSeek) {
  // (104 * 2 + 896 * 0.2 + 50 * 8) / 1e6 = (208 + 179.2 + 400) / 1e6
  EXPECT_NEAR(cost_of(Provider::kDeepSeek, {.rates = kRates}, R"({"choices":[{"finish_reason":
    "stop","message":{"content":"x"}}],"usage":{"prompt_tokens":1000,"prompt_cache_hit_tokens":896,
    "prompt_cache_miss_tokens":104,"completion_tokens":50}})"),
              0.0007872, 1e-12);
}

TEST(Cost, OpenRoutersOwnFigureComesFirst) {
  EXPECT_EQ(cost_of(Provider::kOpenRouter, {.rates = kRates}, R"({"choices":[{"finish_reason":
    "stop","message":{"content":"x"}}],"usage":{"prompt_tokens":10,"completion_tokens":5,
    "cost":0.00042}})"),
            0.00042);
}

TEST(Cost, TheWorstCaseIsNeverBelowTheCost) {
  const Price price{.rates = kRates, .long_above = 500, .long_rates = {.input = 1, .output = 2}};
  for (const int64_t prompt : {0, 100, 500, 501, 1000})
    for (const int64_t cached : {int64_t{0}, prompt / 2, prompt}) {
      Usage usage{.input = prompt - cached, .cache_read = cached, .output = 70};
      EXPECT_LE(cost(price, usage), worst_cost(price, prompt, 70));
      std::swap(usage.cache_read, usage.cache_write_1h);
      EXPECT_LE(cost(price, usage), worst_cost(price, prompt, 70));
      EXPECT_LE(cost(price, usage), worst_cost(price, prompt + 600, 70)) << "a shorter prompt";
    }
  EXPECT_EQ(worst_cost({.rates = kRates}, 1'000'000, 0), 4)
      << "as if all went to the dearest cache";
  EXPECT_GE(most_tokens({.system = "abc", .user = "de"}), 5);
}

// What is in prices.def changes; that it is read, and names are taken strictly, does not.
TEST(Price, NamesAreExactButForADate) {
  const auto gpt = known_price(Provider::kOpenAiChat, "gpt-5");
  ASSERT_TRUE(gpt);
  EXPECT_GT(gpt->rates.output, gpt->rates.input);
  EXPECT_LT(gpt->rates.cache_read, gpt->rates.input);
  EXPECT_EQ(known_price(Provider::kOpenAiResponses, "gpt-5-2099-01-31"), gpt);
  EXPECT_TRUE(known_price(Provider::kAnthropic, "claude-opus-4-5-20251101"));
  for (const char* other : {"gpt-5-quantum", "gpt-5-7777", "gpt-5x", "gpt", "", "gpt-5-2099"})
    EXPECT_FALSE(known_price(Provider::kOpenAiChat, other)) << other;
  EXPECT_FALSE(known_price(Provider::kAnthropic, "gpt-5")) << "another provider's";
  EXPECT_FALSE(known_price(Provider::kCompatible, "gpt-5"));
  EXPECT_EQ(known_price(Provider::kGemini, "gemini-2.5-pro")->long_above, 200'000);
  EXPECT_EQ(prices_origin().date.size(), 10u);
}

TEST(Price, TheUsersComesFirstAndALocalServerIsFree) {
  Model model{.name = "m", .provider = Provider::kOpenAiChat, .base_url = "", .model = "gpt-5"};
  EXPECT_EQ(price_of(model), known_price(Provider::kOpenAiChat, "gpt-5"));
  model.price = Price{.rates = kRates};
  EXPECT_EQ(price_of(model)->rates, kRates);
  Model local{.name = "l",
              .provider = Provider::kCompatible,
              .base_url = "http://127.0.0.1:8080/v1",
              .model = "anything"};
  EXPECT_EQ(price_of(local), Price());
  local.base_url = "https://llm.example.org/v1";
  EXPECT_FALSE(price_of(local));
  local.base_url = "http://127.0.0.1:8080/v1";
  local.key_env = "SOME_KEY";
  EXPECT_FALSE(price_of(local)) << "a key means that somebody may be paid behind it";
}

}  // namespace
}  // namespace ballast::orchestrator
