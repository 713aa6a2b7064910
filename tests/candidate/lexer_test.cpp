#include "candidate/lexer.h"

#include <gtest/gtest.h>

#include <limits>

namespace ballast::candidate {
namespace {

// Tokens as words: names and operators as they are, layout in angle brackets.
std::string spell(std::string_view source) {
  std::string text;
  for (const Token& token : lex(source, {})) {
    text += text.empty() ? "" : " ";
    switch (token.kind) {
      case Tok::kNewline:
        text += "<nl>";
        break;
      case Tok::kIndent:
        text += "<in>";
        break;
      case Tok::kDedent:
        text += "<out>";
        break;
      case Tok::kEnd:
        text += "<end>";
        break;
      case Tok::kString:
        text += "\"" + token.string + "\"";
        break;
      default:
        text += token.text;
    }
  }
  return text;
}

std::string problem(std::string_view source) {
  try {
    lex(source, {});
  } catch (const Fail& fail) {
    return to_string(fail.diagnostic());
  }
  return "none";
}

double number(std::string_view source) {
  const Token token = lex(source, {}).at(0);
  return token.kind == Tok::kInt ? static_cast<double>(token.integer) : token.number;
}

TEST(Lexer, BlocksBecomeIndents) {
  EXPECT_EQ(spell("if a:\n  b\n  if c:\n    d\ne\n"),
            "if a : <nl> <in> b <nl> if c : <nl> <in> d <nl> <out> <out> e <nl> <end>");
}

TEST(Lexer, BlankAndCommentLinesDoNotCount) {
  EXPECT_EQ(spell("a\n\n      # far right\n\t\nb # end\n"), "a <nl> b <nl> <end>");
  EXPECT_EQ(spell("# only"), "<end>");
  EXPECT_EQ(spell(""), "<end>");
}

TEST(Lexer, BracketsAndBackslashesJoinLines) {
  EXPECT_EQ(spell("a = (b +\n  # inside\n      c)\nd = e \\\n + f"),
            "a = ( b + c ) <nl> d = e + f <nl> <end>");
}

TEST(Lexer, AllLineEndsAreAlike) {
  EXPECT_EQ(spell("a:\r\n  b\r\nc\rd\n"), spell("a:\n  b\nc\nd\n"));
  EXPECT_EQ(lex("a\r\n  # c\r\nb", {}).at(2).at.line, 3);
}

TEST(Lexer, TheLongestOperatorWins) {
  EXPECT_EQ(spell("a**=b//c**d->e...f!=g<<h"), "a **= b // c ** d -> e ... f != g << h <nl> <end>");
}

TEST(Lexer, NumbersAreReadAsPythonReadsThem) {
  EXPECT_EQ(number("1_000"), 1000);
  EXPECT_EQ(number("1e-3"), 1e-3);
  EXPECT_EQ(number("1E+3"), 1e3);
  EXPECT_EQ(number(".5"), 0.5);
  EXPECT_EQ(number("2."), 2);
  EXPECT_EQ(number("1_0.2_5e1_0"), 10.25e10);
  EXPECT_EQ(number("0x1F"), 31);
  EXPECT_EQ(number("0b_101"), 5);
  EXPECT_EQ(number("0o17"), 15);
  EXPECT_EQ(number("000"), 0);
  EXPECT_EQ(number("1e999"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(number("1e-999"), 0);
  EXPECT_EQ(number("9223372036854775807"), 9223372036854775807.0);
  EXPECT_EQ(lex("1.5", {}).at(0).kind, Tok::kFloat);
  EXPECT_EQ(lex("15", {}).at(0).kind, Tok::kInt);
  EXPECT_EQ(lex("1e3", {}).at(0).kind, Tok::kFloat);
}

TEST(Lexer, BadNumbersAreRefused) {
  EXPECT_EQ(problem("x = 012"), "1:5: a whole number must not start with 0");
  EXPECT_NE(problem("1__0").find("runs into a name"), std::string::npos);
  EXPECT_NE(problem("1_").find("runs into a name"), std::string::npos);
  EXPECT_NE(problem("3abc").find("runs into a name"), std::string::npos);
  EXPECT_NE(problem("1e").find("runs into a name"), std::string::npos);
  EXPECT_NE(problem("0x").find("before its first digit"), std::string::npos);
  EXPECT_NE(problem("2j").find("complex"), std::string::npos);
  EXPECT_NE(problem("9223372036854775808").find("64 bits"), std::string::npos);
}

TEST(Lexer, StringsOfAllKinds) {
  EXPECT_EQ(spell("'a\\'b' \"c\\n\" r'\\d' '''e\nf''' \"\"\"g\"h\"\"\""),
            "\"a'b\" \"c\n\" \"\\d\" \"e\nf\" \"g\"h\" <nl> <end>");
  EXPECT_EQ(spell("u'a' 'b\\\nc'"), "\"a\" \"bc\" <nl> <end>");
  EXPECT_EQ(problem("x = 'abc\ny"), "1:5: this string is never closed");
  EXPECT_EQ(problem("\n '''abc"), "2:2: this string is never closed");
  EXPECT_NE(problem("f'{x}'").find("f-strings"), std::string::npos);
  EXPECT_NE(problem("Rb'x'").find("b-strings"), std::string::npos);
}

TEST(Lexer, ColumnsCountCharactersNotBytes) {
  const auto tokens = lex("'\xC3\xA9\xE2\x82\xAC' x", {});
  EXPECT_EQ(tokens.at(1).at.column, 6);
}

TEST(Lexer, OtherLettersAreFineInCommentsAndStringsOnly) {
  EXPECT_EQ(spell("a # \xC3\xA4\xF0\x9F\x98\x80\n'\xCE\xBB'"), "a <nl> \"\xCE\xBB\" <nl> <end>");
  EXPECT_NE(problem("\xCE\xBB = 1").find("(U+03BB) cannot stand here (names are made of ASCII"),
            std::string::npos);
  EXPECT_NE(problem("x = \xE2\x80\x9C"
                    "a")
                .find("straight quotes"),
            std::string::npos);
  EXPECT_NE(problem("```python").find("Markdown"), std::string::npos);
}

TEST(Lexer, BytesThatAreNotUtf8AreRefusedEverywhere) {
  EXPECT_EQ(problem("a # \xFF"), "1:5: byte 0xFF is not UTF-8 (save the text as UTF-8)");
  EXPECT_NE(problem("# \xC0\x80").find("not UTF-8"), std::string::npos);          // overlong
  EXPECT_NE(problem("# \xED\xA0\x80").find("not UTF-8"), std::string::npos);      // surrogate
  EXPECT_NE(problem("# \xE2\x82").find("not UTF-8"), std::string::npos);          // cut off
  EXPECT_NE(problem("# \xF5\x80\x80\x80").find("not UTF-8"), std::string::npos);  // beyond U+10FFFF
  EXPECT_NE(problem(std::string_view("a\0b", 3)).find("control character 0x00"), std::string::npos);
}

TEST(Lexer, AByteOrderMarkIsSkipped) {
  EXPECT_EQ(spell("\xEF\xBB\xBF"
                  "a"),
            "a <nl> <end>");
  EXPECT_EQ(lex("\xEF\xBB\xBF"
                "a",
                {})
                .at(0)
                .at.column,
            1);
}

TEST(Lexer, BracketsMustMatch) {
  EXPECT_EQ(problem("a = (b\nc"), "1:5: '(' was never closed");
  EXPECT_EQ(problem("a)"), "1:2: ')' closes nothing");
  EXPECT_EQ(problem("(a]"), "1:3: ']' does not match '(' of line 1");
}

TEST(Lexer, IndentationMustBeConsistent) {
  EXPECT_NE(
      problem("if a:\n    b\n  c\n").find("3:3: this line's indentation matches no open block"),
      std::string::npos);
  EXPECT_NE(problem("if a:\n        b\n\tc\n").find("mixes tabs and spaces"), std::string::npos);
  EXPECT_EQ(spell("if a:\n\tb\n\tc\n"), spell("if a:\n    b\n    c\n"));
}

TEST(Lexer, NestingIsBounded) {
  const std::string open(65, '(');
  EXPECT_NE(problem(open).find("nested deeper than 64"), std::string::npos);
  EXPECT_EQ(problem(std::string(64, '(') + std::string(64, ')')), "none");
  std::string blocks;
  for (int i = 0; i < 70; ++i) blocks += std::string(static_cast<size_t>(i), ' ') + "if a:\n";
  EXPECT_NE(problem(blocks).find("blocks are nested deeper than 64"), std::string::npos);
}

TEST(Lexer, ABackslashMustEndItsLine) {
  EXPECT_EQ(problem("a \\ b"), "1:3: a backslash must end its line");
  EXPECT_EQ(problem("a \\"), "1:3: a backslash must end its line");
}

}  // namespace
}  // namespace ballast::candidate
