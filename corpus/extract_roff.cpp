// Man pages to text, for extract.h: line by line, the macros that man pages of translations use.
#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <vector>

#include "corpus/extract.h"
#include "corpus/utf8.h"

namespace ballast::corpus {
namespace {

using std::string_view;

template <size_t N>
bool contains(const std::array<string_view, N>& list, string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// Special characters \(xx and \[xx]; unknown ones are dropped.
constexpr std::array<std::pair<string_view, string_view>, 34> kCharacters{{
    {"en", "–"}, {"em", "—"}, {"bu", "•"}, {"aq", "'"}, {"dq", "\""}, {"rs", "\\"}, {"at", "@"},
    {"co", "©"}, {"rg", "®"}, {"ha", "^"}, {"ti", "~"}, {"lq", "“"},  {"rq", "”"},  {"oq", "‘"},
    {"cq", "’"}, {"Bq", "„"}, {"Fo", "«"}, {"Fc", "»"}, {"fo", "‹"},  {"fc", "›"},  {"ga", "`"},
    {"hy", "-"}, {"mi", "-"}, {"mu", "×"}, {"pl", "+"}, {"eq", "="},  {"->", "→"},  {"<-", "←"},
    {"de", "°"}, {"ss", "ß"}, {":a", "ä"}, {":o", "ö"}, {":u", "ü"},  {"sq", "□"},
}};

string_view character(string_view name) {
  for (const auto& [key, value] : kCharacters) {
    if (key == name) return value;
  }
  return "";
}

// Names of strings: \*(Aq and the like.
string_view string_value(string_view name) {
  if (name == "Aq") return "'";
  if (name == "lq") return "“";
  if (name == "rq") return "”";
  if (name == "R") return "®";
  return "";
}

// The name after an escape letter at text[at]: x, (xx or [xxx]. Moves `at` behind it.
string_view escape_name(string_view text, size_t& at) {
  if (at >= text.size()) return "";
  if (text[at] == '(') {
    const string_view name = text.substr(at + 1, 2);
    at = std::min(text.size(), at + 3);
    return name;
  }
  if (text[at] == '[') {
    const size_t end = std::min(text.find(']', at), text.size());
    const string_view name = text.substr(at + 1, end - at - 1);
    at = std::min(text.size(), end + 1);
    return name;
  }
  return text.substr(at++, 1);
}

// Skips 'argument' after \h, \v, \w and their like.
void skip_argument(string_view text, size_t& at) {
  if (at >= text.size()) return;
  const size_t end = text.find(text[at], at + 1);
  at = end == string_view::npos ? text.size() : end + 1;
}

// Skips the size after \s: a sign, then one or two digits.
void skip_size(string_view text, size_t& at) {
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
  for (int i = 0; i < 2 && at < text.size() && std::isdigit(static_cast<unsigned char>(text[at]));
       ++i) {
    ++at;
  }
}

void append_character(std::string& out, string_view name) {
  if (name.size() > 4 && name[0] == 'u' &&
      name.find_first_not_of("0123456789ABCDEF", 1) == string_view::npos && name.size() <= 7) {
    append_utf8(out, static_cast<uint32_t>(std::stoul(std::string(name.substr(1)), nullptr, 16)));
  } else {
    out += character(name);
  }
}

// A line of text without its escapes.
std::string unescape(string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      out += text[at++];
      continue;
    }
    if (++at >= text.size()) break;
    const char c = text[at++];
    if (c == '"' || c == '#') break;  // a comment
    if (c == '-' || c == '\'' || c == '`' || c == '.') {
      out += c;
    } else if (c == 'e' || c == '\\') {
      out += '\\';
    } else if (c == ' ' || c == '~' || c == '0' || c == 't') {
      out += ' ';
    } else if (c == '(' || c == '[') {
      --at;
      append_character(out, escape_name(text, at));
    } else if (c == '*') {
      out += string_value(escape_name(text, at));
    } else if (c == 'f' || c == 'n' || c == 'm' || c == 'F' || c == 'k') {
      if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
      escape_name(text, at);
    } else if (c == 's') {
      skip_size(text, at);
    } else if (string_view("hvwlLoxbDXZNCAR").find(c) != string_view::npos) {
      skip_argument(text, at);
    }  // else \& \, \/ \| \^ \: \% \c \p \u \d \{ \}: nothing is printed
  }
  return out;
}

// The words of a macro's line; "a b" is one word.
std::vector<std::string> arguments(string_view line) {
  std::vector<std::string> words;
  for (size_t at = 0; at < line.size();) {
    if (line[at] == ' ' || line[at] == '\t') {
      ++at;
      continue;
    }
    std::string word;
    const bool quoted = line[at] == '"';
    if (quoted) ++at;
    while (at < line.size() && (quoted ? line[at] != '"' : line[at] != ' ' && line[at] != '\t')) {
      if (line[at] == '\\' && at + 1 < line.size()) {
        if (line[at + 1] == '"') return words;  // a comment
        word += line[at++];
      }
      word += line[at++];
    }
    if (quoted) ++at;
    words.push_back(std::move(word));
  }
  return words;
}

std::string join(const std::vector<std::string>& words, string_view space) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += space;
    text += words[i];
  }
  return text;
}

