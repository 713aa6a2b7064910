#include "corpus/split.h"

#include <algorithm>
#include <cassert>

#include "common/error.h"
#include "common/hash.h"

namespace ballast::corpus {
namespace {

// 52 bits of a SHA-256 as a number in [0, 1).
double unit_interval(const std::string& text) {
  const uint64_t bits = std::stoull(sha256_hex(text).substr(0, 13), nullptr, 16);
  return static_cast<double>(bits) * 0x1p-52;
}

double split_position(const std::string& domain, const std::string& unit,
                      const std::string& first_text) {
  return unit_interval("split\n" + domain + "\n" + unit + "\n" + first_text);
}

Split split_at(double position) {
  if (position < 0.025) return Split::kFinal;
  if (position < 0.05) return Split::kShadow;
  if (position < 0.1) return Split::kSelect;
  return Split::kTrain;
}

struct Unit {
  double position = 0;  // in [0, 1), by hash
  int64_t tokens = 0;
  Split split = Split::kTrain;
  std::vector<Document*> documents;
};

// Units in the order of their positions.
std::vector<Unit> units_of(DomainText& domain) {
  std::map<std::string, Unit> by_name;
  for (Document& document : domain.documents) {
    Unit& unit = by_name[document.unit];
    unit.documents.push_back(&document);
    unit.tokens += static_cast<int64_t>(document.text.size());
  }
  std::vector<Unit> units;
  for (auto& [name, unit] : by_name) {
    unit.position = split_position(domain.name, name, unit.documents.front()->text);
    unit.split = domain.final_only ? Split::kFinal : split_at(unit.position);
    units.push_back(std::move(unit));
  }
  std::stable_sort(units.begin(), units.end(),
                   [](const Unit& a, const Unit& b) { return a.position < b.position; });
  return units;
}

std::string kib(int64_t tokens) { return std::to_string(tokens / 1024) + " KiB"; }

void fill_small_splits(std::vector<Unit>& units, const std::string& domain, int64_t min_tokens) {
  std::map<Split, int64_t> sizes;
  for (const Unit& unit : units) sizes[unit.split] += unit.tokens;
  for (const Split split : {Split::kSelect, Split::kShadow, Split::kFinal}) {
    for (Unit& unit : units) {
      if (sizes[split] >= min_tokens) break;
      if (unit.split != Split::kTrain) continue;
      unit.split = split;
      sizes[split] += unit.tokens;
      sizes[Split::kTrain] -= unit.tokens;
    }
  }
  const int64_t total =
      sizes[Split::kTrain] + sizes[Split::kSelect] + sizes[Split::kShadow] + sizes[Split::kFinal];
  require(sizes[Split::kTrain] >= min_tokens && sizes[Split::kFinal] >= min_tokens,
          "domain '" + domain + "' has " + kib(total) + " of text in " +
              std::to_string(units.size()) + " documents: too little for four splits of at least " +
              kib(min_tokens) + " each; add text or make it a final-only domain");
}

}  // namespace

Split split_by_hash(const std::string& domain, const std::string& unit,
                    const std::string& first_text) {
  return split_at(split_position(domain, unit, first_text));
}

std::map<Split, std::vector<Document>> split_documents(DomainText domain, int64_t min_tokens) {
  std::sort(domain.documents.begin(), domain.documents.end(),
            [](const Document& a, const Document& b) { return a.name < b.name; });
  std::vector<Unit> units = units_of(domain);
  if (domain.final_only) {
    int64_t total = 0;
    for (const Unit& unit : units) total += unit.tokens;
    require(total >= min_tokens, "final-only domain '" + domain.name + "' has " + kib(total) +
                                     " of text; it needs at least " + kib(min_tokens));
  } else {
    fill_small_splits(units, domain.name, min_tokens);
  }
  std::map<const Document*, Split> split_of;
  for (const Unit& unit : units) {
    for (const Document* document : unit.documents) split_of[document] = unit.split;
  }
  std::map<Split, std::vector<Document>> splits;
  for (Document& document : domain.documents) {
    splits[split_of.at(&document)].push_back(std::move(document));
  }
  return splits;
}

void cap_documents(DomainText& domain, int64_t max_tokens) {
  std::map<std::string, int64_t> tokens;
  for (const Document& document : domain.documents) {
    tokens[document.unit] += static_cast<int64_t>(document.text.size());
  }
  std::vector<std::pair<double, std::string>> order;
  for (const auto& [unit, count] : tokens) {
    order.emplace_back(unit_interval("cap\n" + domain.name + "\n" + unit), unit);
  }
  std::sort(order.begin(), order.end());
  int64_t kept = 0;
  std::map<std::string, bool> keep;
  for (const auto& [position, unit] : order) {
    if (kept + tokens[unit] > max_tokens) continue;
    keep[unit] = true;
    kept += tokens[unit];
  }
  std::erase_if(domain.documents, [&](const Document& d) { return !keep.contains(d.unit); });
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
