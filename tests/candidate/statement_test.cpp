// Statements, by what they are equal to: two texts of one meaning have one identity.
#include <gtest/gtest.h>

#include "candidate/parse.h"
#include "tests/candidate/texts.h"

namespace ballast::candidate {
namespace {

std::string identity(std::string_view source) {
  const ParseResult result = parse(source);
  return result.program ? result.program->identity : to_string(*result.diagnostic);
}

std::string problem(std::string_view source) {
  const ParseResult result = parse(source);
  return result.diagnostic ? to_string(*result.diagnostic) : "accepted";
}

// A function whose body is `lines`, each indented.
std::string loss(const std::string& lines) {
  std::string text = "def balance_loss(r):\n    ";
  for (const char c : lines) text += c == '\n' ? std::string("\n    ") : std::string(1, c);
  return text + "\n";
}

#define EXPECT_SAME(a, b) EXPECT_EQ(identity(loss(a)), identity(loss(b)))
#define EXPECT_PROBLEM(a, fragment) \
  EXPECT_NE(problem(loss(a)).find(fragment), std::string::npos) << problem(loss(a))

TEST(Statements, WholeProgramsParseAndPrintToTheSameProgram) {
  ASSERT_GE(texts::sections("programs.txt").size(), 30u);
  for (const auto& [title, source] : texts::sections("programs.txt")) {
    SCOPED_TRACE(title);
    const ParseResult result = parse(source);
    ASSERT_TRUE(result.program) << to_string(*result.diagnostic);
    // Unrolled loops print as more text than a candidate may have.
    Limits wide;
    wide.source_bytes = 1 << 20;
    wide.statements = 1 << 20;
    const ParseResult again = parse(print(*result.program), wide);
    ASSERT_TRUE(again.program) << to_string(*again.diagnostic);
    EXPECT_EQ(again.program->identity, result.program->identity);
  }
}

TEST(Statements, NamesLayoutCommentsAndDeadCodeDoNotMatter) {
  const std::string plain = identity(loss("p = r.probs.mean(0)\nreturn (p * r.load).sum()"));
  EXPECT_EQ(plain, identity("import torch\nimport math as m\n\"\"\"Text.\"\"\"\n"
                            "def balance_loss(router: 'Router') -> 'Tensor':\n"
                            "  '''Says what.'''\n"
                            "  mean_probs: Tensor = (\n router.probs  # (T,E)\n  .mean(dim=0))\n"
                            "  unused = mean_probs.exp() + 3\n  pass\n"
                            "  return torch.sum(router.load * mean_probs)"));
  EXPECT_NE(plain, identity(loss("p = r.probs.mean(0)\nreturn (p * r.load).mean()")));
}

TEST(Statements, HelpersAreInlined) {
  EXPECT_EQ(identity("def f(a, b=2, *, c):\n    return a * b + c\n" +
                     loss("return f(r.probs.mean(), c=1)")),
            identity(loss("return r.probs.mean() * 2 + 1")));
  EXPECT_EQ(
      identity("def balance_loss(r):\n    return f(x=r.probs)\n\ndef f(x):\n    return x.mean()\n"),
      identity(loss("return r.probs.mean()")));
}

TEST(Statements, HelpersThatDoNotFitAreRefused) {
  const std::string f = "def f(a, b=2):\n    return a\n";
  EXPECT_EQ(problem(f + loss("return f()")), "4:12: `f` needs the argument `a`");
  EXPECT_EQ(problem(f + loss("return f(1, 2, 3)")), "4:20: `f` got too many arguments");
  EXPECT_EQ(problem(f + loss("return f(1, a=2)")), "4:19: `f` got `a` twice");
  EXPECT_EQ(problem(f + loss("return f(1, z=2)")), "4:19: `f` has no parameter `z`");
  EXPECT_NE(problem("def f(x):\n    return f(x)\n" + loss("return f(r.probs)"))
                .find("2:12: `f` calls itself"),
            std::string::npos);
  EXPECT_NE(problem("def f(x):\n    return g(x)\ndef g(x):\n    return f(x)\n" +
                    loss("return f(r.probs)"))
                .find("`f` calls itself"),
            std::string::npos);
  EXPECT_NE(
      problem("def f(x):\n    return x.mean(3)\n" + loss("return f(r.probs)")).find("2:19: dim 3"),
      std::string::npos);
  EXPECT_NE(problem("def f(x):\n    return x.mean(3)\n" + loss("return f(r.probs)"))
                .find("(in `f`, called at line 4)"),
            std::string::npos);
  EXPECT_NE(problem("def f(a=1, b):\n    return a\n" + loss("return 0.0"))
                .find("1:12: a parameter without a default"),
            std::string::npos);
  EXPECT_NE(problem("def f(a, a):\n    return a\n" + loss("return 0.0")).find("two parameters `a`"),
            std::string::npos);
}

TEST(Statements, ConditionsKnownNowTakeOneBranch) {
  EXPECT_SAME(
      "if 2 > 1:\n    x = 1\nelif undefined:\n    x = y\nelse:\n    x = z\nreturn x * "
      "r.probs.mean()",
      "return r.probs.mean()");
  EXPECT_SAME("if None is None and not False:\n    return r.probs.mean()", "return r.probs.mean()");
  EXPECT_SAME("return r.probs.mean() if 1 in (1, 2) else nothing", "return r.probs.mean()");
  EXPECT_SAME("x = 0 or 3\ny = 1 and 2\nreturn r.probs.mean() * x * y",
              "return r.probs.mean() * 3 * 2");
}

TEST(Statements, ConditionsOnNumbersBecomeSelect) {
  EXPECT_SAME(
      "if r.progress < 0.5:\n    x = r.probs.mean()\nelse:\n    x = r.probs.std()\nreturn x",
      "return r.probs.mean() if r.progress < 0.5 else r.probs.std()");
  EXPECT_SAME("if r.progress < 0.5:\n    return r.probs.mean()\nreturn r.probs.std()",
              "return r.probs.mean() if r.progress < 0.5 else r.probs.std()");
  EXPECT_SAME("x = r.probs.mean()\nif r.top_k > 1:\n    x = x * 2\nreturn x",
              "x = r.probs.mean()\nreturn x * 2 if r.top_k > 1 else x");
}

TEST(Statements, ConditionsOnTensorsBecomeWhere) {
  EXPECT_SAME("p = r.probs.mean()\nif p > 0.5:\n    x = p.exp()\nelse:\n    x = -p\nreturn x",
              "p = r.probs.mean()\nreturn torch.where(p > 0.5, p.exp(), -p)");
  EXPECT_SAME("p = r.probs.mean()\nif p > 0.5:\n    return p.exp()\nreturn p",
              "p = r.probs.mean()\nreturn torch.where(p > 0.5, p.exp(), p)");
  EXPECT_PROBLEM("if r.load > 0.1:\n    return 0.0\nreturn 1.0",
                 "2:8: a bool (E,) tensor has no single truth value (torch.where(");
}

TEST(Statements, BranchesMustAgree) {
  EXPECT_PROBLEM(
      "if r.progress > 0.5:\n    x = r.load\nelse:\n    x = r.load.sum()\nreturn (x * "
      "r.probs).sum()",
      "6:13: `x` is a float (E,) tensor in one branch and a float () tensor in the other");
  EXPECT_PROBLEM("if r.progress > 0.5:\n    x = 1\nreturn r.probs.mean() * x",
                 "4:29: `x` is bound in only one branch at line 2");
  EXPECT_PROBLEM("if r.progress > 0.5:\n    return r.load\nreturn r.load.sum()",
                 "return values of one shape in every branch");
  EXPECT_PROBLEM("if r.progress > 0.5:\n    return r.load.sum()",
                 "in one branch and None in the other");
  EXPECT_SAME("if r.progress > 0.5:\n    x = r.load\nreturn r.probs.mean()",
              "return r.probs.mean()");
}

TEST(Statements, LoopsAreUnrolled) {
  EXPECT_SAME("s = 0\nfor i in range(3):\n    s = s + i * r.probs[i].mean()\nreturn s",
              "return 0 + 0 * r.probs[0].mean() + 1 * r.probs[1].mean() + 2 * r.probs[2].mean()");
  EXPECT_SAME(
      "s = 0\nfor i, (a, b) in enumerate([(1, 2), (3, 4)], 5):\n    s = s + i * a * b\nreturn s * "
      "r.probs.mean()",
      "return (0 + 10 + 72) * r.probs.mean()");
  EXPECT_SAME(
      "s = 0\nfor i in range(9):\n    if i == 1:\n        continue\n    if i == 4:\n        "
      "break\n    s += i\nreturn s * r.probs.mean()",
      "return 5 * r.probs.mean()");
  EXPECT_SAME(
      "for i in range(3):\n    if i == 2:\n        return r.probs[i].sum()\nreturn r.probs.sum()",
      "return r.probs[2].sum()");
  EXPECT_PROBLEM("for i in range(65):\n    pass\nreturn r.probs.mean()", "more than 64 steps");
  EXPECT_PROBLEM(
      "for i in range(r.num_experts):\n    if r.load[i] > 0.5:\n        break\nreturn 0.0",
      "`break` or `continue` under a condition that is known only at run time");
  EXPECT_PROBLEM("for i in range(3):\n    pass\nelse:\n    pass\nreturn 0.0",
                 "`else` after a loop");
  EXPECT_PROBLEM("break", "outside a loop");
}

TEST(Statements, ALoopOverExpertsGuardsEachStep) {
  const ParseResult result = parse(
      loss("s = 0.0\nfor i in range(r.num_experts):\n    s = s + r.probs[:, i].max()\nreturn s"));
  ASSERT_TRUE(result.program);
  int guards = 0;
  for (const Node& node : result.program->nodes) guards += node.op == Op::kSelect;
  EXPECT_EQ(guards, 65);  // 64 steps, and the refusal to run with more experts
}

TEST(Statements, AssignmentsUnpackAndChain) {
  EXPECT_SAME("a = b = r.probs.mean()\nreturn a + b", "x = r.probs.mean()\nreturn x + x");
  EXPECT_SAME(
      "(a, [b, c]), d = (1, (2, 3)), 4\nreturn r.probs.mean() * (a + 10 * b + 100 * c + 1000 * d)",
      "return r.probs.mean() * 4321");
  EXPECT_SAME("T, E = r.logits.shape\nreturn r.probs.mean() * T * E",
              "return r.probs.mean() * r.probs.size(0) * r.num_experts");
  EXPECT_SAME("a, b = 1, 2\na, b = b, a\nreturn r.probs.mean() * (a - b)",
              "return r.probs.mean() * 1");
  EXPECT_PROBLEM("a, b = 1, 2, 3\nreturn 0.0", "cannot unpack 3 values into 2 names");
  EXPECT_PROBLEM("a, b = r.probs\nreturn 0.0", "2:5: cannot unpack");
  EXPECT_PROBLEM("a, b = r.load[:2]\nreturn a + c", "`c` is not defined");
}

TEST(Statements, AugmentedAssignmentIsARebindingOfFreshValues) {
  EXPECT_SAME("n = 2\nn **= 3\nn //= 3\nreturn r.probs.mean() * n", "return r.probs.mean() * 2");
  EXPECT_SAME("x = r.probs.mean(0) * 2\nx += r.load\nreturn x.sum()",
              "return (r.probs.mean(0) * 2 + r.load).sum()");
  EXPECT_SAME("l = [1]\nl += [2, 3]\nreturn r.probs.mean() * l[2]", "return r.probs.mean() * 3");
}

TEST(Statements, WhatWouldChangeOtherValuesInPlaceIsRefused) {
  EXPECT_PROBLEM("r.probs += 1\nreturn 0.0", "would change an object");
  EXPECT_PROBLEM("x = r.probs\nx += 1\nreturn x.mean()",
                 "3:7: this would change a field of the record in place");
  EXPECT_PROBLEM("x = r.probs\nx += 1\nreturn x.mean()", "(write x = x + ...)");
  EXPECT_PROBLEM("x = r.probs.view(-1)[:3].T\nx *= 2\nreturn x.mean()",
                 "a field of the record in place");
  EXPECT_PROBLEM("x = r.probs.float()\nx *= 2\nreturn x.mean()", "a field of the record in place");
  EXPECT_PROBLEM("x = r.probs * 1.5\ny = x[0]\ny += 1\nreturn x.mean()",
                 "other names share its memory");
  EXPECT_PROBLEM("x = r.probs * 1.5\nl = [x]\nx += 1\nreturn l[0].mean()",
                 "other names share its memory");
  EXPECT_PROBLEM("x = r.probs.exp()\nx += 1\nreturn x.mean()",
                 "autograd still needs its old value");
  EXPECT_PROBLEM("x = r.probs * 1.5\ny = x * x\nx += 1\nreturn y.mean()",
                 "autograd still needs its old value");
  EXPECT_PROBLEM("x = r.load * 1.5\nx += r.probs\nreturn x.mean()",
                 "its shape is (E,) and the result's (T,E)");
  EXPECT_PROBLEM("x = r.probs.argmax(1)\nx += 0.5\nreturn x.mean()",
                 "but it is int (T,) tensor and the result float (T,) tensor");
  EXPECT_NE(problem("def f(a):\n    a += 1\n    return a\n" +
                    loss("x = r.probs * 2\nreturn (f(x) + x).mean()"))
                .find("other names share its memory"),
            std::string::npos);
  EXPECT_PROBLEM("x = r.probs.clone()\nx[0] = 1.0\nreturn x.mean()",
                 "3:6: assigning to items would change a tensor or list in place");
  EXPECT_PROBLEM("l = [1]\nm = l\nl.append(2)\nreturn r.probs.mean()",
                 "append() would also change another name");
  EXPECT_PROBLEM("(x) , 3 = 1, 2\nreturn 0.0", "2:11: this cannot be assigned to");
}

TEST(Statements, ViewsOfFreshMemoryMayGrow) {
  EXPECT_SAME("x = r.load * 2\nx = x.view(-1)\nx += 1\nreturn (x * r.probs).mean()",
              "return ((r.load * 2 + 1) * r.probs).mean()");
  EXPECT_SAME("s = torch.zeros(())\nfor i in range(2):\n    s += r.probs[i].mean()\nreturn s",
              "return torch.zeros(()) + r.probs[0].mean() + r.probs[1].mean()");
}

TEST(Statements, ScopesArePythons) {
  EXPECT_PROBLEM("y = x\nx = 1\nreturn y * r.probs.mean()", "2:9: `x` is used before it is bound");
  EXPECT_EQ(
      identity("a = 2\ndef f(x):\n    return x * a\n" + loss("a = 3\nreturn f(r.probs.mean())")),
      identity(loss("return r.probs.mean() * 2")));
  EXPECT_EQ(identity(loss("a = 2\ndef f(x):\n    return x * a\na = 3\nreturn f(r.probs.mean())")),
            identity(loss("return r.probs.mean() * 3")));
  EXPECT_EQ(identity("def balance_loss(r):\n    return r.probs.sum()\ndef balance_loss(r):\n    "
                     "return r.probs.mean()\n"),
            identity(loss("return r.probs.mean()")));
}

TEST(Statements, BothHooksAreRead) {
  const ParseResult result = parse(loss("return r.probs.mean()") +
                                   "def selection_bias(r, bias):\n    return bias - r.load\n");
  ASSERT_TRUE(result.program);
  EXPECT_TRUE(result.program->loss && result.program->bias);
  EXPECT_FALSE(parse("def selection_bias(r, b):\n    return b - r.load\n").program->loss);
}

TEST(Statements, HooksMustHaveTheirShape) {
  EXPECT_EQ(problem(""),
            "1:1: the text defines neither balance_loss(r) nor selection_bias(r, bias) (start with "
            "`def balance_loss(r):`)");
  EXPECT_NE(problem("def balanced_loss(r):\n    return 0.0\n")
                .find("rename `balanced_loss` to `balance_loss`"),
            std::string::npos);
  EXPECT_NE(problem("def balance_loss():\n    return 0.0\n")
                .find("1:5: `balance_loss` must take one argument"),
            std::string::npos);
  EXPECT_NE(problem("def selection_bias(r):\n    return 0.0\n").find("must take two arguments"),
            std::string::npos);
  EXPECT_NE(problem("balance_loss = 3\n").find("must be a function"), std::string::npos);
  EXPECT_PROBLEM("r.probs.mean()", "balance_loss returns nothing");
  EXPECT_PROBLEM("return r.probs.mean(0)",
                 "2:12: balance_loss returns a float (E,) tensor, but must return one float");
  EXPECT_PROBLEM("return r.probs.argmax()",
                 "returns a int () tensor, but must return one float (a 0-dim tensor) (x.float()");
  EXPECT_PROBLEM("return r.probs.mean(), 1", "returns a tuple");
  EXPECT_PROBLEM("return r", "the record r");
  EXPECT_NE(problem("def selection_bias(r, bias):\n    return r.probs\n")
                .find("2:12: selection_bias returns a float (T,E) tensor"),
            std::string::npos);
  EXPECT_TRUE(parse(loss("return 0")).program);
}

TEST(Statements, ImportsAreLimitedToThree) {
  const std::string body = loss("return F.relu(r.probs).mean()");
  const std::string plain = identity(body);
  for (const char* line : {"import torch", "import torch, math", "import torch.nn.functional as F",
                           "import torch.nn.functional", "from torch.nn import functional as F",
                           "from torch import nn, Tensor", "import torch.nn as nn",
                           "from math import log, pi", "from torch import (softmax as sm, sum,)"})
    EXPECT_EQ(identity(std::string(line) + "\n" + body), plain) << line;
  EXPECT_EQ(identity("import torch as F\n" + loss("return F.relu(r.probs).mean()")), plain);
  EXPECT_EQ(
      identity("from torch.nn.functional import relu as f\n" + loss("return f(r.probs).mean()")),
      plain);
  EXPECT_EQ(identity(loss("import torch as t\nreturn t.relu(r.probs).mean()")), plain);
  EXPECT_NE(problem("import numpy as np\n" + body)
                .find("1:8: import of `numpy` is not allowed (only torch"),
            std::string::npos);
  EXPECT_NE(problem("from typing import Any\n" + body).find("import of `typing`"),
            std::string::npos);
  EXPECT_NE(problem("import torch.distributed as dist\n" + body).find("`torch.distributed`"),
            std::string::npos);
  EXPECT_NE(problem("from torch import *\n" + body).find("`import *`"), std::string::npos);
  EXPECT_NE(problem("from . import x\n" + body).find("relative imports"), std::string::npos);
  EXPECT_NE(problem("from torch import rand\n" + body).find("random"), std::string::npos);
}

TEST(Statements, PythonThatIsLeftOutSaysWhatToWrite) {
  EXPECT_PROBLEM("with torch.no_grad():\n    x = 1\nreturn x",
                 "`with torch.no_grad():` is not in the language (write `.detach()`");
  EXPECT_PROBLEM("while True:\n    pass", "write `for i in range(n):`");
  EXPECT_PROBLEM("try:\n    pass\nexcept:\n    pass", "a loss must not raise");
  EXPECT_PROBLEM("assert r.top_k > 0\nreturn 0.0", "leave the check out");
  EXPECT_PROBLEM("raise ValueError", "`raise`");
  EXPECT_PROBLEM("f = lambda x: x\nreturn f(1)", "`lambda` is not in the language (write a `def`");
  EXPECT_PROBLEM("global x\nreturn 0.0", "a loss has no state");
  EXPECT_PROBLEM("yield 1", "`yield`");
  EXPECT_PROBLEM("del r", "`del`");
  EXPECT_NE(problem("@torch.jit.script\n" + loss("return 0.0")).find("1:1: decorators"),
            std::string::npos);
  EXPECT_NE(problem("class A:\n    pass\n").find("classes"), std::string::npos);
  EXPECT_NE(problem("def f(*args):\n    return 1\n").find("`*args`"), std::string::npos);
  EXPECT_NE(problem("def f(**kw):\n    return 1\n").find("`**kwargs`"), std::string::npos);
  EXPECT_NE(problem("return 1\n").find("`return` outside a function"), std::string::npos);
  EXPECT_NE(problem("Here is the loss:\n\n" + loss("return 0.0"))
                .find("1:13: found `loss`, expected the end of the line"),
            std::string::npos);
}

TEST(Statements, LayoutMistakesAreNamed) {
  EXPECT_EQ(problem("def balance_loss(r):\nreturn 0.0\n"),
            "2:1: an indented block must follow (indent the next line, or write `pass`)");
  EXPECT_EQ(problem("  x = 1\n"),
            "1:3: this line is indented, but no block begins before it (indent as the line above)");
  EXPECT_EQ(problem("def f(x)\n    return x\n"),
            "1:9: found the end of the line, expected ':' before a block");
  EXPECT_PROBLEM("x = (1 +\nreturn x", "'(' was never closed");
  EXPECT_PROBLEM("x = 1 +\nreturn x", "2:12: found the end of the line, expected an expression");
  EXPECT_PROBLEM("x = 1 2", "2:11: found `2`, expected the end of the line");
  EXPECT_PROBLEM("else:\n    pass", "`else` belongs to no `if`");
}

}  // namespace
}  // namespace ballast::candidate