constexpr std::array<string_view, 10> kParagraphMacros{"PP", "P",  "LP", "TP", "TQ",
                                                       "HP", "sp", "Sp", "RS", "RE"};
constexpr std::array<string_view, 7> kBreakMacros{"br", "nf", "fi", "EX", "EE", "Vb", "Ve"};
constexpr std::array<string_view, 4> kFontMacros{"B", "I", "SM", "SB"};
constexpr std::array<string_view, 6> kAlternatingMacros{"BR", "RB", "BI", "IB", "IR", "RI"};

class RoffText {
 public:
  std::string run(string_view roff) {
    for (size_t at = 0; at < roff.size();) {
      const size_t end = std::min(roff.find('\n', at), roff.size());
      string_view line = roff.substr(at, end - at);
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      if (!add(line)) return "";
      at = end + 1;
    }
    return std::move(text_);
  }

 private:
  // false: this is no man page that we read.
  bool add(string_view line) {
    if (!skip_until_.empty()) {
      if (line.starts_with(skip_until_)) skip_until_ = {};
      return true;
    }
    if (depth_ > 0) {
      count_braces(line);
      return true;
    }
    if (line.empty()) {
      join_ = false;
      text_ += '\n';
    } else if (line[0] == '.' || line[0] == '\'') {
      return macro(line.substr(1));
    } else {
      print(unescape(line), false);
    }
    return true;
  }

  bool macro(string_view line) {
    while (!line.empty() && (line[0] == ' ' || line[0] == '\t')) line.remove_prefix(1);
    const size_t name_end = std::min(line.find_first_of(" \t\\"), line.size());
    const string_view name = line.substr(0, name_end), rest = line.substr(name_end);
    if (name == "Dd" || name == "Dt" || name == "Sh") return false;  // mdoc
    if (name == "TS") skip_until_ = ".TE";
    if (name == "EQ") skip_until_ = ".EN";
    if (name == "de" || name == "am" || name == "ig" || name == "de1") skip_until_ = "..";
    if (name == "if" || name == "ie" || name == "el" || name == "while") count_braces(rest);
    if (name == "nf" || name == "EX" || name == "Vb") fill_ = false;
    if (name == "fi" || name == "EE" || name == "Ve") fill_ = true;
    if (contains(kParagraphMacros, name)) break_text("\n\n");
    if (contains(kBreakMacros, name)) break_text("\n");
    if (name == "TP" || name == "TQ") tag_ = true;  // the next line stands alone
    if (name == "SH" || name == "SS") {
      break_text("\n\n");
      print(unescape(join(arguments(rest), " ")), false);
      if (!rest.empty()) text_ += '\n';
    } else if (name == "IP") {
      break_text("\n\n");
      const auto words = arguments(rest);
      if (!words.empty()) print(unescape(words[0]), false);
    } else if (contains(kFontMacros, name)) {
      print(unescape(join(arguments(rest), " ")), true);
    } else if (contains(kAlternatingMacros, name)) {
      print(unescape(join(arguments(rest), "")), true);
    }
    return true;
  }

  // Text in a font macro (`inline_text`) is part of the sentence around it: it is joined to the
  // lines before and after it, unless lines are kept as they are (.nf) or it is a paragraph's tag.
  void print(const std::string& line, bool inline_text) {
    if (line.empty()) return;
    const bool alone = !fill_ || tag_;
    const bool after_text = text_.size() >= 2 && text_.ends_with('\n') && !text_.ends_with("\n\n");
    if (!alone && after_text && (join_ || (inline_text && !after_break_))) text_.back() = ' ';
    text_ += line;
    text_ += '\n';
    join_ = inline_text && !alone;
    tag_ = after_break_ = false;
  }

  void break_text(string_view newlines) {
    text_ += newlines == "\n" && text_.ends_with('\n') ? "" : newlines;
    join_ = false;
    after_break_ = true;
  }

  void count_braces(string_view line) {
    for (size_t i = 0; i + 1 < line.size(); ++i) {
      if (line[i] != '\\') continue;
      if (line[i + 1] == '{') ++depth_;
      if (line[i + 1] == '}' && depth_ > 0) --depth_;
      ++i;
    }
  }

  std::string text_;
  string_view skip_until_;
  bool fill_ = true;          // false between .nf and .fi
  bool tag_ = false;          // the next line is the tag of .TP
  bool join_ = false;         // the last line was in a font macro
  bool after_break_ = false;  // nothing was printed since the last break
  int depth_ = 0;             // of conditional blocks, which are all skipped
};

}  // namespace

std::string strip_roff(string_view roff) { return RoffText().run(roff); }

}  // namespace ballast::corpus
