#include "prompts/template.h"

#include <gtest/gtest.h>

#include "common/error.h"

namespace ballast::prompts {
namespace {

std::string render(std::string_view text, const Values& values) {
  return Template("test", text).render(values);
}

std::string refusal(std::string_view text, const Values& values) {
  try {
    render(text, values);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Template, TextsGoInAsTheyAre) {
  EXPECT_EQ(render("a {{x}} b", Values().set("x", "1")), "a 1 b");
  EXPECT_EQ(render("{{x}}{{x}}", Values().set("x", "{{y}} {{#x}}")), "{{y}} {{#x}}{{y}} {{#x}}");
  EXPECT_EQ(render("plain } { text", {}), "plain } { text");
  EXPECT_EQ(render("", {}), "");
}

TEST(Template, SectionsRepeatAndLinesOfTheirOwnGoAway) {
  Values two;
  two.add("rows", Values().set("n", "1")).add("rows", Values().set("n", "2"));
  EXPECT_EQ(render("head\n{{#rows}}\n- {{n}}\n{{/rows}}\ntail\n", two), "head\n- 1\n- 2\ntail\n");
  EXPECT_EQ(render("{{#rows}}{{n}};{{/rows}}", two), "1;2;");
  EXPECT_EQ(render("a\n  {{#rows}}  \n{{n}}\n{{/rows}}", two), "a\n1\n2\n");
}

TEST(Template, AnEmptyListHasItsOwnSection) {
  const std::string_view text = "{{#rows}}some{{/rows}}{{^rows}}none{{/rows}}";
  EXPECT_EQ(render(text, Values().flag("rows", false)), "none");
  EXPECT_EQ(render(text, Values().flag("rows", true)), "some");
}

TEST(Template, InnerNamesComeFirstAndOuterOnesAreSeen) {
  Values values;
  values.set("x", "outer").set("y", "Y").add("rows", Values().set("x", "inner"));
  EXPECT_EQ(render("{{#rows}}{{x}} {{y}}{{/rows}} {{x}}", values), "inner Y outer");
}

TEST(Template, WhatIsMissingOrUnusedIsAnErrorThatNamesIt) {
  EXPECT_NE(refusal("\n{{x}}", {}).find("line 2: no text was given for x"), std::string::npos);
  EXPECT_NE(refusal("{{#x}}{{/x}}", {}).find("no list was given for x"), std::string::npos);
  EXPECT_NE(refusal("{{x}}", Values().flag("x", true)).find("no text"), std::string::npos);
  EXPECT_NE(refusal("", Values().set("x", "1")).find("x is given and not used"), std::string::npos);
  EXPECT_NE(refusal("", Values().flag("x", false)).find("x is given and not used"),
            std::string::npos);
  EXPECT_NE(refusal("{{#a}}b{{/a}}", Values().add("a", Values().set("x", "1"))).find("x is given"),
            std::string::npos);
  // An item's names do not count as used because they occur outside.
  EXPECT_NE(refusal("{{#a}}b{{/a}}{{x}}", Values().set("x", "").add("a", Values().set("x", "1")))
                .find("x is given"),
            std::string::npos);
}

TEST(Template, TextThatIsNoTemplateIsAnErrorWithItsLine) {
  EXPECT_NE(refusal("\n\n{{x", {}).find("line 3: {{ is never closed"), std::string::npos);
  EXPECT_NE(refusal("{{#x}}\n{{/y}}", {}).find("line 2: {{/y}} closes nothing"), std::string::npos);
  EXPECT_NE(refusal("\n{{#x}}\n", {}).find("line 2: {{#x}} is never closed"), std::string::npos);
  EXPECT_NE(refusal("{{/x}}", {}).find("closes nothing"), std::string::npos);
  EXPECT_NE(refusal("{{ x }}", {}).find("is not a name"), std::string::npos);
  EXPECT_NE(refusal("{{}}", {}).find("is not a name"), std::string::npos);
}

}  // namespace
}  // namespace ballast::prompts
