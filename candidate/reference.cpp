#include "candidate/reference.h"

#include <algorithm>

namespace ballast::candidate {
namespace {

struct Text {
  std::string_view name, text;
};
constexpr Text kTexts[] = {
#include "reference_texts.inc"
};

// Names whose results carry no gradient whatever they get. A test runs the examples of
// tests/candidate/data/accepted.txt against this list.
constexpr std::string_view kNoGradient =
    " sign sgn floor ceil trunc fix round logical_not isnan isinf isfinite eq ne not_equal lt less "
    "le less_equal gt greater ge greater_equal logical_and logical_or logical_xor any all "
    "count_nonzero argmax argmin argsort bincount one_hot detach long int bool item size numel "
    "nelement dim ndimension is_floating_point floor_divide zeros ones full zeros_like ones_like "
    "full_like new_zeros new_ones new_full new_tensor tensor scalar_tensor arange "
    "linspace eye device finfo ";

// Python's builtins that make numbers, or sequences of them.
constexpr std::string_view kNumberBuiltins = " float int bool round len range ";

bool among(std::string_view list, std::string_view name) {
  return list.find(" " + std::string(name) + " ") != std::string_view::npos;
}

std::string code(std::string_view text) { return "`" + std::string(text) + "`"; }

// How a name is written, in each space it exists in.
std::string spellings(const NameRow& row) {
  std::string out;
  const auto add = [&](Space space, const std::string& text) {
    if ((row.spaces & space) == 0) return;
    out += (out.empty() ? "" : ", ") + code(text);
  };
  const std::string name(row.name);
  add(kTorch, "torch." + name);
  add(kMethod, "x." + name);
  add(kFunctional, "F." + name);
  add(kBuiltin, name);
  add(kMath, "math." + name);
  return out;
}

std::string_view word(Gradient gradient) {
  switch (gradient) {
    case Gradient::kYes:
      return "yes";
    case Gradient::kNo:
      return "no";
    case Gradient::kNumbers:
      break;
  }
  return "numbers";
}

std::string section_table(size_t section) {
  const NameSection& head = name_sections()[section];
  std::string out = "\n### " + std::string(head.title) +
                    "\n\nShape of the result: " + std::string(head.shape) +
                    ".\n\n| written as | parameters | gradient |\n|---|---|---|\n";
  for (const NameRow& row : source_names())
    if (row.section == section)
      out += "| " + spellings(row) + " | " + code(row.signature) + " | " +
             std::string(word(gradient(row))) + " |\n";
  return out;
}

std::string code_list(const std::vector<std::string_view>& names) {
  std::string out;
  for (const std::string_view name : names) out += (out.empty() ? "" : ", ") + code(name);
  return out;
}

std::string refused_table() {
  std::string out = "| name | why not | instead |\n|---|---|---|\n";
  for (const RefusedNames& group : refused_names())
    out += "| " + code_list(group.names) + " | " + std::string(group.message) + " | " +
           std::string(group.hint) + " |\n";
  return out;
}

// What stands before the dot in the op table: the first way of writing a name.
std::string prefix(const NameRow& row) {
  if ((row.spaces & kTorch) != 0) return "";
  if ((row.spaces & kMethod) != 0) return ".";
  if ((row.spaces & kFunctional) != 0) return "F.";
  return (row.spaces & kMath) != 0 ? "math." : "";
}

}  // namespace

Gradient gradient(const NameRow& row) {
  if ((row.spaces & kMath) != 0) return Gradient::kNumbers;
  if ((row.spaces & kBuiltin) != 0)
    return among(kNumberBuiltins, row.name) ? Gradient::kNumbers : Gradient::kYes;
  return among(kNoGradient, row.name) ? Gradient::kNo : Gradient::kYes;
}

std::string language_reference() {
  std::string out(kTexts[0].text);
  for (size_t i = 0; i < name_sections().size(); ++i) out += section_table(i);
  out +=
      "\n## Known and refused\n\nA name that is in neither table is refused too; the message names "
      "the nearest known ones.\n\n" +
      refused_table();
  return out;
}

std::string op_table() {
  std::string out;
  for (size_t i = 0; i < name_sections().size(); ++i) {
    std::string line;
    for (const NameRow& row : source_names()) {
      if (row.section != i) continue;
      // F.softmax and x.softmax() go without saying where torch.softmax exists.
      const std::string padded = " " + line + ",", name(row.name);
      if (padded.find(" " + name + ",") == std::string::npos && name.rfind("special.", 0) != 0)
        line += (line.empty() ? "" : ", ") + prefix(row) + name;
    }
    out += "- " + std::string(name_sections()[i].title) + ": " + line + "\n";
  }
  return out;
}

}  // namespace ballast::candidate
