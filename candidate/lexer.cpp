#include "candidate/lexer.h"

#include <algorithm>
#include <array>

#include "candidate/literal.h"

namespace ballast::candidate {
namespace {

// Longest first within a first character, so that the first match is the longest.
constexpr std::array<std::string_view, 47> kOperators = {
    "**=", "//=", ">>=", "<<=", "...", "**", "//", ">>", "<<", "<=", ">=", "==",
    "!=",  "->",  "+=",  "-=",  "*=",  "/=", "%=", "@=", "&=", "|=", "^=", ":=",
    "+",   "-",   "*",   "/",   "%",   "@",  "<",  ">",  "=",  "(",  ")",  "[",
    "]",   "{",   "}",   ",",   ":",   ".",  ";",  "&",  "|",  "^",  "~"};

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return starts_name(c) || is_digit(c); }

struct Bracket {
  char open;
  Position at;
};

class Lexer {
 public:
  Lexer(std::string_view source, const Limits& limits) : source_(source), limits_(limits) {}

  std::vector<Token> run() {
    if (source_.starts_with("\xEF\xBB\xBF")) index_ = 3;  // a byte order mark
    line_start_ = index_;
    while (index_ < source_.size()) {
      if (at_line_start_ && brackets_.empty()) {
        indentation();
        continue;
      }
      one();
    }
    if (!brackets_.empty())
      fail(brackets_.back().at, std::string("'") + brackets_.back().open + "' was never closed");
    if (!at_line_start_) push(Tok::kNewline, here(), {});
    for (; indents_.size() > 1; indents_.pop_back()) push(Tok::kDedent, here(), {});
    push(Tok::kEnd, here(), {});
    return std::move(tokens_);
  }

 private:
  char peek(size_t ahead = 0) const {
    return index_ + ahead < source_.size() ? source_[index_ + ahead] : '\0';
  }
  Position here() const { return {line_, column_of(index_)}; }
  int column_of(size_t index) const {
    const auto continuation = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
    const std::string_view before = source_.substr(line_start_, index - line_start_);
    return 1 + static_cast<int>(before.size()) -
           static_cast<int>(std::count_if(before.begin(), before.end(), continuation));
  }

  Token& push(Tok kind, Position at, std::string_view text) {
    Token token;
    token.kind = kind;
    token.at = at;
    token.text = text;
    tokens_.push_back(std::move(token));
    return tokens_.back();
  }

  // Steps over one line end at index_ ("\n", "\r\n" or "\r").
  void line_end() {
    if (peek() == '\r' && peek(1) == '\n') ++index_;
    ++index_;
    ++line_;
    line_start_ = index_;
  }

  void comment() {
    while (index_ < source_.size() && peek() != '\n' && peek() != '\r') ++index_;
  }

  // The blanks before a logical line, compared with the open blocks. Blank and comment lines do not
  // count. Tabs go to the next multiple of 8; as in Python the order of two indentations must not
  // depend on that number.
  void indentation() {
    int width = 0, narrow = 0;
    for (; index_ < source_.size(); ++index_) {
      const char c = peek();
      if (c == ' ') {
        ++width, ++narrow;
      } else if (c == '\t') {
        width = width / 8 * 8 + 8, ++narrow;
      } else if (c == '\f') {
        width = narrow = 0;
      } else {
        break;
      }
    }
    if (peek() == '#') comment();
    if (index_ >= source_.size()) return;
    if (peek() == '\n' || peek() == '\r') return line_end();
    at_line_start_ = false;
    const auto [open_width, open_narrow] = indents_.back();
    if ((width < open_width) != (narrow < open_narrow) ||
        (width > open_width) != (narrow > open_narrow))
      fail(here(), "indentation mixes tabs and spaces", "indent with spaces only");
    if (width > open_width) {
      if (static_cast<int>(indents_.size()) > limits_.nesting)
        fail(here(), "blocks are nested deeper than " + std::to_string(limits_.nesting));
      indents_.emplace_back(width, narrow);
      push(Tok::kIndent, here(), {});
      return;
    }
    for (; width < indents_.back().first; indents_.pop_back()) push(Tok::kDedent, here(), {});
    if (width != indents_.back().first)
      fail(here(), "this line's indentation matches no open block",
           "indent it as the block it belongs to");
  }

