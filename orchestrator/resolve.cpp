#include "orchestrator/resolve.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "common/error.h"
#include "orchestrator/leaderboard.h"

namespace ballast::orchestrator {
namespace {

constexpr size_t kLeastDigits = 6;

[[noreturn]] void refuse(std::string_view id, const std::string& why) {
  throw Error("\"" + std::string(id) + "\" " + why, ExitCode::kUsage);
}

bool is_hex(std::string_view text) {
  return text.size() <= 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string by_rank(const population::Reader& archive, std::string_view id) {
  int64_t rank = 0;
  const auto [end, error] = std::from_chars(id.data() + 1, id.data() + id.size(), rank);
  if (error != std::errc() || end != id.data() + id.size() || rank < 1) {
    refuse(id, "is no rank: @1 is the best candidate of `ballast top`");
  }
  const std::vector<Ranked> rows = ranked(archive.leaderboard());
  for (const Ranked& row : rows) {
    if (row.rank == rank) return row.row.identity;
  }
  refuse(id, "is beyond the leaderboard, which has " +
                 std::to_string(rows.empty() ? 0 : rows.back().rank) + " candidates");
}

std::string only(const std::vector<std::string>& found, std::string_view id) {
  if (found.size() == 1) return found.front();
  std::string list;
  for (size_t i = 0; i < std::min<size_t>(found.size(), 5); ++i) {
    list += (i == 0 ? "" : ", ") + found[i].substr(0, std::max<size_t>(id.size() + 4, 16));
  }
  refuse(id, "fits " + std::to_string(found.size()) + " candidates (" + list +
                 (found.size() > 5 ? ", ..." : "") + "): give more digits");
}

}  // namespace

bool looks_like_id(std::string_view text) {
  return text.starts_with('@') || (text.size() >= kLeastDigits && is_hex(text));
}

std::string resolve_id(const population::Reader& archive, std::string_view id) {
  if (id.starts_with('@')) return by_rank(archive, id);
  std::vector<std::string> named;
  for (const population::CandidateRow& row : archive.candidates()) {
    if (row.name == id || row.identity == id) named.push_back(row.identity);
  }
  if (!named.empty()) return only(named, id);
  if (is_hex(id) && id.size() < kLeastDigits) {
    refuse(id, "is too short: give at least 6 digits of an identity, or @rank");
  }
  const std::vector<std::string> found =
      is_hex(id) ? archive.identities(id) : std::vector<std::string>{};
  if (found.empty()) {
    refuse(id, "is no candidate of this archive: `ballast top` lists ranks, names and identities");
  }
  return only(found, id);
}

}  // namespace ballast::orchestrator
