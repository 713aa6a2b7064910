#include "prompts/reply.h"

#include <gtest/gtest.h>

namespace ballast::prompts {
namespace {

const std::string kLoss = "def balance_loss(r):\n    return r.load.sum()\n";
const std::string kBias = "def selection_bias(r, bias):\n    return bias\n";

std::string fence(const std::string& code, const std::string& tag = "python") {
  return "```" + tag + "\n" + code + "```\n";
}

std::string code_of(const std::string& reply) {
  const auto answer = answer_of(reply);
  if (const Failure* failure = std::get_if<Failure>(&answer)) return "FAILURE " + failure->message;
  const auto code = find_code(std::get<std::string>(answer));
  if (const Failure* failure = std::get_if<Failure>(&code)) return "FAILURE " + failure->message;
  return std::get<std::string>(code);
}

FailureKind kind_of(const std::string& reply) {
  const auto answer = answer_of(reply);
  if (const Failure* failure = std::get_if<Failure>(&answer)) return failure->kind;
  const auto code = find_code(std::get<std::string>(answer));
  EXPECT_TRUE(std::holds_alternative<Failure>(code)) << reply;
  return std::get<Failure>(code).kind;
}

TEST(Reply, CodeComesOutOfAFencedBlockOfAnyTag) {
  for (const char* tag : {"python", "py", "Python", "", "pytorch title=x", "text"})
    EXPECT_EQ(code_of("Here:\n" + fence(kLoss, tag) + "That is all."), kLoss) << tag;
  EXPECT_EQ(code_of("~~~\n" + kLoss + "~~~"), kLoss);
  EXPECT_EQ(code_of("````\n" + kLoss + "````"), kLoss);
  EXPECT_EQ(code_of("Text with ```inline``` code.\n" + fence(kLoss)), kLoss);
}

TEST(Reply, AnIndentedBlockIsMovedToTheLeft) {
  EXPECT_EQ(code_of("1. Like this:\n   ```python\n   def balance_loss(r):\n       return "
                    "r.load.sum()\n   ```\n"),
            kLoss);
}

TEST(Reply, TheLastBlockWithAHookCounts) {
  const std::string better = "def balance_loss(r):\n    return r.probs.sum()\n";
  EXPECT_EQ(code_of("Old:\n" + fence(kLoss) + "New:\n" + fence(better)), better);
  EXPECT_EQ(code_of(fence(better) + "Use it so:\n" + fence("loss = balance_loss(r)\n")), better);
  EXPECT_EQ(code_of(fence(kLoss + kBias) + "Without the bias:\n" + fence(better)), better);
}

TEST(Reply, HooksInTwoBlocksAreAmbiguous) {
  EXPECT_EQ(kind_of(fence(kLoss) + fence(kBias)), FailureKind::kAmbiguous);
  EXPECT_EQ(kind_of(fence(kBias) + fence(kLoss)), FailureKind::kAmbiguous);
  EXPECT_EQ(code_of(fence(kBias) + fence(kLoss + kBias)), kLoss + kBias);
}

TEST(Reply, ReasoningIsNoAnswer) {
  const std::string old = fence("def balance_loss(r):\n    return 0\n");
  for (const char* word : {"think", "thinking", "reasoning"}) {
    const std::string open = std::string("<") + word + ">", close = std::string("</") + word + ">";
    EXPECT_EQ(code_of(open + old + close + fence(kLoss)), kLoss);
    EXPECT_EQ(code_of(old + close + fence(kLoss)), kLoss) << "the opening tag stood in the prompt";
    EXPECT_EQ(code_of(fence(kLoss) + open + old + close), kLoss);
    EXPECT_EQ(kind_of(open + old), FailureKind::kCutOff);
    EXPECT_EQ(kind_of(fence(kLoss) + open + "let me see"), FailureKind::kCutOff);
  }
}

TEST(Reply, LineEndsAndMarksOfFilesDoNotMatter) {
  EXPECT_EQ(code_of("```python\r\ndef balance_loss(r):\r\n    return r.load.sum()\r\n```\r\n"),
            kLoss);
  EXPECT_EQ(code_of("\xEF\xBB\xBF" + fence(kLoss)), kLoss);
  EXPECT_EQ(code_of("\xEF\xBB\xBF" + kLoss), kLoss);
}

TEST(Reply, ABlockThatIsNotClosedIsCutOff) {
  EXPECT_EQ(kind_of("```python\n" + kLoss), FailureKind::kCutOff);
  EXPECT_EQ(kind_of(fence(kLoss) + "```python\n" + kLoss), FailureKind::kCutOff);
  EXPECT_EQ(code_of(fence(kLoss) + "```\nan example without a hook"), kLoss);
}

TEST(Reply, CodeWithoutFencesEndsWhereProseBegins) {
  EXPECT_EQ(code_of(kLoss), kLoss);
  EXPECT_EQ(code_of("Here is the function:\n\n" + kLoss + "\nThis function returns the load."),
            kLoss);
  EXPECT_EQ(code_of("import torch\nimport torch.nn.functional as F\n\n" + kLoss),
            "import torch\nimport torch.nn.functional as F\n\n" + kLoss);
  EXPECT_EQ(code_of("def help(x):\n    return x\n\n" + kLoss),
            "def help(x):\n    return x\n\n" + kLoss);
}

TEST(Reply, WithoutAFunctionThereIsNoCode) {
  for (const std::string& reply :
       {std::string(), std::string("I cannot do that."), fence("return r.load.sum()\n"),
        fence("def loss(r):\n    return 1\n"),
        fence("class A:\n    def balance_loss(r): return 1\n"), std::string("```"),
        std::string("# def balance_loss(r):")}) {
    EXPECT_NE(code_of(reply).find("FAILURE"), std::string::npos) << reply;
  }
  EXPECT_EQ(kind_of("I cannot do that."), FailureKind::kNoCode);
  EXPECT_EQ(kind_of(fence("x = 1\n") + kLoss), FailureKind::kNoCode) << "outside of the block";
}

TEST(Reply, OnlyTopLevelFunctionsCount) {
  EXPECT_TRUE(defines("def  balance_loss (r):", "balance_loss"));
  EXPECT_FALSE(defines("def balance_loss_old(r):", "balance_loss"));
  EXPECT_FALSE(defines("    def balance_loss(r):", "balance_loss"));
  EXPECT_FALSE(defines("defbalance_loss(r):", "balance_loss"));
  EXPECT_FALSE(defines("x = balance_loss(r)", "balance_loss"));
}

TEST(Reply, TheIdeaIsOneLine) {
  EXPECT_EQ(find_idea("Idea: a hinge\non loads", ""), "a hinge");
  EXPECT_EQ(find_idea("## **Idea:** a *soft* hinge", ""), "a *soft* hinge");
  EXPECT_EQ(find_idea("### Idea:\n\nA hinge.\nMore.\n", ""), "A hinge.");
  EXPECT_EQ(find_idea("**Idea:**\n```python\nx = 1\n```\nIdea: late", "x = 1"), "late");
  EXPECT_EQ(find_idea("no line of that kind", "def f(x):\n    # what it does\n    # more\n"),
            "what it does");
  EXPECT_EQ(find_idea("", "x = 1"), "");
  const std::string wide = find_idea("Idea: " + std::string(299, 'a') + "\xC3\xA4\xC3\xA4", "");
  EXPECT_EQ(wide, std::string(299, 'a')) << "a letter is not cut in two";
}

}  // namespace
}  // namespace ballast::prompts
