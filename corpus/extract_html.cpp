// HTML to text, for extract.h: one pass, no tree. Also the table of entities.
#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "corpus/extract.h"
#include "corpus/utf8.h"

namespace ballast::corpus {
namespace {

using std::string_view;

constexpr std::array<std::pair<string_view, uint32_t>, 58> kEntities{{
    {"amp", '&'},      {"lt", '<'},       {"gt", '>'},       {"quot", '"'},      {"apos", '\''},
    {"nbsp", ' '},     {"copy", 0xa9},    {"reg", 0xae},     {"hellip", 0x2026}, {"mdash", 0x2014},
    {"ndash", 0x2013}, {"lsquo", 0x2018}, {"rsquo", 0x2019}, {"ldquo", 0x201c},  {"rdquo", 0x201d},
    {"bdquo", 0x201e}, {"laquo", 0xab},   {"raquo", 0xbb},   {"bull", 0x2022},   {"middot", 0xb7},
    {"times", 0xd7},   {"deg", 0xb0},     {"sect", 0xa7},    {"para", 0xb6},     {"pound", 0xa3},
    {"euro", 0x20ac},  {"cent", 0xa2},    {"trade", 0x2122}, {"agrave", 0xe0},   {"aacute", 0xe1},
    {"acirc", 0xe2},   {"auml", 0xe4},    {"aring", 0xe5},   {"aelig", 0xe6},    {"ccedil", 0xe7},
    {"egrave", 0xe8},  {"eacute", 0xe9},  {"ecirc", 0xea},   {"euml", 0xeb},     {"iacute", 0xed},
    {"icirc", 0xee},   {"iuml", 0xef},    {"ntilde", 0xf1},  {"oacute", 0xf3},   {"ocirc", 0xf4},
    {"ouml", 0xf6},    {"uacute", 0xfa},  {"ugrave", 0xf9},  {"ucirc", 0xfb},    {"uuml", 0xfc},
    {"szlig", 0xdf},   {"Eacute", 0xc9},  {"Agrave", 0xc0},  {"Auml", 0xc4},     {"Ouml", 0xd6},
    {"Uuml", 0xdc},    {"larr", 0x2190},  {"rarr", 0x2192},
}};

constexpr std::array<string_view, 18> kParagraphs{
    "p",  "div", "h1", "h2",  "h3",    "h4",         "h5",      "h6",   "ul",
    "ol", "dl",  "hr", "pre", "table", "blockquote", "section", "body", "title"};
constexpr std::array<string_view, 5> kLines{"br", "li", "tr", "dt", "dd"};
constexpr std::array<string_view, 3> kDropped{"head", "script", "style"};

template <size_t N>
bool has_word(const std::array<string_view, N>& list, string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string lower(string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Decodes the entity at html[at] == '&' into `code`; returns its length, 0 when it is none.
size_t decode_entity(string_view html, size_t at, uint32_t& code) {
  const size_t end = html.find(';', at);
  if (end == string_view::npos || end - at > 10 || end - at < 2) return 0;
  const string_view body = html.substr(at + 1, end - at - 1);
  if (body[0] == '#') {
    const bool hex = body.size() > 1 && (body[1] == 'x' || body[1] == 'X');
    code = 0;
    for (const char c : body.substr(hex ? 2 : 1)) {
      const auto byte = static_cast<unsigned char>(c);
      if (hex ? !std::isxdigit(byte) : !std::isdigit(byte)) return 0;
      const int digit = std::isdigit(byte) ? c - '0' : std::tolower(byte) - 'a' + 10;
      code = code * (hex ? 16 : 10) + static_cast<uint32_t>(digit);
    }
    if (code == 0xa0) code = ' ';
    return end - at + 1;
  }
  for (const auto& [name, value] : kEntities) {
    if (name == body) {
      code = value;
      return end - at + 1;
    }
  }
  return 0;
}

class HtmlText {
 public:
  explicit HtmlText(string_view html) : html_(html) {}

  std::string run() {
    while (at_ < html_.size()) {
      if (html_[at_] == '<') {
        tag();
      } else if (html_[at_] == '&') {
        entity();
      } else {
        add(html_[at_++]);
      }
    }
    return std::move(text_);
  }

 private:
  void entity() {
    uint32_t code = 0;
    const size_t length = decode_entity(html_, at_, code);
    if (length == 0 || code < ' ') {
      at_ += std::max<size_t>(length, 1);
      if (length == 0) text_ += '&';
      return;
    }
    if (code == ' ') {
      add(' ');
    } else {
      append_utf8(text_, code);
    }
    at_ += length;
  }

  void add(char c) {
    if (pre_ > 0 || !std::isspace(static_cast<unsigned char>(c))) {
      text_ += c;
    } else if (!text_.empty() && text_.back() != ' ' && text_.back() != '\n') {
      text_ += ' ';
    }
  }

  void break_line(size_t newlines) {
    while (!text_.empty() && text_.back() == ' ') text_.pop_back();
    size_t have = 0;
    while (have < text_.size() && have < newlines && text_[text_.size() - 1 - have] == '\n') ++have;
    if (!text_.empty()) text_.append(newlines - have, '\n');
  }

  void tag() {
    if (html_.substr(at_).starts_with("<!--")) return skip_past("-->");
    size_t name_at = at_ + 1;
    const bool closing = name_at < html_.size() && html_[name_at] == '/';
    if (closing) ++name_at;
    size_t name_end = name_at;
    while (name_end < html_.size() && std::isalnum(static_cast<unsigned char>(html_[name_end]))) {
      ++name_end;
    }
    if (name_end == name_at && !html_.substr(at_).starts_with("<!") &&
        !html_.substr(at_).starts_with("<?")) {
      add(html_[at_++]);  // a bare "<"
      return;
    }
    const std::string name = lower(html_.substr(name_at, name_end - name_at));
    skip_past(">");
    const bool empty_element = html_[at_ - 1] == '>' && at_ >= 2 && html_[at_ - 2] == '/';
    if (!closing && !empty_element && has_word(kDropped, name)) {
      const std::string end = std::string("</").append(name);
      while (at_ < html_.size() && lower(html_.substr(at_, end.size())) != end) ++at_;
      return skip_past(">");
    }
    if (has_word(kParagraphs, name)) break_line(2);
    if (has_word(kLines, name)) break_line(1);
    if (name == "td" || name == "th") add(' ');
    if (name == "pre" && !empty_element) pre_ = std::max(0, pre_ + (closing ? -1 : 1));
  }

  void skip_past(string_view end) {
    const size_t found = html_.find(end, at_);
    at_ = found == string_view::npos ? html_.size() : found + end.size();
  }

  string_view html_;
  size_t at_ = 0;
  int pre_ = 0;
  std::string text_;
};

}  // namespace

std::string strip_html(string_view html) { return HtmlText(html).run(); }

}  // namespace ballast::corpus
