#include "evaluator/rungs.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace ballast::evaluator {
namespace {

bool better(const RungResult& a, const RungResult& b) {
  if (a.score.has_value() != b.score.has_value()) return a.score.has_value();
  if (a.score && *a.score != *b.score) return *a.score < *b.score;
  return a.identity < b.identity;
}

}  // namespace

std::vector<std::string> promotable(const RungStanding& rung, double eta) {
  assert(eta > 1);
  std::vector<RungResult> ranked = rung.finished;
  for ([[maybe_unused]] const RungResult& r : ranked) assert(!r.score || std::isfinite(*r.score));
  std::sort(ranked.begin(), ranked.end(), better);
  // 1e-9: n / eta of a rounded eta must not lose a whole place.
  const auto places =
      static_cast<size_t>(std::floor(static_cast<double>(ranked.size()) / eta + 1e-9));
  std::vector<std::string> out;
  for (size_t i = 0; i < places && ranked[i].score; ++i)
    if (!rung.promoted.contains(ranked[i].identity)) out.push_back(ranked[i].identity);
  return out;
}

std::optional<Promotion> next_promotion(std::span<const RungStanding> rungs, double eta) {
  for (size_t above = rungs.size(); above-- > 1;) {
    const std::vector<std::string> ready = promotable(rungs[above - 1], eta);
    if (!ready.empty()) return Promotion{ready.front(), above - 1};
  }
  return std::nullopt;
}

}  // namespace ballast::evaluator
