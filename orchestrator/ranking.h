// Entries in the order of a number that belongs to each, kept sorted while the numbers change.
#pragma once

#include <compare>
#include <cstddef>
#include <optional>
#include <vector>

namespace ballast::orchestrator {

// A change costs a binary search and a shift of what lies behind: at ten thousand entries less than
// one look at each of them.
class Ranking {
 public:
  struct Place {
    double value = 0;  // finite
    size_t entry = 0;
    auto operator<=>(const Place&) const = default;
  };

  void set(size_t entry, std::optional<double> value);  // nullopt: it is not ranked (any more)
  size_t size() const { return places_.size(); }
  const Place& operator[](size_t rank) const { return places_[rank]; }  // lowest first, then oldest
  size_t before(const Place& place) const;  // how many are ranked before it

  // Of the values, and of their distances from `centre`. REQUIRES: size() > 0
  double median() const;
  double median_distance(double centre) const;

 private:
  std::vector<Place> places_;
  std::vector<std::optional<double>> values_;  // by entry
};

}  // namespace ballast::orchestrator
