#include "orchestrator/llm/vector_text.h"

#include <gtest/gtest.h>

#include <limits>

#include "common/rng.h"

namespace ballast::orchestrator {
namespace {

TEST(VectorText, IsBase64OfLittleEndianFloats) {
  // As Python's base64.b64encode(struct.pack("<3f", 1, -2.5, 0)) writes it.
  EXPECT_EQ(vector_text(std::vector<float>{1, -2.5, 0}), "AACAPwAAIMAAAAAA");
  EXPECT_EQ(vector_text(std::vector<float>{1}), "AACAPw==");
  EXPECT_EQ(vector_text(std::vector<float>{1, -2.5}), "AACAPwAAIMA=");
}

TEST(VectorText, EveryVectorComesBack) {
  Rng rng(3);
  for (size_t n = 1; n < 50; ++n) {
    std::vector<float> vector;
    for (size_t i = 0; i < n; ++i) vector.push_back(static_cast<float>(rng.normal()));
    EXPECT_EQ(parse_vector_text(vector_text(vector)), vector);
  }
  const std::vector<float> extremes{std::numeric_limits<float>::max(),
                                    std::numeric_limits<float>::denorm_min(), -0.0f};
  EXPECT_EQ(parse_vector_text(vector_text(extremes)), extremes);
}

TEST(VectorText, WhatItDoesNotWriteItDoesNotRead) {
  for (const char* text :
       {"", "AACAPw", "AACAPw=", "AACAPw===", "AACA", "AACAPx==", "AACAPw==AACAPw==", "AACA Pw=",
        "AACAPw\n=", "AAC_Pw==", "====", "A===", "the text of a model", "\xff\xff\xff\xff"})
    EXPECT_FALSE(parse_vector_text(text)) << text;
  for (const float x :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})
    EXPECT_FALSE(parse_vector_text(vector_text(std::vector<float>{x})));
}

}  // namespace
}  // namespace ballast::orchestrator
