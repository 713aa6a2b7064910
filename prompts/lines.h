// Lines of text, as replies and edits are read by.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ballast::prompts {

// Without their ends; the last one is left out when it is empty. They point into `text`.
std::vector<std::string_view> split_lines(std::string_view text);
std::string join_lines(const std::vector<std::string_view>& lines);  // each ends with '\n'

// The start of a text, at most so many bytes, never half a character of UTF-8.
std::string_view start_of(std::string_view text, size_t most);

std::string_view trimmed(std::string_view text);  // spaces and tabs at both ends
inline bool is_blank(std::string_view line) { return trimmed(line).empty(); }
size_t indentation(std::string_view line);  // bytes before the first that is no space or tab

// Line ends as '\n', no byte order mark.
std::string with_plain_lines(std::string_view text);

// A line that opens or closes a Markdown code block: three or more ` or ~.
struct Fence {
  char mark = '`';
  size_t length = 0;  // 0: no fence
  size_t indent = 0;
  std::string_view info;  // what follows; a line with some cannot close a block
};
Fence fence_of(std::string_view line);

}  // namespace ballast::prompts
