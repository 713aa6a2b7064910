#include "population/utf8.h"

#include <gtest/gtest.h>

namespace ballast::population {
namespace {

TEST(Utf8, LetsWellFormedTextPass) {
  for (const std::string text :
       {"", "plain", "\u00e9\u20ac", "\U0001F600", "\uFFFD", "\U0010FFFF"}) {
    EXPECT_TRUE(is_plain_utf8(text)) << text;
    EXPECT_EQ(to_plain_utf8(text), text);
  }
}

TEST(Utf8, ReplacesWhatIsNotWellFormed) {
  const std::pair<std::string, std::string> cases[] = {
      {std::string("a\0b", 3), "a\uFFFDb"},              // NUL
      {"\x80", "\uFFFD"},                                // a continuation alone
      {"\xC0\xAF", "\uFFFD\uFFFD"},                      // overlong
      {"\xE0\x80\x80", "\uFFFD\uFFFD\uFFFD"},            // overlong
      {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},            // surrogate
      {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},  // above U+10FFFF
      {"\xE2\x82", "\uFFFD\uFFFD"},                      // cut off
      {"\xFFx", "\uFFFDx"},
  };
  for (const auto& [bad, good] : cases) {
    EXPECT_FALSE(is_plain_utf8(bad));
    EXPECT_EQ(to_plain_utf8(bad), good);
    EXPECT_TRUE(is_plain_utf8(good));
  }
}

// Eight bytes are looked at together.
TEST(Utf8, FindsABadByteAtEveryPlace) {
  for (const char bad : {'\0', '\x80', '\xFF'})
    for (size_t size = 1; size < 20; ++size)
      for (size_t at = 0; at < size; ++at) {
        std::string text(size, '\x01');
        EXPECT_TRUE(is_plain_utf8(text));
        text[at] = bad;
        EXPECT_FALSE(is_plain_utf8(text)) << size << " bytes, bad at " << at;
        EXPECT_TRUE(is_plain_utf8(text.replace(at, 1, "\u00e9")));
      }
}

}  // namespace
}  // namespace ballast::population
