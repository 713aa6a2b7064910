#include "candidate/names.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "candidate/lower.h"

namespace ballast::candidate {
namespace {

constexpr uint8_t T = kTorch, M = kMethod, F = kFunctional, P = kBuiltin, H = kMath;

std::vector<SignatureParameter> read_signature(std::string_view text) {
  std::vector<SignatureParameter> out;
  bool keyword_only = false;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(", "), text.size());
    std::string_view item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 2, text.size()));
    if (item == "*") {
      keyword_only = true;
      continue;
    }
    SignatureParameter parameter;
    parameter.rest = item.starts_with('*');
    if (parameter.rest) item.remove_prefix(1);
    const size_t equals = std::min(item.find('='), item.size());
    parameter.name = item.substr(0, equals);
    parameter.fallback = item.substr(std::min(equals + 1, item.size()));
    parameter.keyword_only = keyword_only;
    out.push_back(parameter);
    if (parameter.rest) keyword_only = true;
  }
  return out;
}

NameRow make_row(uint8_t spaces, std::string_view name, std::string_view signature, Effect effect,
                 Lower lower, Op op) {
  return {spaces, name, signature, effect, lower, op, read_signature(signature), 0};
}

std::vector<NameRow> make_rows() {
  std::vector<NameRow> rows;
  size_t section = SIZE_MAX;  // of the row that is being added
#define SECTION(title, shape) ++section;
#define NAME(spaces, name, signature, effect, function)                                  \
  rows.push_back(                                                                        \
      make_row(spaces, name, signature, Effect::effect, lower_##function, Op::kNumber)); \
  rows.back().section = section;
#define NODE(spaces, name, signature, effect, op)                                           \
  rows.push_back(make_row(spaces, name, signature, Effect::effect, lower_node, Op::k##op)); \
  rows.back().section = section;
#include "candidate/names.def"
  return rows;
}

std::vector<NameSection> make_sections() {
  std::vector<NameSection> sections;
#define SECTION(title, shape) sections.push_back({title, shape});
#define NAME(spaces, name, signature, effect, function)
#define NODE(spaces, name, signature, effect, op)
#include "candidate/names.def"
  return sections;
}

using Index = std::unordered_map<std::string_view, std::vector<const NameRow*>>;

const Index& index() {
  static const Index kIndex = [] {
    Index out;
    for (const NameRow& row : source_names()) out[row.name].push_back(&row);
    return out;
  }();
  return kIndex;
}

}  // namespace

const std::vector<NameRow>& source_names() {
  static const std::vector<NameRow> kRows = make_rows();
  return kRows;
}

const std::vector<NameSection>& name_sections() {
  static const std::vector<NameSection> kSections = make_sections();
  return kSections;
}

const NameRow* find_name(Space space, std::string_view name) {
  const auto found = index().find(name);
  if (found == index().end()) return nullptr;
  for (const NameRow* row : found->second)
    if ((row->spaces & space) != 0) return row;
  return nullptr;
}

std::vector<std::string_view> nearest(std::string_view name,
                                      const std::vector<std::string_view>& known) {
  constexpr size_t kLongest = 40;
  std::vector<std::pair<size_t, std::string_view>> found;
  for (const std::string_view other : known) {
    if (name.size() > kLongest || other.size() > kLongest) continue;
    // Levenshtein's distance, row by row.
    std::array<size_t, kLongest + 1> row{};
    for (size_t j = 0; j <= other.size(); ++j) row[j] = j;
    for (size_t i = 1; i <= name.size(); ++i) {
      size_t diagonal = std::exchange(row[0], i);
      for (size_t j = 1; j <= other.size(); ++j) {
        const size_t replaced = diagonal + (name[i - 1] == other[j - 1] ? 0 : 1);
        diagonal = std::exchange(row[j], std::min({replaced, row[j] + 1, row[j - 1] + 1}));
      }
    }
    const size_t distance = row[other.size()];
    const bool contained = name.size() >= 3 && other.find(name) != std::string_view::npos;
    if (distance <= std::max<size_t>(1, name.size() / 3) || contained)
      found.emplace_back(distance, other);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string_view> out;
  for (const auto& [distance, other] : found)
    if (out.size() < 3 && std::find(out.begin(), out.end(), other) == out.end())
      out.push_back(other);
  return out;
}

}  // namespace ballast::candidate
