#include "corpus/split.h"

#include <algorithm>
#include <cassert>
#include <set>
#include <tuple>
#include <utility>

#include "common/error.h"
#include "common/hash.h"

namespace ballast::corpus {
namespace {

// 52 bits of a SHA-256 as a number in [0, 1).
double unit_interval(const std::string& text) {
  const uint64_t bits = std::stoull(sha256_hex(text).substr(0, 13), nullptr, 16);
  return static_cast<double>(bits) * 0x1p-52;
}

double split_position(const std::string& domain, const Document& document) {
  return unit_interval("split\n" + domain + "\n" + document.name + "\n" + document.text);
}

Split split_at(double position) {
  if (position < 0.025) return Split::kFinal;
  if (position < 0.05) return Split::kShadow;
  if (position < 0.1) return Split::kSelect;
  return Split::kTrain;
}

struct Placed {
  double position = 0;  // in [0, 1), by hash
  Split split = Split::kTrain;
  Document document;
  int64_t tokens() const { return static_cast<int64_t>(document.text.size()); }
};

std::string kib(int64_t tokens) { return std::to_string(tokens / 1024) + " KiB"; }

// `placed` is in the order of positions.
void fill_small_splits(std::vector<Placed>& placed, const std::string& domain, int64_t min_tokens) {
  std::map<Split, int64_t> sizes;
  int64_t total = 0;
  for (const Placed& p : placed) {
    sizes[p.split] += p.tokens();
    total += p.tokens();
  }
  for (const Split split : {Split::kSelect, Split::kShadow, Split::kFinal}) {
    for (Placed& p : placed) {
      if (sizes[split] >= min_tokens) break;
      if (p.split != Split::kTrain) continue;
      p.split = split;
      sizes[split] += p.tokens();
      sizes[Split::kTrain] -= p.tokens();
    }
  }
  require(sizes[Split::kTrain] >= min_tokens && sizes[Split::kFinal] >= min_tokens,
          "domain '" + domain + "' has " + kib(total) + " of text in " +
              std::to_string(placed.size()) +
              " documents: too little for four splits of at least " + kib(min_tokens) +
              " each; add text or make it a final-only domain");
}

}  // namespace

Split split_by_hash(const std::string& domain, const Document& document) {
  return split_at(split_position(domain, document));
}

std::map<Split, std::vector<Document>> split_documents(DomainText domain, int64_t min_tokens) {
  std::vector<Placed> placed;
  int64_t total = 0;
  for (Document& document : domain.documents) {
    const double position = split_position(domain.name, document);
    const Split split = domain.final_only ? Split::kFinal : split_at(position);
    placed.push_back({position, split, std::move(document)});
    total += placed.back().tokens();
  }
  std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return std::tie(a.position, a.document.name) < std::tie(b.position, b.document.name);
  });
  if (domain.final_only) {
    require(total >= min_tokens, "final-only domain '" + domain.name + "' has " + kib(total) +
                                     " of text; it needs at least " + kib(min_tokens));
  } else {
    fill_small_splits(placed, domain.name, min_tokens);
  }
  std::sort(placed.begin(), placed.end(),
            [](const Placed& a, const Placed& b) { return a.document.name < b.document.name; });
  std::map<Split, std::vector<Document>> splits;
  for (Placed& p : placed) splits[p.split].push_back(std::move(p.document));
  return splits;
}

void cap_documents(DomainText& domain, int64_t max_tokens) {
  std::vector<std::pair<double, const Document*>> order;
  for (const Document& document : domain.documents) {
    order.emplace_back(unit_interval("cap\n" + domain.name + "\n" + document.name), &document);
  }
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first, a.second->name) < std::tie(b.first, b.second->name);
  });
  int64_t kept = 0;
  std::set<std::string> keep;
  for (const auto& [position, document] : order) {
    const auto tokens = static_cast<int64_t>(document->text.size());
    if (kept + tokens > max_tokens) continue;
    keep.insert(document->name);
    kept += tokens;
  }
  std::erase_if(domain.documents, [&](const Document& d) { return !keep.contains(d.name); });
}

std::vector<std::string> cut_text(const std::string& text, size_t max_bytes) {
  assert(max_bytes >= 8);
  std::vector<std::string> pieces;
  size_t begin = 0;
  while (text.size() - begin > max_bytes) {
    const size_t limit = begin + max_bytes;
    size_t end = text.rfind("\n\n", limit - 2);
    if (end != std::string::npos && end > begin + max_bytes / 2) {
      end += 2;
    } else if (end = text.rfind('\n', limit - 1); end != std::string::npos && end > begin) {
      end += 1;
    } else {
      end = limit;
      while (end > begin + 1 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    }
    pieces.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  if (begin < text.size()) pieces.push_back(text.substr(begin));
  return pieces;
}

}  // namespace ballast::corpus
