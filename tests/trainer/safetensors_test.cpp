#include "trainer/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "common/rng.h"
#include "tests/trainer/embedding_files.h"

namespace ballast::trainer {
namespace {

using testing::HasSubstr;

std::string raw(const void* from, size_t n) { return {static_cast<const char*>(from), n}; }

std::string file_of(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  return raw(&length, sizeof length) + header + data;
}

// One tensor "x" of two numbers.
std::string file_of(const std::string& about) {
  constexpr std::array<float, 2> kValues{1.5f, -2};
  return file_of(R"({"x":)" + about + "}", raw(kValues.data(), sizeof kValues));
}
constexpr const char* kGood = R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})";

// What is wrong with it; empty when it can be read.
std::string refusal(const std::string& bytes) {
  const SpoiledEncoder files("tensors");
  files.write("x", bytes);
  try {
    SafeTensors file(files.folder() / "x");
    (void)file.read("x", {2});
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(SafeTensors, ReadsWhatWasWritten) {
  const SpoiledEncoder files("good");
  files.write("x", file_of(kGood));
  SafeTensors file(files.folder() / "x");
  EXPECT_TRUE(file.has("x"));
  EXPECT_FALSE(file.has("y"));
  EXPECT_EQ(file.read("x", {2}), (std::vector<float>{1.5f, -2}));
  EXPECT_THROW((void)file.read("x", {1, 2}), Error);
  EXPECT_THROW((void)file.read("y", {2}), Error);
}

TEST(SafeTensors, SaysWhatIsWrongWithAFile) {
  EXPECT_THAT(refusal(""), HasSubstr("first 8 bytes"));
  EXPECT_THAT(refusal(std::string(8, '\xff')), HasSubstr("first 8 bytes"));
  EXPECT_THAT(refusal(file_of("not JSON", "")), HasSubstr("not JSON"));
  EXPECT_THAT(refusal(file_of("[]", "")), HasSubstr("no JSON object"));
  EXPECT_THAT(refusal(file_of("{}", "")), HasSubstr("no tensor x"));
  const std::string good = file_of(kGood);
  EXPECT_THAT(refusal(good.substr(0, good.size() - 1)), HasSubstr("cut off"));
  EXPECT_THAT(refusal(good + "1"), HasSubstr("cut off"));
  EXPECT_THAT(refusal(file_of(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})")),
              HasSubstr("8 bytes for shape (3)"));
  EXPECT_THAT(refusal(file_of(R"({"dtype":"F31","shape":[2],"data_offsets":[0,8]})")),
              HasSubstr("unknown type"));
  EXPECT_THAT(refusal(file_of(R"({"dtype":"F16","shape":[4],"data_offsets":[0,8]})")),
              HasSubstr("expected F32"));
  EXPECT_THAT(refusal(file_of(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})")),
              HasSubstr("data_offsets"));
  EXPECT_THAT(refusal(file_of(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})")),
              HasSubstr("impossible shape"));
  EXPECT_THAT(
      refusal(file_of(R"({"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]})")),
      HasSubstr("impossible shape"));
  const float bad[2] = {1, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_THAT(refusal(file_of(std::string(R"({"x":)") + kGood + "}", raw(bad, sizeof bad))),
              HasSubstr("not finite"));
}

TEST(SafeTensors, RefusesTensorsThatOverlapOrLeaveAGap) {
  const std::string other = R"(,"y":{"dtype":"F32","shape":[1],"data_offsets":)";
  const std::string data(12, '\0');
  const auto with = [&](const std::string& offsets) {
    return refusal(file_of(std::string(R"({"x":)") + kGood + other + offsets + "}}", data));
  };
  EXPECT_EQ(with("[8,12]"), "");
  EXPECT_THAT(with("[4,8]"), HasSubstr("overlap"));
  EXPECT_THAT(refusal(file_of(std::string(R"({"x":)") + kGood + other + "[12,16]}}", data + data)),
              HasSubstr("gap"));
}

// Whatever the bytes, an Error or numbers of the right shape.
TEST(SafeTensors, StandsSpoiledBytes) {
  const std::string good = read_bytes(tiny_encoder() / "model.safetensors");
  Rng rng(5, "spoil");
  int refused = 0;
  const SpoiledEncoder files("spoiled");
  for (int i = 0; i < 300; ++i) {
    std::string bytes = good;
    for (int64_t k = 0; k <= rng.below(3); ++k)
      bytes[static_cast<size_t>(rng.below(4096))] = static_cast<char>(rng.below(256));
    if (rng.below(4) == 0) bytes.resize(static_cast<size_t>(rng.below(30000)));
    files.write("x", bytes);
    try {
      SafeTensors file(files.folder() / "x");
      (void)file.read("embeddings.LayerNorm.bias", {16});
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 200);
}

}  // namespace
}  // namespace ballast::trainer
