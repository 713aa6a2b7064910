#include "prompts/lines.h"

#include <algorithm>

namespace ballast::prompts {

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string join_lines(const std::vector<std::string_view>& lines) {
  std::string out;
  for (const std::string_view line : lines) {
    out += line;
    out += '\n';
  }
  return out;
}

std::string_view start_of(std::string_view text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  return text.substr(0, most);
}

std::string_view trimmed(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t") - start + 1);
}

size_t indentation(std::string_view line) {
  return std::min(line.find_first_not_of(" \t"), line.size());
}

std::string with_plain_lines(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      out += text[i];
    } else if (i + 1 >= text.size() || text[i + 1] != '\n') {
      out += '\n';
    }
  }
  return out;
}

Fence fence_of(std::string_view line) {
  Fence fence;
  fence.indent = indentation(line);
  const std::string_view rest = trimmed(line);
  if (rest.empty() || (rest[0] != '`' && rest[0] != '~')) return fence;
  fence.mark = rest[0];
  const size_t length = std::min(rest.find_first_not_of(fence.mark), rest.size());
  fence.info = trimmed(rest.substr(length));
  // ```x``` on one line is code within a sentence.
  if (length < 3 || (fence.mark == '`' && fence.info.find('`') != std::string_view::npos))
    return fence;
  fence.length = length;
  return fence;
}

}  // namespace ballast::prompts