  // One token, or blanks, or a line end. REQUIRES: index_ < source_.size()
  void one() {
    const char c = peek();
    if (c == ' ' || c == '\t' || c == '\f') {
      ++index_;
    } else if (c == '#') {
      comment();
    } else if (c == '\n' || c == '\r') {
      if (brackets_.empty()) {
        push(Tok::kNewline, here(), {});
        at_line_start_ = true;
      }
      line_end();
    } else if (c == '\\') {
      const Position at = here();
      ++index_;
      if (peek() != '\n' && peek() != '\r') fail(at, "a backslash must end its line");
      line_end();
    } else if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
      number();
    } else if (c == '"' || c == '\'') {
      string("");
    } else if (starts_name(c)) {
      name();
    } else {
      op();
    }
  }

  void name() {
    const size_t start = index_;
    while (continues_name(peek())) ++index_;
    const std::string_view text = source_.substr(start, index_ - start);
    if ((peek() == '"' || peek() == '\'') && is_string_prefix(text)) {
      index_ = start + text.size();
      return string(text);
    }
    push(Tok::kName, {line_, column_of(start)}, text);
  }

  void number() {
    const size_t start = index_;
    const Position at = here();
    const Literal literal = read_number(source_.substr(start), at);
    index_ += literal.length;
    Token& token =
        push(literal.integral ? Tok::kInt : Tok::kFloat, at, source_.substr(start, literal.length));
    token.integer = literal.integer;
    token.number = literal.number;
  }

  void string(std::string_view prefix) {
    const size_t start = index_ - prefix.size();
    const Position at{line_, column_of(start)};
    check_string_prefix(prefix, at);
    const bool raw = prefix.find_first_of("rR") != std::string_view::npos;
    const char quote = peek();
    const bool triple = peek(1) == quote && peek(2) == quote;
    index_ += triple ? 3 : 1;
    std::string value;
    while (true) {
      if (index_ >= source_.size() || (!triple && (peek() == '\n' || peek() == '\r')))
        fail(at, "this string is never closed");
      if (peek() == quote && (!triple || (peek(1) == quote && peek(2) == quote))) break;
      if (peek() == '\n' || peek() == '\r') {
        line_end();
        value += '\n';
      } else if (peek() == '\\' && index_ + 1 < source_.size()) {
        escape(raw, value);
      } else {
        value += source_[index_++];
      }
    }
    index_ += triple ? 3 : 1;
    push(Tok::kString, at, source_.substr(start, index_ - start)).string = std::move(value);
  }

  // The escapes that occur in keyword strings; all others stay as written.
  void escape(bool raw, std::string& value) {
    const char c = peek(1);
    ++index_;
    if (c == '\n' || c == '\r') {
      if (raw) value += "\\\n";
      return line_end();
    }
    ++index_;
    if (raw) {
      value += {'\\', c};
    } else if (c == 'n') {
      value += '\n';
    } else if (c == 't') {
      value += '\t';
    } else if (c == '\\' || c == '\'' || c == '"') {
      value += c;
    } else {
      value += {'\\', c};
    }
  }

  void op() {
    const Position at = here();
    const std::string_view rest = source_.substr(index_);
    const auto found = std::find_if(kOperators.begin(), kOperators.end(),
                                    [&](std::string_view op) { return rest.starts_with(op); });
    if (found == kOperators.end()) fail_on_character(rest, at);
    index_ += found->size();
    push(Tok::kOp, at, rest.substr(0, found->size()));
    const char c = found->size() == 1 ? (*found)[0] : '\0';
    if (c == '(' || c == '[' || c == '{') {
      if (static_cast<int>(brackets_.size()) >= limits_.nesting)
        fail(at, "brackets are nested deeper than " + std::to_string(limits_.nesting));
      brackets_.push_back({c, at});
    } else if (c == ')' || c == ']' || c == '}') {
      close(c, at);
    }
  }

  void close(char c, Position at) {
    if (brackets_.empty()) fail(at, std::string("'") + c + "' closes nothing");
    const char open = brackets_.back().open;
    if ((open == '(') != (c == ')') || (open == '[') != (c == ']'))
      fail(at, std::string("'") + c + "' does not match '" + open + "' of line " +
                   std::to_string(brackets_.back().at.line));
    brackets_.pop_back();
  }

  std::string_view source_;
  Limits limits_;
  size_t index_ = 0, line_start_ = 0;
  int line_ = 1;
  bool at_line_start_ = true;
  std::vector<std::pair<int, int>> indents_{{0, 0}};  // width with tabs of 8, and with tabs of 1
  std::vector<Bracket> brackets_;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> lex(std::string_view source, const Limits& limits) {
  check_encoding(source);
  return Lexer(source, limits).run();
}

}  // namespace ballast::candidate
