// Drops what was seen before: repeated text makes held-out scores too good.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

namespace ballast::corpus {

// One object sees all domains of a corpus, so that a paragraph stays only where it came first.
class Dedup {
 public:
  // Shorter ones (headings, braces) may repeat.
  static constexpr size_t kShortest = 40;  // bytes

  // `text` without the paragraphs (parts between empty lines) seen before, in this text or
  // another one, up to white space at both ends. A short one right before a dropped one goes with
  // it: it was its heading.
  std::string filter(std::string_view text);

  // Whether this very text was not seen before.
  bool add(std::string_view text);

 private:
  std::unordered_set<uint64_t> seen_;  // hashes: 64 bits are enough for millions of paragraphs
};

}  // namespace ballast::corpus
