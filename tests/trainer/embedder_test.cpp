#include "trainer/embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "tests/trainer/base64.h"
#include "tests/trainer/embedding_files.h"

namespace ballast::trainer {
namespace {

using testing::HasSubstr;

std::vector<float> floats_of(const std::string& base64) {
  const std::string bytes = base64_bytes(base64);
  std::vector<float> out(bytes.size() / sizeof(float));
  std::memcpy(out.data(), bytes.data(), out.size() * sizeof(float));
  return out;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i)
    most = std::max(most, std::abs(double{a[i]} - double{b[i]}));
  return most;
}

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

TEST(Embedder, AgreesWithTheSameEncoderInNumpy) {
  const Embedder embedder(tiny_encoder());
  for (const GoldenText& golden : golden_texts("tiny")) {
    const std::vector<float> vector = embedder.embed(golden.text);
    EXPECT_LT(distance(vector, floats_of(golden.vector)), 1e-5) << golden.text;
    EXPECT_NEAR(cosine(vector, vector), 1, 1e-6);
    EXPECT_EQ(embedder.embed(golden.text), vector);  // the same bits
  }
}

// A text of more than 254 pieces (46 of the tiny encoder) counts to its end.
TEST(Embedder, HearsTheEndOfALongText) {
  const Embedder embedder(tiny_encoder());
  std::string text;
  for (int i = 0; i < 300; ++i) text += "load * " + std::to_string(i) + "\n";
  EXPECT_GT(distance(embedder.embed(text), embedder.embed(text + "entropy")), 1e-5);
  EXPECT_THROW((void)embedder.embed(std::string(65537, 'x')), Error);
}

std::string refusal(const std::string& name, const std::string& bytes) {
  const SpoiledEncoder files("embedder");
  files.write(name, bytes);
  try {
    const Embedder embedder(files.folder());
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(Embedder, RefusesFilesThatDoNotFit) {
  const std::string weights = read_bytes(tiny_encoder() / "model.safetensors");
  const std::string config = read_bytes(tiny_encoder() / "config.json");
  const std::string words = read_bytes(tiny_encoder() / "vocab.txt");
  EXPECT_EQ(refusal("config.json", config), "");
  EXPECT_THAT(refusal("model.safetensors", weights.substr(0, 20000)), HasSubstr("cut off"));
  EXPECT_THAT(refusal("vocab.txt", words + "more\n"), HasSubstr("expected F32"));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = config;
    const size_t at = changed.find(from);
    require(at != std::string::npos, "the test looks for " + from);
    return refusal("config.json", changed.replace(at, from.size(), to));
  };
  EXPECT_THAT(with("bert", "gpt2"), HasSubstr("model_type"));
  EXPECT_THAT(with("\"gelu\"", "\"relu\""), HasSubstr("hidden_act"));
  EXPECT_THAT(with("\"hidden_size\": 16", "\"hidden_size\": 32"), HasSubstr("expected F32"));
  EXPECT_THAT(with("\"hidden_size\": 16", "\"hidden_size\": -1"), HasSubstr("hidden_size"));
  EXPECT_THAT(with("\"num_attention_heads\": 4", "\"num_attention_heads\": 3"),
              HasSubstr("no multiple"));
  EXPECT_THAT(with("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"),
              HasSubstr("no tensor encoder.layer.2"));
  EXPECT_THAT(with("1e-12", "\"x\""), HasSubstr("layer_norm_eps"));
  EXPECT_THAT(refusal("config.json", "{"), HasSubstr("not JSON"));
  EXPECT_THROW(Embedder("/nowhere"), Error);
}

// Where scripts/local-embedding.sh has been run.
class RealEncoder : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kFolder / "SHA256SUMS"))
      GTEST_SKIP() << "all-MiniLM-L6-v2 is not here (scripts/local-embedding.sh)";
  }
  const std::filesystem::path kFolder = BALLAST_REAL_ENCODER;
};

TEST_F(RealEncoder, AgreesWithTheSameEncoderInNumpy) {
  const Embedder embedder(kFolder);
  const WordPiece tokenizer(kFolder / "vocab.txt");
  for (const GoldenText& golden : golden_texts("all-minilm-l6-v2")) {
    EXPECT_EQ(tokenizer.ids(golden.text), golden.ids) << golden.text;
    EXPECT_LT(distance(embedder.embed(golden.text), floats_of(golden.vector)), 1e-5) << golden.text;
  }
}

TEST_F(RealEncoder, FindsALossNearItsOwnVariantAndFarFromAnother) {
  const Embedder embedder(kFolder);
  const std::string loss =
      "def balance_loss(r):\n    # global-batch load balancing\n    return r.num_experts * "
      "(r.load_global * r.probs.mean(0)).sum()\n";
  std::string variant = loss;
  variant.replace(variant.find("balancing"), 9, "balance");
  const std::string other =
      "def balance_loss(r):\n    p = r.probs.mean(0)\n    return (p * torch.log(p + 1e-6)).sum() + "
      "0.1 * torch.logsumexp(r.logits, 1).pow(2).mean()\n";
  const double near = cosine(embedder.embed(loss), embedder.embed(variant));
  const double far = cosine(embedder.embed(loss), embedder.embed(other));
  RecordProperty("near", std::to_string(near));
  RecordProperty("far", std::to_string(far));
  EXPECT_GT(near, 0.95);
  EXPECT_LT(far, 0.9);
}

}  // namespace
}  // namespace ballast::trainer
