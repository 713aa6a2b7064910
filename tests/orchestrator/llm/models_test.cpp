#include "orchestrator/llm/models.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/error.h"
#include "orchestrator/llm/client_config.h"
#include "orchestrator/llm/prices.h"
#include "orchestrator/llm/wire.h"

namespace ballast::orchestrator {
namespace {

std::string error_of(const std::string& text) {
  try {
    parse_models(text, "models.toml");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    return error.what();
  }
  return "(nothing was thrown)";
}

const std::string kLocal =
    "[[models]]\nname = \"l\"\nprovider = \"compatible\"\nmodel = \"x\"\n"
    "base_url = \"http://127.0.0.1:8080/v1\"\n";

TEST(Models, EveryKeyIsRead) {
  const std::vector<Model> models = parse_models(R"(
[[models]]
name = "thinker"
provider = "openai_responses"
base_url = "https://proxy.example.org/v1"
model = "gpt-5-mini"
key_env = "MY_KEY"
stream = true
max_output_tokens = 20_000
temperature = 0.5
reasoning_effort = "low"
price = { input = 1, output = 4.5, cache_read = 0.1, long = { above = 200_000, input = 2, output = 9 } }

[[models]]
name = "local"
provider = "compatible"
base_url = "http://127.0.0.1:8231/v1"
model = "qwen"
)",
                                                 "models.toml");
  ASSERT_EQ(models.size(), 2u);
  const Model& m = models[0];
  EXPECT_EQ(m.name, "thinker");
  EXPECT_EQ(m.provider, Provider::kOpenAiResponses);
  EXPECT_EQ(m.base_url, "https://proxy.example.org/v1");
  EXPECT_EQ(m.model, "gpt-5-mini");
  EXPECT_EQ(m.key_env, "MY_KEY");
  EXPECT_TRUE(m.stream);
  EXPECT_EQ(
      m.sampling,
      (Sampling{
          .max_output_tokens = 20'000, .temperature = 0.5, .seed = {}, .reasoning_effort = "low"}));
  ASSERT_TRUE(m.price);
  EXPECT_EQ(
      m.price->rates,
      (Rates{.input = 1, .cache_read = 0.1, .cache_write = 1, .cache_write_1h = 1, .output = 4.5}));
  EXPECT_EQ(m.price->long_above, 200'000);
  EXPECT_EQ(m.price->long_rates.output, 9);
  EXPECT_FALSE(models[1].stream);
  EXPECT_FALSE(models[1].price);
  EXPECT_FALSE(models[1].sampling.temperature);
}

TEST(Models, MistakesAreNamedWithTheirLine) {
  const auto expect = [](const std::string& text, const std::string& line,
                         const std::string& part) {
    const std::string error = error_of(text);
    EXPECT_EQ(error.find("models.toml:" + line), 0u) << error;
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  expect(kLocal + "temprature = 1\n", "6", "the nearest is \"temperature\"");
  expect(kLocal + "temperature = 3\n", "6", "0 to 2");
  expect(kLocal + "temperature = \"hot\"\n", "6", "expected a number");
  expect(kLocal + "max_output_tokens = 100.5\n", "6", "whole");
  expect(kLocal + "stream = 1\n", "6", "true or false");
  expect(kLocal + kLocal, "6", "given twice");
  expect(kLocal + "key_env = \"A\"\nkey_file = \"b\"\n", "1", "one of the two");
  expect(kLocal + "price = { input = 1 }\n", "6", "output");
  expect(kLocal + "price = { input = 1, output = 1, ouptut = 2 }\n", "6", "nearest");
  expect("[[models]]\nname = \"a\"\nprovider = \"opnai\"\n", "3", "openai_responses");
  expect("[[models]]\nprovider = \"gemini\"\n", "1", "name is missing");
  expect("[[models]]\nname = \"a\"\nprovider = \"gemini\"\nmodel = \"g\"\n", "1", "key_env");
  expect("[[models]]\nname = \"a\"\nprovider = \"compatible\"\nmodel = \"g\"\n", "1", "base_url");
  expect("[[models]]\nname = \n", "2", "not TOML");
  EXPECT_NE(error_of("").find("no [[models]]"), std::string::npos);
  EXPECT_NE(error_of("[models]\nname = \"x\"\n").find("no [[models]]"), std::string::npos);
  EXPECT_NE(error_of("[[model]]\n").find("the nearest is \"models\""), std::string::npos);
}

const std::string kEmbedding =
    "[[models]]\nname = \"e\"\nprovider = \"openai_chat\"\nmodel = \"text-embedding-3-small\"\n"
    "key_env = \"K\"\n";

TEST(Models, UsesAreReadAndPlainModelsProposeAndKeepNotes) {
  const auto models = parse_models(kLocal +
                                       "[[models]]\nname = \"j\"\nprovider = \"compatible\"\n"
                                       "model = \"x\"\nbase_url = \"http://127.0.0.1:8080/v1\"\n"
                                       "uses = [\"judge\", \"notes\"]\n" +
                                       kEmbedding + "uses = [\"embed\"]\n",
                                   "models.toml");
  ASSERT_EQ(models.size(), 3u);
  EXPECT_EQ(models[0].uses, (std::vector<Use>{Use::kPropose, Use::kNotes}));
  EXPECT_EQ(models[1].uses, (std::vector<Use>{Use::kJudge, Use::kNotes}));
  EXPECT_EQ(models[2].uses, std::vector<Use>{Use::kEmbed});
  EXPECT_TRUE(models[2].embeds());
  EXPECT_FALSE(models[1].embeds());
}

const std::string kOwn =
    "[[models]]\nname = \"e\"\nprovider = \"local\"\nmodel = \"all-minilm-l6-v2\"\n";

TEST(Models, AnEmbeddingModelOfOurOwnNeedsNeitherAddressNorKey) {
  const auto models = parse_models(kLocal + kOwn + "uses = [\"embed\"]\n", "models.toml");
  ASSERT_EQ(models.size(), 2u);
  EXPECT_EQ(models[1].provider, Provider::kLocal);
  EXPECT_TRUE(models[1].embeds());
  ClientOptions options;
  options.models = models;
  const auto taken = take_local(options);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->model, "all-minilm-l6-v2");
  ASSERT_EQ(options.models.size(), 1u);
  EXPECT_EQ(options.models[0].name, models[0].name);
  EXPECT_FALSE(take_local(options));
}

TEST(Models, UsesThatCannotBeAreNamedWithTheirLine) {
  const auto expect = [](const std::string& text, const std::string& start,
                         const std::string& part) {
    const std::string error = error_of(text);
    EXPECT_EQ(error.find("models.toml" + start), 0u) << error;
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  expect(kLocal + "uses = [\"propse\"]\n", ":6", "\"propse\" is not known");
  expect(kLocal + "uses = [\"propose\", 1]\n", ":6", "expected texts");
  expect(kLocal + "uses = [\"propose\", \"propose\"]\n", ":6", "given twice");
  expect(kLocal + "uses = \"propose\"\n", ":6", "expected a list");
  expect(kLocal + "uses = []\n", ":6", "empty");
  expect(kLocal + "uses = [\"judge\"]\n", ": ", "no model proposes");
  expect(kEmbedding + "uses = [\"embed\"]\n", ": ", "no model proposes");
  expect(kEmbedding + "uses = [\"embed\", \"judge\"]\n", ":6", "stands alone");
  expect(kLocal + kOwn, ":8", "embedding models only");
  expect(kLocal + kOwn + "uses = [\"propose\"]\n", ":8", "embedding models only");
  for (const char* line : {"base_url = \"http://127.0.0.1:1/v1\"", "key_env = \"K\"",
                           "key_file = \"k\"", "price = { input = 1, output = 1 }"})
    expect(kLocal + kOwn + "uses = [\"embed\"]\n" + line + "\n", ":11", "which is no server");
  expect(kLocal + kOwn + "uses = [\"embed\"]\ntemperature = 1\n", ":11", "writes no text");
  const std::string embeds = kLocal + kEmbedding + "uses = [\"embed\"]\n";
  expect(embeds + "stream = true\n", ":12", "one piece");
  expect(embeds + "max_output_tokens = 100\n", ":12", "writes no text");
  expect(embeds + "temperature = 1\n", ":12", "writes no text");
  expect(embeds + "reasoning_effort = \"low\"\n", ":12", "writes no text");
  std::string second = kEmbedding;
  second.replace(second.find("\"e\""), 3, "\"f\"");
  expect(embeds + second + "uses = [\"embed\"]\n", ": ", "two models embed");
  std::string gemini = embeds;
  gemini.replace(gemini.find("openai_chat"), 11, "gemini");
  expect(gemini, ":8", "does not serve embeddings");
}

// The examples that people start from, in configs/models.
TEST(Models, EveryExampleFileLoadsAndKnowsItsPrices) {
  size_t files = 0;
  bool embeds = false, judges = false;
  for (const auto& entry : std::filesystem::directory_iterator(BALLAST_MODEL_FILES)) {
    SCOPED_TRACE(entry.path().filename());
    ++files;
    for (const Model& model : load_models(entry.path())) {
      EXPECT_TRUE(price_of(model)) << model.name;
      EXPECT_FALSE(build_request(model, {.system = "", .user = "x"}).url.empty());
      embeds |= model.embeds();
      judges |= model.used_for(Use::kJudge);
    }
  }
  EXPECT_GE(files, 7u);
  EXPECT_TRUE(embeds && judges);
}

TEST(Models, AnAddressHoldsNoPasswordAndNoOtherProtocol) {
  std::string text = kLocal;
  text.replace(text.find("http://"), 7, "ftp://a");
  EXPECT_NE(error_of(text).find("https://"), std::string::npos);
  text = kLocal;
  text.replace(text.find("127"), 3, "user:secret-word@127");
  EXPECT_NE(error_of(text).find("no user or password"), std::string::npos);
  EXPECT_EQ(error_of(text).find("secret-word"), std::string::npos);
}

TEST(Models, TheSettingsNameTheirFileAndTheCeilings) {
  EXPECT_FALSE(client_options(Config()));
  Config config;
  config.models = testing::TempDir() + "ballast_models_test.toml";
  EXPECT_THROW(client_options(config), Error);
  std::ofstream(config.models) << kLocal;
  apply_override(config, "budget.usd=1.5", "test");
  apply_override(config, "calls_in_flight=3", "test");
  const auto options = client_options(config);
  std::filesystem::remove(config.models);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->models.at(0).name, "l");
  EXPECT_EQ(options->ceilings.usd, 1.5);
  EXPECT_EQ(options->ceilings.requests, 0);
  EXPECT_EQ(options->in_flight, 3);
}

}  // namespace
}  // namespace ballast::orchestrator
