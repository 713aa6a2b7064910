#include "orchestrator/text_diff.h"

#include <algorithm>
#include <vector>

#include "prompts/lines.h"

namespace ballast::orchestrator {
namespace {

constexpr size_t kContext = 3;

// A line with its mark, and how many lines of each text come before it.
struct Step {
  char mark = ' ';  // ' ', '-' or '+'
  std::string_view line;
  size_t a = 0, b = 0;
};

std::vector<Step> steps_of(const std::vector<std::string_view>& a,
                           const std::vector<std::string_view>& b) {
  const size_t n = a.size(), m = b.size();
  // common[i][j]: length of the longest common subsequence of a[i..] and b[j..]
  std::vector<std::vector<size_t>> common(n + 1, std::vector<size_t>(m + 1));
  for (size_t i = n; i-- > 0;)
    for (size_t j = m; j-- > 0;)
      common[i][j] =
          a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
  std::vector<Step> out;
  size_t i = 0, j = 0;
  while (i < n || j < m) {
    if (i < n && j < m && a[i] == b[j]) {
      out.push_back({' ', a[i], i, j});
      ++i, ++j;
    } else if (i < n && (j == m || common[i + 1][j] >= common[i][j + 1])) {
      out.push_back({'-', a[i], i, j});
      ++i;
    } else {
      out.push_back({'+', b[j], i, j});
      ++j;
    }
  }
  return out;
}

std::string range(size_t start, size_t count) {
  return std::to_string(count == 0 ? start : start + 1) +
         (count == 1 ? "" : "," + std::to_string(count));
}

}  // namespace

std::string unified_diff(std::string_view a, std::string_view name_a, std::string_view b,
                         std::string_view name_b) {
  const std::vector<Step> steps = steps_of(prompts::split_lines(a), prompts::split_lines(b));
  std::string out;
  for (size_t i = 0; i < steps.size();) {
    if (steps[i].mark == ' ') {
      ++i;
      continue;
    }
    // A hunk: from here on, until more than twice the context passes without a change.
    const size_t begin = i - std::min(i, kContext);
    size_t last = i;
    for (size_t k = i; k < steps.size() && k <= last + 2 * kContext; ++k)
      if (steps[k].mark != ' ') last = k;
    const size_t end = std::min(steps.size(), last + kContext + 1);
    size_t in_a = 0, in_b = 0;
    std::string lines;
    for (size_t k = begin; k < end; ++k) {
      in_a += steps[k].mark != '+';
      in_b += steps[k].mark != '-';
      lines += std::string(1, steps[k].mark) + std::string(steps[k].line) + "\n";
    }
    if (out.empty()) out = "--- " + std::string(name_a) + "\n+++ " + std::string(name_b) + "\n";
    out +=
        "@@ -" + range(steps[begin].a, in_a) + " +" + range(steps[begin].b, in_b) + " @@\n" + lines;
    i = end;
  }
  return out;
}

}  // namespace ballast::orchestrator
