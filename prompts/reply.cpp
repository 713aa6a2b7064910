#include "prompts/reply.h"

#include <algorithm>
#include <array>
#include <optional>

#include "prompts/lines.h"

namespace ballast::prompts {
namespace {

constexpr std::array<std::string_view, 2> kHooks = {"balance_loss", "selection_bias"};
constexpr std::array<std::string_view, 3> kReasoning = {"think", "thinking", "reasoning"};

std::string dedented(const std::vector<std::string_view>& lines) {
  size_t common = std::string_view::npos;
  for (const std::string_view line : lines)
    if (!is_blank(line)) common = std::min(common, indentation(line));
  std::string out;
  for (const std::string_view line : lines) {
    if (!is_blank(line)) out += line.substr(common);
    out += '\n';
  }
  return out;
}

bool has_hook(std::string_view code) {
  return std::any_of(kHooks.begin(), kHooks.end(),
                     [&](std::string_view hook) { return defines(code, hook); });
}

bool starts_module(std::string_view line) {
  return line.starts_with("def ") || line.starts_with("import ") ||
         (line.starts_with("from ") && line.find(" import ") != std::string_view::npos);
}

// Lines that may stand between the functions of a module.
bool continues_module(std::string_view line) {
  return is_blank(line) || indentation(line) > 0 || starts_module(line) || line[0] == '#' ||
         line[0] == ')' || line[0] == '@';
}

// Code without a fence around it. Ends where prose begins.
std::string bare_code(std::string_view answer) {
  const std::vector<std::string_view> lines = split_lines(answer);
  size_t start = 0;
  while (start < lines.size() && !starts_module(lines[start])) ++start;
  size_t end = start;
  while (end < lines.size() && continues_module(lines[end])) ++end;
  while (end > start && is_blank(lines[end - 1])) --end;
  return join_lines(
      {lines.begin() + static_cast<ptrdiff_t>(start), lines.begin() + static_cast<ptrdiff_t>(end)});
}

Failure no_code(std::string_view answer) {
  return {FailureKind::kNoCode,
          "the reply holds no function: write the whole of `def balance_loss(r):` (or `def "
          "selection_bias(r, bias):`, or both) in one ```python block",
          std::string(answer)};
}

// The last block with a hook, unless another hook is defined only before it.
std::variant<std::string, Failure> choose(const std::vector<CodeBlock>& blocks,
                                          std::string_view answer) {
  const auto last = std::find_if(blocks.rbegin(), blocks.rend(),
                                 [](const CodeBlock& block) { return has_hook(block.text); });
  if (last == blocks.rend()) return no_code(answer);
  if (!last->closed)
    return Failure{FailureKind::kCutOff,
                   "the code block is never closed, so the end of the function may be missing: "
                   "write the whole function again, shorter, and close the block with ```",
                   last->text};
  for (auto earlier = last + 1; earlier != blocks.rend(); ++earlier)
    for (const std::string_view hook : kHooks)
      if (!defines(last->text, hook) && defines(earlier->text, hook) &&
          std::none_of(kHooks.begin(), kHooks.end(), [&](std::string_view other) {
            return other != hook && defines(earlier->text, other);
          }))
        return Failure{FailureKind::kAmbiguous,
                       "one code block defines `" + std::string(hook) +
                           "`, a later one does not: write everything that belongs to the "
                           "candidate in one block, and only that",
                       std::string(answer)};
  return last->text;
}

std::string one_line(std::string_view text) {
  constexpr size_t kMost = 300;
  while (!text.empty() && std::string_view("*_# :`").find(text[0]) != std::string_view::npos)
    text.remove_prefix(1);
  while (!text.empty() && std::string_view("*_ `").find(text.back()) != std::string_view::npos)
    text.remove_suffix(1);
  return std::string(start_of(text, kMost));
}

}  // namespace

std::variant<std::string, Failure> answer_of(std::string_view reply) {
  std::string text = with_plain_lines(reply);
  for (const std::string_view word : kReasoning) {
    const std::string open = "<" + std::string(word) + ">", close = "</" + std::string(word) + ">";
    std::string kept;
    size_t at = 0;
    while (true) {
      const size_t start = text.find(open, at), end = text.find(close, at);
      if (start == std::string::npos && end == std::string::npos) break;
      if (end == std::string::npos)
        return Failure{FailureKind::kCutOff,
                       "the reply ends before its reasoning does: think shorter, and write the "
                       "function",
                       std::string(reply)};
      if (start < end) {
        kept += text.substr(at, start - at);
      } else {
        kept.clear();
      }
      at = end + close.size();
    }
    text = kept + text.substr(at);
  }
  return text;
}

std::vector<CodeBlock> fenced_blocks(std::string_view answer) {
  std::vector<CodeBlock> out;
  std::optional<Fence> open;
  std::vector<std::string_view> inside;
  for (const std::string_view line : split_lines(answer)) {
    const Fence fence = fence_of(line);
    if (!open) {
      if (fence.length > 0) open = fence;
    } else if (fence.length >= open->length && fence.mark == open->mark && fence.info.empty()) {
      out.push_back({dedented(inside), true});
      inside.clear();
      open.reset();
    } else {
      inside.push_back(line);
    }
  }
  if (open) out.push_back({dedented(inside), false});
  return out;
}

bool defines(std::string_view code, std::string_view function) {
  for (std::string_view line : split_lines(code)) {
    if (!line.starts_with("def")) continue;
    line.remove_prefix(3);
    if (indentation(line) == 0) continue;
    line = trimmed(line);
    if (!line.starts_with(function)) continue;
    line = trimmed(line.substr(function.size()));
    if (line.starts_with('(')) return true;
  }
  return false;
}

std::variant<std::string, Failure> find_code(std::string_view answer) {
  const std::vector<CodeBlock> blocks = fenced_blocks(answer);
  if (std::any_of(blocks.begin(), blocks.end(),
                  [](const CodeBlock& block) { return has_hook(block.text); }))
    return choose(blocks, answer);
  if (!blocks.empty()) return no_code(answer);
  std::string bare = bare_code(answer);
  if (!has_hook(bare)) return no_code(answer);
  return bare;
}

std::string find_idea(std::string_view answer, std::string_view code) {
  bool heading = false;  // "### Idea:", with the idea below
  for (const std::string_view raw : split_lines(answer)) {
    std::string_view line = trimmed(raw);
    if (line.starts_with("```")) heading = false;
    while (!line.empty() && std::string_view("*_# ").find(line[0]) != std::string_view::npos)
      line.remove_prefix(1);
    if (heading && !line.empty()) return one_line(line);
    if (!line.starts_with("Idea:") && !line.starts_with("idea:")) continue;
    line = trimmed(line.substr(5));
    heading = line.find_first_not_of("*_ ") == std::string_view::npos;
    if (!heading) return one_line(line);
  }
  for (const std::string_view line : split_lines(code))
    if (trimmed(line).starts_with('#')) return one_line(trimmed(line));
  return "";
}

}  // namespace ballast::prompts
