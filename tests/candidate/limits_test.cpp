// Whatever the text, parsing is bounded: these inputs would take hours, or all memory, if expanded.
#include <gtest/gtest.h>

#include "candidate/parse.h"

namespace ballast::candidate {
namespace {

std::string repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

std::string problem(const std::string& source, const Limits& limits = {}) {
  const ParseResult result = parse(source, limits);
  EXPECT_NE(result.program.has_value(), result.diagnostic.has_value());
  if (!result.diagnostic) return "accepted";
  EXPECT_EQ(result.diagnostic->message.find("internal error"), std::string::npos)
      << result.diagnostic->message;
  return to_string(*result.diagnostic);
}

#define EXPECT_STOPPED(source, fragment) \
  EXPECT_NE(problem(source).find(fragment), std::string::npos) << problem(source)

const std::string kReturn = "    return r.probs.mean()\n";
constexpr const char* kWork = "takes too much work to expand";

TEST(Limits, TheSourceIsAtMost16KiB) {
  const std::string loss = "def balance_loss(r):\n" + kReturn;
  EXPECT_EQ(problem(loss + std::string(16384 - loss.size(), '#')), "accepted");
  EXPECT_STOPPED(loss + std::string(16385 - loss.size(), '#'), "has 16385 bytes, more than 16384");
}

TEST(Limits, StatementsAreCounted) {
  EXPECT_EQ(problem("def balance_loss(r):\n" + repeat("    x = 1\n", 498) + kReturn), "accepted");
  EXPECT_STOPPED("def balance_loss(r):\n" + repeat("    x = 1\n", 500) + kReturn,
                 "more than 500 statements");
  EXPECT_STOPPED("def balance_loss(r):\n    " + repeat("x=1;", 500) + "\n" + kReturn,
                 "more than 500 statements");
}

TEST(Limits, NestingIsBounded) {
  const auto loss = [](const std::string& expression) {
    return "def balance_loss(r):\n    return " + expression + "\n";
  };
  EXPECT_EQ(problem(loss(repeat("(", 60) + "r.probs.mean()" + repeat(")", 60))), "accepted");
  EXPECT_STOPPED(loss(repeat("(", 70) + "1" + repeat(")", 70)), "nested deeper than 64");
  EXPECT_STOPPED(loss(repeat("-", 5000) + "1"), "nested deeper than 64");
  EXPECT_STOPPED(loss(repeat("not ", 3000) + "1"), "nested deeper than 64");
  EXPECT_STOPPED(loss(repeat("2 ** ", 2000) + "1"), "nested deeper than 64");
  EXPECT_STOPPED(loss(repeat("1 if 0 else ", 1000) + "1"), "nested deeper than 64");
  EXPECT_STOPPED(loss(repeat("[", 1000)), "nested deeper than 64");
  EXPECT_STOPPED(loss("r.probs" + repeat(".abs()", 2000) + ".mean()"),
                 "more than 64 calls in one chain");
  EXPECT_STOPPED(loss(repeat("abs(", 100) + "1" + repeat(")", 100)), "nested deeper than 64");
}

TEST(Limits, LongSumsAreNoNesting) {
  EXPECT_EQ(problem("def balance_loss(r):\n    return r.probs.mean()" +
                    repeat(" + r.load[0]", 1000) + "\n"),
            "accepted");
  EXPECT_EQ(problem("def balance_loss(r):\n    return r.probs.mean() * (0 < 1" +
                    repeat(" < 2 > 1", 500) + ")\n"),
            "accepted");
}

TEST(Limits, AChainOfHelpersCalledTwiceIsStopped) {
  std::string source = "def f0(x):\n    return x.exp() + x.abs()\n";
  for (int i = 1; i < 60; ++i) {
    const std::string before = "f" + std::to_string(i - 1);
    source += "def f" + std::to_string(i) + "(x):\n    return " + before + "(x) + " + before +
              "(x + 1)\n";
  }
  EXPECT_STOPPED(source + "def balance_loss(r):\n    return f59(r.probs).mean()\n", "");
  const std::string text =
      problem(source + "def balance_loss(r):\n    return f59(r.probs).mean()\n");
  EXPECT_TRUE(text.find(kWork) != std::string::npos ||
              text.find("nested too deeply") != std::string::npos ||
              text.find("more than 4096") != std::string::npos)
      << text;
}

TEST(Limits, HelpersThatShareTheirNodesAreStoppedToo) {
  std::string source =
      "def f0(x):\n    return x\n";  // all calls give one node: only the work grows
  for (int i = 1; i < 30; ++i) {
    const std::string before = "f" + std::to_string(i - 1);
    source += "def f" + std::to_string(i) + "(x):\n    return " + before + "(" + before + "(x))\n";
  }
  EXPECT_STOPPED(source + "def balance_loss(r):\n    return f29(r.probs).mean()\n", kWork);
}

TEST(Limits, NestedLoopsAreStopped) {
  std::string source = "def balance_loss(r):\n    x = 0\n";
  std::string indent = "    ";
  for (int i = 0; i < 10; ++i, indent += " ") source += indent + "for i in range(64):\n";
  EXPECT_STOPPED(source + indent + "x = 1\n" + kReturn, kWork);
  EXPECT_STOPPED(source + indent + "x = x + 1\n" + kReturn, kWork);
  EXPECT_STOPPED(source + indent + "pass\n" + kReturn, kWork);
}

TEST(Limits, LoopsOfNodesAreStoppedAtTheNodeLimit) {
  EXPECT_STOPPED(
      "def balance_loss(r):\n    x = r.probs\n    for i in range(64):\n        for j in "
      "range(64):\n"
      "            x = (x + i).exp() * j\n    return x.mean()\n",
      "more than 4096 operations");
  EXPECT_STOPPED(
      "def balance_loss(r):\n    x = r.probs\n    for i in range(r.num_experts):\n        for j in "
      "range(r.num_experts):\n"
      "            x = (x + i).exp() * j\n    return x.mean()\n",
      "");
}

TEST(Limits, DoublingIsStopped) {
  const auto doubling = [](const std::string& start, const std::string& step) {
    return "def balance_loss(r):\n    x = " + start + "\n" + repeat("    " + step + "\n", 100) +
           kReturn;
  };
  EXPECT_EQ(problem(doubling("r.probs", "x = x + x")), "accepted");  // shared: 100 nodes
  EXPECT_EQ(problem(doubling("r.probs", "x = x * x.mean() + x")), "accepted");
  EXPECT_STOPPED(doubling("[1]", "x = x + x"), "more than 4096 items");
  EXPECT_STOPPED(doubling("(1,)", "x = x * 2"), "more than 4096 items");
  EXPECT_STOPPED(doubling("[1]", "x = [x, x]"), "accepted");  // dead: shared, never walked
  EXPECT_STOPPED(doubling("'a'", "x = x + x"), "cannot calculate");
  EXPECT_STOPPED(doubling("3", "x = x * x"), "beyond 2^53");
  EXPECT_STOPPED(doubling("r.num_experts", "x = x * x + 1"), "too many factors");
  EXPECT_STOPPED(doubling("1e300", "x = x * x"), "accepted");  // infinity, as in Python
  EXPECT_STOPPED(doubling("r.probs", "x = torch.cat([x, x])"), "");
  EXPECT_STOPPED(doubling("r.probs", "x = x[None]"), "more than 8 dimensions");
}

TEST(Limits, SharedListsThatAreWalkedAreStopped) {
  const std::string build =
      "def balance_loss(r):\n    x = [r.probs.mean()]\n" + repeat("    x = [x, x]\n", 40);
  EXPECT_STOPPED(build + "    return torch.tensor(x)\n", "");
  EXPECT_STOPPED(build + "    y = r.probs * 2\n    y += 1\n    return y.mean()\n", kWork);
  EXPECT_STOPPED(build +
                     "    if r.progress > 0.5:\n        x = [x, x]\n    else:\n        x = [[x], "
                     "[x]]\n    return 0.0\n",
                 "accepted");
}

TEST(Limits, BranchesWithinBranchesAreBounded) {
  std::string source = "def balance_loss(r):\n    x = r.probs.mean()\n";
  source +=
      repeat("    if r.progress > 0.5:\n        x = x + 1\n    else:\n        x = x * 2\n", 100);
  EXPECT_EQ(problem(source + "    return x\n"), "accepted");
  std::string elifs = "def balance_loss(r):\n    if r.progress > 2:\n        x = 1\n";
  for (int i = 0; i < 200; ++i)
    elifs += "    elif r.progress > 0." + std::to_string(100 + i) +
             ":\n        x = " + std::to_string(i) + "\n";
  EXPECT_STOPPED(elifs + "    else:\n        x = 3\n    return r.probs.mean() * x\n", "accepted");
}

TEST(Limits, DeepCallsThroughHelpersAreBounded) {
  std::string source = "def f0(x):\n    return x\n";
  for (int i = 1; i < 120; ++i)
    source += "def f" + std::to_string(i) + "(x):\n    return " + repeat("(-", 20) + "f" +
              std::to_string(i - 1) + "(x)" + repeat(")", 20) + "\n";
  EXPECT_STOPPED(source + "def balance_loss(r):\n    return f119(r.probs.mean())\n",
                 "nested too deeply");
}

TEST(Limits, AnyPrefixOfAProgramHasOneAnswer) {
  const std::string source =
      "import torch\ndef f(x, y=2):\n    return [x, (y, 'a')][0]\ndef balance_loss(r):\n    if "
      "r.progress > 0.5 and r.top_k:\n"
      "        return f(r.probs).mean()\n    for i in range(3):\n        x = r.load[i:-1, None] ** "
      "-2e-3\n    return (\n r.probs.max(0)[0].sum())\n";
  for (size_t size = 0; size <= source.size(); ++size) problem(source.substr(0, size));
}

TEST(Limits, CallersMaySetTheirOwn) {
  Limits limits;
  limits.nodes = 5;
  EXPECT_NE(
      problem("def balance_loss(r):\n    return (r.probs * 2).mean() + r.load.max()\n", limits)
          .find("more than 5 operations"),
      std::string::npos);
  limits = {};
  limits.statements = 1;
  EXPECT_NE(
      problem("def balance_loss(r):\n    return 0.0\n", limits).find("more than 1 statements"),
      std::string::npos);
}

}  // namespace
}  // namespace ballast::candidate
