#include "trainer/word_piece.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <utility>

#include "common/error.h"

namespace ballast::trainer {
namespace {

constexpr size_t kLongestWord = 100;     // characters
constexpr size_t kMostTokens = 1 << 20;  // of a vocabulary
constexpr char32_t kReplacement = 0xFFFD;

struct Pair {
  char32_t a, b;
};
#define FOLDED(from, to) Pair{from, to},
#define PUNCTUATION(first, last)
#define MARK(first, last)
#define FORMAT(first, last)
constexpr auto kFolded = std::to_array<Pair>({
#include "trainer/unicode.def"
});
#undef FOLDED
#undef PUNCTUATION
#define FOLDED(from, to)
#define PUNCTUATION(first, last) Pair{first, last},
constexpr auto kPunctuation = std::to_array<Pair>({
#include "trainer/unicode.def"
});
#undef PUNCTUATION
#undef MARK
#define PUNCTUATION(first, last)
#define MARK(first, last) Pair{first, last},
constexpr auto kMarks = std::to_array<Pair>({
#include "trainer/unicode.def"
});
#undef MARK
#undef FORMAT
#define MARK(first, last)
#define FORMAT(first, last) Pair{first, last},
constexpr auto kFormat = std::to_array<Pair>({
#include "trainer/unicode.def"
});

constexpr auto kIdeographs = std::to_array<Pair>({{0x3400, 0x4DBF},
                                                  {0x4E00, 0x9FFF},
                                                  {0xF900, 0xFAFF},
                                                  {0x20000, 0x2A6DF},
                                                  {0x2A700, 0x2CEAF},
                                                  {0x2F800, 0x2FA1F}});

// REQUIRES: `ranges` in ascending order.
template <size_t N>
bool in(const std::array<Pair, N>& ranges, char32_t c) {
  const auto it = std::ranges::lower_bound(ranges, c, {}, &Pair::b);
  return it != ranges.end() && it->a <= c;
}

char32_t folded(char32_t c) {
  if (c >= 'A' && c <= 'Z') return c + ('a' - 'A');
  if (c < 0x80) return c;
  const auto it = std::ranges::lower_bound(kFolded, c, {}, &Pair::a);
  return it != kFolded.end() && it->a == c ? it->b : c;
}

bool is_space(char32_t c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_left_out(char32_t c) {
  return c < 0x20 || c == 0x7F || c == kReplacement || in(kFormat, c) || in(kMarks, c);
}

bool stands_alone(char32_t c) {
  const bool ascii = (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
                     (c >= '{' && c <= '~');
  return ascii || in(kPunctuation, c) || in(kIdeographs, c);
}

// Takes one character off the front; U+FFFD, and one byte, where it is not UTF-8.
char32_t take(std::string_view& text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80   ? 1
                        : first < 0xC2 ? 0
                        : first < 0xE0 ? 2
                        : first < 0xF0 ? 3
                        : first < 0xF5 ? 4
                                       : 0;
  char32_t c = length < 2 ? first : first & (0x7Fu >> length);
  bool good = length > 0 && length <= text.size();
  for (size_t i = 1; good && i < length; ++i) {
    good = (byte(i) & 0xC0) == 0x80;
    c = c << 6 | (byte(i) & 0x3F);
  }
  constexpr std::array<char32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
  good = good && c >= kLeast[length] && c <= 0x10FFFF && !(c >= 0xD800 && c <= 0xDFFF);
  text.remove_prefix(good ? length : 1);
  return good ? c : kReplacement;
}

void append(std::string& out, char32_t c) {
  const auto put = [&](char32_t bits) {
    out += static_cast<char>(static_cast<unsigned char>(bits));
  };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

}  // namespace

std::vector<std::string> basic_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::exchange(word, {}));
  };
  while (!text.empty()) {
    const char32_t c = folded(take(text));
    if (is_space(c)) {
      end_word();
    } else if (is_left_out(c)) {
      continue;
    } else if (stands_alone(c)) {
      end_word();
      append(word, c);
      end_word();
    } else {
      append(word, c);
    }
  }
  end_word();
  return words;
}

WordPiece::WordPiece(const std::filesystem::path& vocabulary) {
  const std::string what = "the vocabulary " + vocabulary.string();
  std::ifstream in(vocabulary, std::ios::binary);
  require(in.good(), "cannot read " + what);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const auto id = static_cast<int64_t>(ids_.size());
    require(ids_.size() < kMostTokens, what + " has more than a million lines");
    require(!line.empty() && ids_.emplace(line, id).second,
            what + ", line " + std::to_string(id + 1) + ": empty, or the same token as before");
  }
  const auto special = [&](const std::string& name) {
    const auto it = ids_.find(name);
    require(it != ids_.end(), what + " lacks the token " + name + ": it is not one of BERT's");
    return it->second;
  };
  unknown_ = special("[UNK]");
  start_ = special("[CLS]");
  end_ = special("[SEP]");
}

void WordPiece::add_word(const std::string& word, std::vector<int64_t>& out) const {
  const size_t before = out.size();
  bool found = static_cast<size_t>(std::ranges::count_if(word, begins_character)) <= kLongestWord;
  for (size_t at = 0; found && at < word.size();) {
    const std::string prefix = at == 0 ? "" : "##";
    size_t length = word.size() - at;
    auto piece = ids_.end();
    for (; length > 0; --length) {
      if (at + length < word.size() && !begins_character(word[at + length])) continue;
      piece = ids_.find(prefix + word.substr(at, length));
      if (piece != ids_.end()) break;
    }
    found = piece != ids_.end();
    if (found) out.push_back(piece->second);
    at += length;
  }
  if (found) return;
  out.resize(before);
  out.push_back(unknown_);
}

std::vector<int64_t> WordPiece::ids(std::string_view text) const {
  std::vector<int64_t> out;
  for (const std::string& word : basic_words(text)) add_word(word, out);
  return out;
}

}  // namespace ballast::trainer
