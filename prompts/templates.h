// The templates that are built into the program (prompts/*.md).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "prompts/template.h"

namespace ballast::prompts {

struct TemplateRow {
  std::string_view name;  // "rewrite-different"
  std::string_view text;
};
const std::vector<TemplateRow>& template_rows();  // in the order of prompts/CMakeLists.txt

// Throws Error when there is none of that name.
const Template& find_template(std::string_view name);

// The first 8 hexadecimal digits of a SHA-256 over the texts of these templates: which wording a
// proposal was made with.
std::string fingerprint(const std::vector<std::string_view>& names);

// Text in a Markdown code block whose fence is longer than any within.
std::string fenced(std::string_view text, std::string_view tag = "python");

}  // namespace ballast::prompts
