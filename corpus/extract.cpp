#include "corpus/extract.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "corpus/utf8.h"

namespace ballast::corpus {
namespace {

using std::string_view;

constexpr size_t kHeadLines = 100;     // where licences are looked for
constexpr size_t kLongestLine = 2000;  // bytes, of source that a person wrote
constexpr double kMostDigits = 0.3;

std::vector<string_view> lines_of(string_view text) {
  std::vector<string_view> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

bool mentions_licence(string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  constexpr std::array<string_view, 6> kWords{"copyright", "licence",    "license",
                                              "(c)",       "all rights", "permission to"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](string_view word) { return lower.find(word) != std::string::npos; });
}

string_view trim_left(string_view line) {
  const size_t first = line.find_first_not_of(" \t");
  return first == string_view::npos ? string_view() : line.substr(first);
}

// The line behind the comment that starts at lines[first]; `first` when none starts there.
size_t comment_end(const std::vector<string_view>& lines, size_t first, string_view line_comment) {
  size_t end = first;
  if (line_comment == "//" && trim_left(lines[first]).starts_with("/*")) {
    while (end < lines.size() && lines[end].find("*/") == string_view::npos) ++end;
    return std::min(end + 1, lines.size());
  }
  while (end < lines.size() && trim_left(lines[end]).starts_with(line_comment)) ++end;
  return end;
}

bool invisible(uint32_t code) {
  return code == 0xad || (code >= 0x200b && code <= 0x200f) || code == 0xfeff || code == 0x2028 ||
         (code >= 0x80 && code <= 0x9f) || code == 0x7f ||
         (code < ' ' && code != '\n' && code != '\t');
}

}  // namespace

std::string strip_licence_head(string_view source, string_view line_comment) {
  const std::vector<string_view> lines = lines_of(source);
  std::string text;
  for (size_t i = 0; i < lines.size();) {
    const size_t end = i < kHeadLines ? comment_end(lines, i, line_comment) : i;
    if (end > i) {
      const auto begin_of = lines[i].data();
      const string_view comment(
          begin_of, static_cast<size_t>(lines[end - 1].data() - begin_of) + lines[end - 1].size());
      if (!mentions_licence(comment)) text.append(comment).append("\n");
      i = end;
    } else {
      text.append(lines[i++]).append("\n");
    }
  }
  return text;
}

std::string strip_metamath_proofs(string_view database) {
  std::string text;
  size_t at = 0;
  while (true) {
    const size_t start = database.find("$=", at), end = database.find("$.", start);
    if (start == string_view::npos || end == string_view::npos) break;
    const size_t labels_end = database.find(" )", start);
    const size_t keep = labels_end < end ? labels_end + 2 : start + 2;
    text.append(database.substr(at, keep - at)).append(" ");
    at = end;
  }
  return text.append(database.substr(at));
}

std::string fasta_letters(string_view fasta) {
  std::string letters;
  for (const string_view line : lines_of(fasta)) {
    if (line.starts_with('>') || line.starts_with(';')) continue;
    for (const char c : line) {
      const char base = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      if (base == 'A' || base == 'C' || base == 'G' || base == 'T') letters += base;
    }
  }
  return letters;
}

std::optional<std::string> normalise(string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto end_line = [&out] {
    while (!out.empty() && (out.back() == ' ' || out.back() == '\t')) out.pop_back();
    const bool blank_before = out.size() >= 2 && out.ends_with("\n\n");
    if (!out.empty() && !blank_before) out += '\n';
  };
  for (size_t at = 0; at < text.size();) {
    uint32_t code = 0;
    const size_t length = decode_utf8(text, at, code);
    if (length == 0) return std::nullopt;
    const bool carriage_return = code == '\r' && at + 1 < text.size() && text[at + 1] == '\n';
    if (code == '\n' || (code == '\r' && !carriage_return)) {
      end_line();
    } else if (code == 0xa0) {
      out += ' ';
    } else if (!invisible(code)) {
      out.append(text.substr(at, length));
    }
    at += length;
  }
  end_line();
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

double non_ascii_share(string_view text) {
  const auto count = std::count_if(text.begin(), text.end(),
                                   [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  return text.empty() ? 0 : static_cast<double>(count) / static_cast<double>(text.size());
}

bool looks_generated(string_view source) {
  const auto digits =
      std::count_if(source.begin(), source.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (static_cast<double>(digits) > kMostDigits * static_cast<double>(source.size())) return true;
  const auto lines = lines_of(source);
  return std::any_of(lines.begin(), lines.end(),
                     [](string_view line) { return line.size() > kLongestLine; });
}

}  // namespace ballast::corpus
