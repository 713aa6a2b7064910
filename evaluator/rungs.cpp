#include "evaluator/rungs.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace ballast::evaluator {
namespace {

bool better(const RungResult& a, const RungResult& b) {
  if (a.score.has_value() != b.score.has_value()) return a.score.has_value();
  if (a.score && *a.score != *b.score) return *a.score < *b.score;
  return a.candidate < b.candidate;
}

}  // namespace

size_t places(size_t finished, double eta) {
  assert(eta > 1);
  // 1e-9: n / eta of a rounded eta must not lose a whole place.
  return static_cast<size_t>(std::floor(static_cast<double>(finished) / eta + 1e-9));
}

std::vector<size_t> promotable(const RungStanding& rung, double eta) {
  std::vector<RungResult> ranked = rung.finished;
  for ([[maybe_unused]] const RungResult& r : ranked) assert(!r.score || std::isfinite(*r.score));
  const size_t count = places(ranked.size(), eta);
  std::nth_element(ranked.begin(), ranked.begin() + static_cast<ptrdiff_t>(count), ranked.end(),
                   better);
  ranked.resize(count);
  std::erase_if(
      ranked, [&](const RungResult& r) { return !r.score || rung.promoted.contains(r.candidate); });
  std::sort(ranked.begin(), ranked.end(), better);
  std::vector<size_t> out;
  for (const RungResult& r : ranked) out.push_back(r.candidate);
  return out;
}

std::optional<Promotion> next_promotion(std::span<const RungStanding> rungs, double eta) {
  for (size_t above = rungs.size(); above-- > 1;) {
    const std::vector<size_t> ready = promotable(rungs[above - 1], eta);
    if (!ready.empty()) return Promotion{ready.front(), above - 1};
  }
  return std::nullopt;
}

}  // namespace ballast::evaluator
