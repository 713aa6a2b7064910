#include "prompts/templates.h"

#include <algorithm>
#include <map>

#include "common/error.h"
#include "common/hash.h"

namespace ballast::prompts {
namespace {

std::string_view text_of(std::string_view name) {
  for (const TemplateRow& row : template_rows())
    if (row.name == name) return row.text;
  throw Error("there is no prompt template named \"" + std::string(name) + "\"");
}

}  // namespace

const std::vector<TemplateRow>& template_rows() {
  static const std::vector<TemplateRow> kRows = {
#include "prompt_texts.inc"
  };
  return kRows;
}

const Template& find_template(std::string_view name) {
  static const auto kTemplates = [] {
    std::map<std::string_view, Template> out;
    for (const TemplateRow& row : template_rows())
      out.emplace(row.name, Template("prompts/" + std::string(row.name) + ".md", row.text));
    return out;
  }();
  const auto found = kTemplates.find(name);
  if (found == kTemplates.end())
    throw Error("there is no prompt template named \"" + std::string(name) + "\"");
  return found->second;
}

std::string fingerprint(const std::vector<std::string_view>& names) {
  std::string all;
  for (const std::string_view name : names) {
    const std::string_view text = text_of(name);
    all += std::string(name) + " " + std::to_string(text.size()) + "\n" + std::string(text);
  }
  return sha256_hex(all).substr(0, 8);
}

std::string fenced(std::string_view text, std::string_view tag) {
  size_t longest = 0, run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(std::max<size_t>(3, longest + 1), '`');
  std::string out = fence + std::string(tag) + "\n" + std::string(text);
  if (!out.ends_with('\n')) out += '\n';
  return out + fence;
}

}  // namespace ballast::prompts
