// The tokenizer of uncased BERT models: text to ids of a vocabulary.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ballast::trainer {

// What BERT's basic tokenizer makes of a text: lower-case words without accents, each punctuation
// mark and each ideograph a word of its own; control characters and what is not UTF-8 are left out.
// Accents go from Latin, Greek and Cyrillic letters and wherever they are characters of their own.
std::vector<std::string> basic_words(std::string_view text);

class WordPiece {
 public:
  // One token a line; its number is its id. Throws Error naming the file and what is wrong with it.
  explicit WordPiece(const std::filesystem::path& vocabulary);

  // Without [CLS] and [SEP]. Each word becomes the longest piece that the vocabulary has, then
  // again what is left of it ("##..."); [UNK] where that leads nowhere, and for words of more than
  // 100 characters. A "[SEP]" in the text is text.
  std::vector<int64_t> ids(std::string_view text) const;

  int64_t size() const { return static_cast<int64_t>(ids_.size()); }
  int64_t start() const { return start_; }  // [CLS]
  int64_t end() const { return end_; }      // [SEP]

 private:
  void add_word(const std::string& word, std::vector<int64_t>& out) const;

  std::unordered_map<std::string, int64_t> ids_;
  int64_t unknown_ = 0, start_ = 0, end_ = 0;
};

}  // namespace ballast::trainer
