#include "trainer/word_piece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/trainer/embedding_files.h"

namespace ballast::trainer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(WordPiece, GivesTheIdsThatTokenizersGives) {
  const WordPiece tokenizer(tiny_encoder() / "vocab.txt");
  for (const GoldenText& golden : golden_texts("tiny"))
    EXPECT_EQ(tokenizer.ids(golden.text), golden.ids) << golden.text;
}

TEST(WordPiece, SplitsAtSpaceAndPunctuation) {
  EXPECT_THAT(basic_words("A_b  c-1\n"), ElementsAre("a", "_", "b", "c", "-", "1"));
  EXPECT_THAT(basic_words("[SEP]"), ElementsAre("[", "sep", "]"));
  EXPECT_THAT(basic_words(""), ElementsAre());
}

TEST(WordPiece, LeavesOutWhatIsNotUtf8) {
  EXPECT_THAT(basic_words("a\xff\xc3(\xe2\x82 \xed\xa0\x80z\xc0\x80\xf4\x90\x80\x80\xe2\x82"),
              ElementsAre("a", "(", "z"));
}

std::string refusal(const std::string& vocabulary) {
  const SpoiledEncoder files("vocabulary");
  files.write("vocab.txt", vocabulary);
  try {
    const WordPiece tokenizer(files.folder() / "vocab.txt");
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(WordPiece, RefusesAVocabularyThatIsNone) {
  EXPECT_THAT(refusal(""), HasSubstr("lacks the token [UNK]"));
  EXPECT_THAT(refusal("[UNK]\n[CLS]\na\n"), HasSubstr("lacks the token [SEP]"));
  EXPECT_THAT(refusal("[UNK]\n[CLS]\n[SEP]\n[CLS]\n"), HasSubstr("line 4"));
  EXPECT_THAT(refusal("[UNK]\n\n[CLS]\n[SEP]\n"), HasSubstr("line 2"));
  EXPECT_EQ(refusal("[UNK]\r\n[CLS]\r\n[SEP]\r\n"), "");
  EXPECT_THROW(WordPiece("/nowhere/vocab.txt"), Error);
}

}  // namespace
}  // namespace ballast::trainer
