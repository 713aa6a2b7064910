#include "orchestrator/ranking.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace ballast::orchestrator {

void Ranking::set(size_t entry, std::optional<double> value) {
  if (entry >= values_.size()) values_.resize(entry + 1);
  std::optional<double>& kept = values_[entry];
  if (kept == value) return;
  if (kept) places_.erase(std::ranges::lower_bound(places_, Place{*kept, entry}));
  kept = value;
  if (!kept) return;
  assert(std::isfinite(*kept));
  const Place place{*kept, entry};
  places_.insert(std::ranges::lower_bound(places_, place), place);
}

size_t Ranking::before(const Place& place) const {
  return static_cast<size_t>(std::ranges::lower_bound(places_, place) - places_.begin());
}

double Ranking::median() const {
  assert(!places_.empty());
  const size_t middle = places_.size() / 2;
  if (places_.size() % 2 == 1) return places_[middle].value;
  return 0.5 * (places_[middle - 1].value + places_[middle].value);
}

// Distances grow to both sides of the centre: the two sorted halves are merged up to the middle.
double Ranking::median_distance(double centre) const {
  assert(!places_.empty());
  const size_t n = places_.size();
  size_t above = before({centre, 0}), below = above;  // the next ones of each half
  double last = 0, one_before = 0;
  for (size_t taken = 0; taken <= n / 2; ++taken) {
    one_before = last;
    const bool up = below == 0 || (above < n && places_[above].value - centre <=
                                                    centre - places_[below - 1].value);
    last = std::abs((up ? places_[above++] : places_[--below]).value - centre);
  }
  return n % 2 == 1 ? last : 0.5 * (one_before + last);
}

}  // namespace ballast::orchestrator
