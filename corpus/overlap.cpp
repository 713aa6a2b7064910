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
  std::vector<uint64_t> windows;  // of held_out, repeated ones as often as they occur
  for (const Document& document : held_out) {
    each_window(document.text, [&](uint64_t hash) { windows.push_back(hash); });
  }
  if (windows.empty()) return 0;
  std::sort(windows.begin(), windows.end());
  // A bit per low hash bits tells most windows of train apart without a search.
  constexpr uint64_t kMask = (1 << 24) - 1;
  std::vector<bool> maybe(kMask + 1);
  for (const uint64_t hash : windows) maybe[(hash >> 32) & kMask] = true;
  std::vector<bool> found(windows.size());
  for (const Document& document : train) {
    each_window(document.text, [&](uint64_t hash) {
      if (!maybe[(hash >> 32) & kMask]) return;
      const auto it = std::lower_bound(windows.begin(), windows.end(), hash);
      for (auto same = it; same != windows.end() && *same == hash; ++same) {
        const auto index = static_cast<size_t>(same - windows.begin());
        if (found[index]) break;
        found[index] = true;
      }
    });
  }
  const auto count = std::count(found.begin(), found.end(), true);
  return count * 1'000'000 / static_cast<int64_t>(windows.size());
}

}  // namespace ballast::corpus
