#include "corpus/overlap.h"

#include <algorithm>
#include <string>

namespace ballast::corpus {
namespace {

constexpr uint64_t kBase = 0x9e3779b97f4a7c15ull;  // odd: the polynomial hash is modulo 2^64

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t'; }

std::string squeeze(const std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (!is_space(c)) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

// Calls visit(hash) for every window of `text`.
template <class Visit>
void each_window(const std::string& text, Visit visit) {
  const std::string squeezed = squeeze(text);
  uint64_t power = 1;
  for (size_t i = 0; i < kOverlapWindow; ++i) power *= kBase;
  uint64_t hash = 0;
  for (size_t i = 0; i < squeezed.size(); ++i) {
    hash = hash * kBase + static_cast<unsigned char>(squeezed[i]) + 1;
    if (i >= kOverlapWindow) {
      hash -= power * (static_cast<unsigned char>(squeezed[i - kOverlapWindow]) + 1ull);
    }
    if (i + 1 < kOverlapWindow) continue;
    visit(hash);
  }
}

}  // namespace

int64_t overlap_ppm(const std::vector<Document>& train, const std::vector<Document>& held_out) {
  std::vector<uint64_t> known;
  for (const Document& document : train) {
    each_window(document.text, [&](uint64_t hash) { known.push_back(hash); });
  }
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  int64_t windows = 0, found = 0;
  for (const Document& document : held_out) {
    each_window(document.text, [&](uint64_t hash) {
      ++windows;
      if (std::binary_search(known.begin(), known.end(), hash)) ++found;
    });
  }
  return windows == 0 ? 0 : found * 1'000'000 / windows;
}

}  // namespace ballast::corpus
