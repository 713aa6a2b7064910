#include "prompts/edit.h"

#include <algorithm>
#include <optional>

#include "common/nearest.h"
#include "prompts/lines.h"

namespace ballast::prompts {
namespace {

using Lines = std::vector<std::string>;

enum class Mark { kNone, kSearch, kDivider, kReplace };

// Models miscount the signs; five to nine of them count.
bool is_mark(std::string_view line, char sign, std::string_view word) {
  line = trimmed(line);
  const size_t count = std::min(line.find_first_not_of(sign), line.size());
  return count >= 5 && count <= 9 && trimmed(line.substr(count)) == word;
}

Mark mark_of(std::string_view line) {
  if (is_mark(line, '<', "SEARCH")) return Mark::kSearch;
  if (is_mark(line, '=', "")) return Mark::kDivider;
  if (is_mark(line, '>', "REPLACE")) return Mark::kReplace;
  return Mark::kNone;
}

std::string block(size_t number) { return "SEARCH/REPLACE block " + std::to_string(number); }

std::string shown(const Lines& lines) {
  constexpr size_t kMost = 12;
  std::string out;
  for (size_t i = 0; i < std::min(lines.size(), kMost); ++i) out += "    " + lines[i] + "\n";
  if (lines.size() > kMost) out += "    ...\n";
  return out;
}

std::string without_trailing(std::string_view line) {
  const size_t last = line.find_last_not_of(" \t");
  return std::string(line.substr(0, last == std::string_view::npos ? 0 : last + 1));
}

// White space inside the line as one blank, none at its ends.
std::string collapsed(std::string_view line) {
  std::string out;
  for (const char c : trimmed(line)) {
    const bool blank = c == ' ' || c == '\t';
    if (!blank) {
      out += c;
    } else if (out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

// Blank lines at both ends are left out.
Lines core_of(const Lines& lines) {
  const auto full = [](const std::string& line) { return !is_blank(line); };
  const auto first = std::find_if(lines.begin(), lines.end(), full);
  const auto last = std::find_if(lines.rbegin(), lines.rend(), full).base();
  return first < last ? Lines(first, last) : Lines();
}

// How much further the source's lines are indented than those searched for: the same for all.
std::optional<int> shift_of(const Lines& source, size_t at, const Lines& search) {
  std::optional<int> shift;
  for (size_t i = 0; i < search.size(); ++i) {
    if (is_blank(search[i])) continue;
    const int here =
        static_cast<int>(indentation(source[at + i])) - static_cast<int>(indentation(search[i]));
    if (shift && *shift != here) return std::nullopt;
    shift = here;
  }
  return shift;
}

std::string shifted(const std::string& line, int by) {
  if (is_blank(line)) return "";
  if (by >= 0) return std::string(static_cast<size_t>(by), ' ') + line;
  return line.substr(std::min(static_cast<size_t>(-by), indentation(line)));
}

// Where a block goes: lines [at, at + length) of the source, replaced by these.
struct Place {
  size_t at = 0, length = 0;
  Lines lines;
};

template <typename Same>
std::vector<size_t> places(const Lines& source, const Lines& search, const Same& same) {
  std::vector<size_t> out;
  for (size_t at = 0; at + search.size() <= source.size(); ++at) {
    bool all = true;
    for (size_t i = 0; i < search.size() && all; ++i) all = same(source[at + i], search[i]);
    if (all) out.push_back(at);
  }
  return out;
}

Lines mapped(const Lines& lines, std::string (*map)(std::string_view)) {
  Lines out;
  for (const std::string& line : lines) out.push_back(map(line));
  return out;
}

// The places of the strictest reading that has any.
std::vector<Place> find_places(const Lines& source, const Edit& edit) {
  const auto equal = [](const std::string& a, const std::string& b) { return a == b; };
  std::vector<Place> out;
  for (const size_t at : places(source, edit.search, equal))
    out.push_back({at, edit.search.size(), edit.replace});
  if (!out.empty()) return out;
  for (const size_t at :
       places(mapped(source, without_trailing), mapped(edit.search, without_trailing), equal))
    out.push_back({at, edit.search.size(), edit.replace});
  if (!out.empty()) return out;
  const Lines search = core_of(edit.search);
  if (search.empty()) return out;
  for (const size_t at : places(mapped(source, collapsed), mapped(search, collapsed), equal)) {
    const std::optional<int> shift = shift_of(source, at, search);
    if (!shift) continue;
    Place place{at, search.size(), {}};
    for (const std::string& line : core_of(edit.replace))
      place.lines.push_back(shifted(line, *shift));
    out.push_back(std::move(place));
  }
  return out;
}

// The source's line that looks most like the first one searched for.
std::string most_similar(const Lines& source, const Lines& search) {
  constexpr size_t kLongest = 200, kMostLines = 500;
  const Lines core = core_of(search);
  if (core.empty()) return "";
  const auto cut = [](const std::string& line) {
    return std::string(trimmed(line).substr(0, kLongest));
  };
  const std::string wanted = cut(core[0]);
  std::optional<std::pair<int, size_t>> best;
  for (size_t i = 0; i < std::min(source.size(), kMostLines); ++i) {
    if (is_blank(source[i])) continue;
    const int distance = edit_distance(wanted, cut(source[i]));
    if (!best || distance < best->first) best = {distance, i};
  }
  if (!best) return "";
  return "; the most similar line of the source is line " + std::to_string(best->second + 1) +
         ":\n    " + std::string(trimmed(source[best->second])) + "\n";
}

Failure not_found(const Lines& source, const Lines& original, const Edit& edit, size_t number) {
  std::string why = "its lines do not occur in the source";
  if (!find_places(original, edit).empty())
    why = "an earlier block has already changed its lines: put both changes in one block";
  return {FailureKind::kEditMatch,
          block(number) + ": " + why + ". SEARCH must repeat whole lines of the source exactly" +
              most_similar(source, edit.search),
          ""};
}

Failure found_often(const std::vector<Place>& found, size_t number) {
  std::string lines;
  for (const Place& place : found)
    lines += (lines.empty() ? "" : ", ") + std::to_string(place.at + 1);
  return {FailureKind::kEditMatch,
          block(number) + ": its lines occur " + std::to_string(found.size()) +
              " times in the source (from lines " + lines +
              "): add lines before or after, so that SEARCH fits one place only",
          ""};
}

std::optional<Failure> apply(const Edit& edit, size_t number, const Lines& original,
                             Lines& source) {
  if (core_of(edit.search).empty())
    return Failure{FailureKind::kEditFormat,
                   block(number) +
                       ": SEARCH is empty. To add lines, search for the line before them and "
                       "repeat it in REPLACE",
                   ""};
  const std::vector<Place> found = find_places(source, edit);
  if (found.empty()) return not_found(source, original, edit, number);
  if (found.size() > 1) return found_often(found, number);
  const auto first = source.begin() + static_cast<ptrdiff_t>(found[0].at);
  const auto last = first + static_cast<ptrdiff_t>(found[0].length);
  if (std::equal(first, last, found[0].lines.begin(), found[0].lines.end()))
    return Failure{
        FailureKind::kEditFormat,
        block(number) + " changes nothing: REPLACE is the same as\n" + shown(edit.search), ""};
  const auto at = source.erase(first, last);
  source.insert(at, found[0].lines.begin(), found[0].lines.end());
  return std::nullopt;
}

Failure bad_block(size_t number, const std::string& what,
                  FailureKind kind = FailureKind::kEditFormat) {
  return {
      kind,
      block(number) + ": " + what +
          ". A block is a line `<<<<<<< SEARCH`, lines of the source, a line `=======`, the new "
          "lines, a line `>>>>>>> REPLACE`",
      ""};
}

}  // namespace

std::variant<std::vector<Edit>, Failure> find_edits(std::string_view answer) {
  std::vector<Edit> out;
  Lines* open = nullptr;  // the half of the last edit that lines go to
  const auto in_replace = [&] { return open == &out.back().replace; };
  for (const std::string_view line : split_lines(answer)) {
    const Mark mark = mark_of(line);
    if (open == nullptr) {
      if (mark == Mark::kReplace) return bad_block(out.size() + 1, "REPLACE without SEARCH");
      if (mark != Mark::kSearch) continue;
      open = &out.emplace_back().search;
    } else if (mark == Mark::kSearch) {
      return bad_block(out.size(), "a second SEARCH before its REPLACE line");
    } else if (mark == Mark::kDivider) {
      if (in_replace()) return bad_block(out.size(), "a second =======");
      open = &out.back().replace;
    } else if (mark == Mark::kReplace) {
      if (!in_replace()) return bad_block(out.size(), "no ======= before REPLACE");
      open = nullptr;
    } else if (fence_of(line).length > 0) {
      return bad_block(out.size(), "the code block around it ends before its REPLACE line");
    } else {
      open->emplace_back(line);
    }
  }
  if (open != nullptr)
    return bad_block(out.size(), "the reply ends before its REPLACE line", FailureKind::kCutOff);
  return out;
}

std::variant<std::string, Failure> apply_edits(std::string_view source,
                                               const std::vector<Edit>& edits) {
  const std::string plain = with_plain_lines(source);
  Lines lines;
  for (const std::string_view line : split_lines(plain)) lines.emplace_back(line);
  const Lines original = lines;
  for (size_t i = 0; i < edits.size(); ++i)
    if (std::optional<Failure> failure = apply(edits[i], i + 1, original, lines)) return *failure;
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

}  // namespace ballast::prompts
