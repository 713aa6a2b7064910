// docs/language.md is what the tables say, and the tables are right about gradients.
#include "candidate/reference.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "candidate/mutate.h"
#include "candidate/parse.h"
#include "tests/candidate/texts.h"

namespace ballast::candidate {
namespace {

TEST(Reference, DocumentationPageIsCurrent) {
  std::ifstream in(std::string(BALLAST_SOURCE_DIR) + "/docs/language.md");
  std::stringstream page;
  page << in.rdbuf();
  EXPECT_EQ(page.str(), language_reference())
      << "run: build/release/ballast losses --reference > docs/language.md";
}

TEST(Reference, HasEveryNameFieldAndRefusal) {
  const std::string page = language_reference();
  const auto has = [&](const std::string& text) { return page.find(text) != std::string::npos; };
  for (const NameRow& row : source_names()) {
    const std::string name(row.name);
    EXPECT_TRUE(has("torch." + name + "`") || has("x." + name + "`") || has("F." + name + "`") ||
                has("math." + name + "`") || has("`" + name + "`"))
        << name;
    EXPECT_TRUE(has("`" + std::string(row.signature) + "`")) << row.signature;
  }
  for (int i = 0; i < kFieldCount - 1; ++i)  // the bias is an argument
    EXPECT_TRUE(has("`r." + std::string(field_name(static_cast<Field>(i))) + "`")) << i;
  for (const RefusedNames& group : refused_names())
    for (const std::string_view name : group.names)
      EXPECT_TRUE(has("`" + std::string(name) + "`")) << name;
}

TEST(Reference, ItsExampleIsACandidate) {
  const std::string page = language_reference();
  const size_t start = page.find("```python\n") + 10;
  const ParseResult result = parse(page.substr(start, page.find("```", start) - start));
  EXPECT_TRUE(result.program) << to_string(*result.diagnostic);
}

// Whether the first parenthesis of a line closes at its end, but for an index: one call.
bool is_one_call(const std::string& line) {
  int depth = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    depth += line[i] == '(' ? 1 : line[i] == ')' ? -1 : 0;
    if (line[i] == ')' && depth == 0)
      return i + 1 == line.size() || line[i + 1] == '[' || line.compare(i, 8, ").values") == 0;
  }
  return false;
}

// Whether a line is a call of the name: "torch.sum(x, 1)", "x.sum(1)", but not "(x + y).sum()".
bool is_call(const std::string& line, const NameRow& row) {
  if (!is_one_call(line)) return false;
  const std::string name = std::string(row.name) + "(";
  const auto starts = [&](const std::string& text) { return line.rfind(text + name, 0) == 0; };
  if ((row.spaces & kTorch) != 0 && starts("torch.")) return true;
  if ((row.spaces & kFunctional) != 0 && starts("F.")) return true;
  if ((row.spaces & kBuiltin) != 0 && starts("")) return true;
  if ((row.spaces & kMethod) == 0) return false;
  for (const char* variable : {"x.", "p.", "c.", "w.", "v.", "d.", "s.", "i.", "m.", "q.", "b."})
    if (starts(variable)) return true;
  return false;
}

TEST(Reference, GradientsAreThoseOfTheExamples) {
  const std::vector<std::string> lines = texts::lines("accepted.txt");
  int checked = 0;
  for (const NameRow& row : source_names()) {
    if (gradient(row) == Gradient::kNumbers) continue;
    bool any = false, trains = false;
    for (const std::string& line : lines) {
      if (!is_call(line, row)) continue;
      any = true;
      const ParseResult result = parse(texts::around(line));
      ASSERT_TRUE(result.program) << line;
      trains = trains || trains_router(*result.program);
    }
    if (!any) continue;
    ++checked;
    EXPECT_EQ(trains, gradient(row) == Gradient::kYes) << row.name << " in " << int{row.spaces};
  }
  EXPECT_GT(checked, 230);
}

TEST(Reference, OpTableNamesEachOpOnceAndIsShort) {
  const std::string table = op_table();
  EXPECT_LT(table.size(), 4500u);
  for (const char* name : {" logsumexp,", " .view,", " F.one_hot,", " math.log,", " topk,"})
    EXPECT_NE(table.find(name), std::string::npos) << name;
  for (size_t at = 0; at < table.size(); at = table.find('\n', at) + 1) {
    std::istringstream line(table.substr(at, table.find('\n', at) - at));
    std::set<std::string> seen;
    for (std::string name; line >> name;) EXPECT_TRUE(seen.insert(name).second) << name;
  }
}

}  // namespace
}  // namespace ballast::candidate
