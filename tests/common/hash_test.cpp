#include "common/hash.h"

#include <gtest/gtest.h>

#include <fstream>

#include "common/error.h"

namespace ballast {
namespace {

// FIPS 180-2, appendix B.
TEST(Sha256, MatchesThePublishedExamples) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256, AFileHashesLikeItsBytes) {
  const std::string path = testing::TempDir() + "hash_test.bin";
  const std::string bytes(200001, 'q');
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(sha256_file(path), sha256_hex(bytes));
  EXPECT_THROW(sha256_file(path + ".missing"), Error);
}

}  // namespace
}  // namespace ballast
