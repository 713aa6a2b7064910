#include "prompts/edit.h"

#include <gtest/gtest.h>

#include "common/rng.h"

namespace ballast::prompts {
namespace {

const std::string kSource =
    "def balance_loss(r):\n"
    "    load = r.load_global\n"
    "    probs = r.probs.mean(0)\n"
    "    if r.progress < 0.5:\n"
    "        load = load * 2\n"
    "    x = 1\n"
    "    y = load * probs\n"
    "    x = 1\n"
    "    return y.sum()\n";

std::string edit(const std::string& search, const std::string& replace) {
  return "<<<<<<< SEARCH\n" + search + "=======\n" + replace + ">>>>>>> REPLACE\n";
}

std::variant<std::string, Failure> applied(const std::string& reply) {
  const auto edits = find_edits(reply);
  if (const Failure* failure = std::get_if<Failure>(&edits)) return *failure;
  return apply_edits(kSource, std::get<std::vector<Edit>>(edits));
}

std::string result(const std::string& reply) {
  const auto out = applied(reply);
  if (const Failure* failure = std::get_if<Failure>(&out)) return "FAILURE " + failure->message;
  return std::get<std::string>(out);
}

std::string with(std::string from, const std::string& what, const std::string& by) {
  return from.replace(from.find(what), what.size(), by);
}

void expect_failure(const std::string& reply, FailureKind kind, const std::string& part) {
  const auto out = applied(reply);
  const Failure* failure = std::get_if<Failure>(&out);
  ASSERT_NE(failure, nullptr) << reply;
  EXPECT_EQ(failure->kind, kind) << failure->message;
  EXPECT_NE(failure->message.find(part), std::string::npos) << failure->message;
}

TEST(Edit, ReplacesLinesThatOccurOnce) {
  EXPECT_EQ(result(edit("    y = load * probs\n", "    y = load + probs\n    y = y ** 2\n")),
            with(kSource, "    y = load * probs\n", "    y = load + probs\n    y = y ** 2\n"));
}

TEST(Edit, AnEmptyReplaceDeletes) {
  const std::string two = "    if r.progress < 0.5:\n        load = load * 2\n";
  EXPECT_EQ(result(edit(two, "")), with(kSource, two, ""));
  // A deletion before another block: neither swallows the other.
  EXPECT_EQ(result(edit(two, "") + "\n" + edit("    return y.sum()\n", "    return y.mean()\n")),
            with(with(kSource, two, ""), "y.sum()", "y.mean()"));
}

TEST(Edit, ProseAndFencesAroundBlocksDoNotMatter) {
  const std::string one = edit("    return y.sum()\n", "    return y.mean()\n");
  const std::string expected = with(kSource, "y.sum()", "y.mean()");
  EXPECT_EQ(result("I change the end:\n```python\n" + one + "```\nDone."), expected);
  EXPECT_EQ(result("<<<<< SEARCH\n    return y.sum()\n========\n    return y.mean()\n>>>>>REPLACE"),
            expected);
}

TEST(Edit, WhiteSpaceIsForgivenWhereThePlaceIsClear) {
  const std::string expected = with(kSource, "y = load * probs", "y = load + probs");
  EXPECT_EQ(result(edit("    y = load * probs   \n", "    y = load + probs\n")), expected);
  EXPECT_EQ(result(edit("y = load * probs\n", "y = load + probs\n")), expected);
  EXPECT_EQ(result(edit("\n      y  =  load * probs\n\n", "      y = load + probs\n")), expected);
  EXPECT_EQ(result(edit("if r.progress < 0.5:\n    load = load * 2\n",
                        "if r.progress < 0.7:\n    load = load * 3\n\n")),
            with(with(kSource, "0.5", "0.7"), "load * 2", "load * 3"));
}

TEST(Edit, LinesOfAnotherShapeAreNotForced) {
  // The inner line is not indented further: where the new lines belong cannot be known.
  expect_failure(edit("if r.progress < 0.5:\nload = load * 2\n", "pass\n"), FailureKind::kEditMatch,
                 "do not occur");
}

TEST(Edit, APieceOfALineIsNoLine) {
  expect_failure(edit("load * probs\n", "load + probs\n"), FailureKind::kEditMatch,
                 "most similar line of the source is line 7:\n    y = load * probs");
}

TEST(Edit, TwoPlacesAreOneTooMany) {
  expect_failure(edit("    x = 1\n", "    x = 2\n"), FailureKind::kEditMatch,
                 "2 times in the source (from lines 6, 8)");
  expect_failure(edit("x = 1\n", "x = 2\n"), FailureKind::kEditMatch, "2 times");
  EXPECT_EQ(result(edit("    y = load * probs\n    x = 1\n", "    y = load * probs\n    x = 2\n")),
            with(kSource, "probs\n    x = 1", "probs\n    x = 2"));
}

TEST(Edit, BlocksApplyInOrder) {
  EXPECT_EQ(result(edit("    y = load * probs\n", "    y = load * probs * 3\n") +
                   edit("    y = load * probs * 3\n", "    y = load * probs * 4\n")),
            with(kSource, "load * probs", "load * probs * 4"));
}

TEST(Edit, OverlappingBlocksAreNamedAsSuch) {
  expect_failure(edit("    if r.progress < 0.5:\n        load = load * 2\n", "") +
                     edit("        load = load * 2\n    x = 1\n", "    x = 5\n"),
                 FailureKind::kEditMatch, "block 2: an earlier block has already changed");
}

TEST(Edit, EmptySearchAndNoChangeAreErrors) {
  expect_failure(edit("", "    z = 1\n"), FailureKind::kEditFormat, "SEARCH is empty");
  expect_failure(edit("\n   \n", "    z = 1\n"), FailureKind::kEditFormat, "SEARCH is empty");
  expect_failure(edit("    return y.sum()\n", "    return y.sum()\n"), FailureKind::kEditFormat,
                 "changes nothing");
  expect_failure(edit("return y.sum()\n", "return y.sum()\n"), FailureKind::kEditFormat,
                 "changes nothing");
}

TEST(Edit, BlocksThatAreNoneAreErrors) {
  const std::string half = "<<<<<<< SEARCH\n    x = 1\n";
  expect_failure(half, FailureKind::kCutOff, "ends before its REPLACE line");
  expect_failure(half + "=======\n    x = 2\n", FailureKind::kCutOff, "ends before");
  expect_failure("```\n" + half + "=======\n    x = 2\n```\n", FailureKind::kEditFormat,
                 "code block around it ends");
  expect_failure(half + half, FailureKind::kEditFormat, "a second SEARCH");
  expect_failure(half + "=======\n=======\n", FailureKind::kEditFormat, "a second =======");
  expect_failure(half + ">>>>>>> REPLACE\n", FailureKind::kEditFormat, "no =======");
  expect_failure(">>>>>>> REPLACE\n", FailureKind::kEditFormat, "REPLACE without SEARCH");
}

TEST(Edit, WithoutMarksThereAreNoEdits) {
  const auto edits = find_edits("some text\n=======\n");
  EXPECT_TRUE(std::get<std::vector<Edit>>(edits).empty());
}

// Any stretch of lines that occurs once can be replaced, and nothing around it moves.
TEST(Edit, OnlyTheSearchedLinesChange) {
  Rng rng(7, "edit");
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> lines;
    for (int i = 0; i < 12; ++i)
      lines.push_back(std::string(4 * rng.below(3), ' ') + "v" + std::to_string(i) + " = x");
    const size_t first = rng.below(lines.size()), count = 1 + rng.below(lines.size() - first);
    std::string source, search, expected;
    for (size_t i = 0; i < lines.size(); ++i) {
      source += lines[i] + "\n";
      const bool inside = i >= first && i < first + count;
      if (inside) search += lines[i] + "\n";
      if (i == first) expected += "new\n";
      if (!inside) expected += lines[i] + "\n";
    }
    const auto edits = find_edits(edit(search, "new\n"));
    const auto out = apply_edits(source, std::get<std::vector<Edit>>(edits));
    ASSERT_TRUE(std::holds_alternative<std::string>(out)) << std::get<Failure>(out).message;
    EXPECT_EQ(std::get<std::string>(out), expected);
  }
}

}  // namespace
}  // namespace ballast::prompts
