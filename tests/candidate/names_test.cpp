#include "candidate/names.h"

#include <gtest/gtest.h>

#include "candidate/parse.h"
#include "tests/candidate/texts.h"

namespace ballast::candidate {
namespace {

TEST(Names, EveryAcceptedExpressionParsesAndPrintsToTheSameProgram) {
  for (const std::string& line : texts::lines("accepted.txt")) {
    SCOPED_TRACE(line);
    const ParseResult result = parse(texts::around(line));
    ASSERT_TRUE(result.program) << to_string(*result.diagnostic);
    const ParseResult again = parse(print(*result.program));
    ASSERT_TRUE(again.program) << to_string(*again.diagnostic) << "\n" << print(*result.program);
    EXPECT_EQ(again.program->identity, result.program->identity);
  }
}

// Whether a line calls the name in one of its spaces.
bool calls(const std::string& line, const NameRow& row) {
  const std::string name(row.name);
  const auto has = [&](const std::string& text) { return line.find(text) != std::string::npos; };
  const auto starts = [&](const std::string& text) {
    const size_t at = line.find(text);
    return at == 0 || (at != std::string::npos && !isalnum(line[at - 1]) && line[at - 1] != '.');
  };
  return ((row.spaces & kTorch) != 0 && has("torch." + name + "(")) ||
         ((row.spaces & kMethod) != 0 && has("." + name + "(")) ||
         ((row.spaces & kFunctional) != 0 &&
          (has("F." + name + "(") || has("functional." + name + "("))) ||
         ((row.spaces & kBuiltin) != 0 && starts(name + "(")) ||
         ((row.spaces & kMath) != 0 && has("math." + name + "("));
}

TEST(Names, EveryRowOccursInAnAcceptedExpression) {
  const std::vector<std::string> lines = texts::lines("accepted.txt");
  ASSERT_GT(source_names().size(), 290u);
  for (const NameRow& row : source_names())
    EXPECT_TRUE(
        std::any_of(lines.begin(), lines.end(), [&](const auto& line) { return calls(line, row); }))
        << row.name << " in space " << int{row.spaces};
}

TEST(Names, EveryRejectedExpressionSaysWhereAndWhatInstead) {
  for (const std::string& line : texts::lines("rejected.txt")) {
    SCOPED_TRACE(line);
    const size_t arrow = line.find(" => ");
    ASSERT_NE(arrow, std::string::npos);
    const ParseResult result = parse(texts::around(line.substr(0, arrow)));
    ASSERT_TRUE(result.diagnostic);
    EXPECT_EQ(result.diagnostic->line, texts::kExpressionLine);
    EXPECT_GE(result.diagnostic->column, texts::kExpressionColumn);
    EXPECT_NE(to_string(*result.diagnostic).find(line.substr(arrow + 4)), std::string::npos)
        << to_string(*result.diagnostic);
  }
}

TEST(Names, TheNearestComeFirst) {
  const std::vector<std::string_view> known{"logsumexp", "sum", "softmax", "log_softmax"};
  EXPECT_EQ(nearest("sotfmax", known).at(0), "softmax");
  EXPECT_EQ(nearest("sume", known).at(0), "sum");
  EXPECT_TRUE(nearest("quaternion", known).empty());
}

TEST(Names, SignaturesAreRead) {
  const NameRow* row = find_name(kMethod, "sum");
  ASSERT_NE(row, nullptr);
  ASSERT_EQ(row->parameters.size(), 4u);
  EXPECT_EQ(row->parameters[1].fallback, "None");
  EXPECT_FALSE(row->parameters[2].keyword_only);
  EXPECT_TRUE(row->parameters[3].keyword_only);
  EXPECT_TRUE(find_name(kMethod, "view")->parameters[1].rest);
  EXPECT_EQ(find_name(kFunctional, "sum"), nullptr);
}

}  // namespace
}  // namespace ballast::candidate
