// Is a candidate the same function as a known one? Nearest neighbour among fingerprints.
//
// A fingerprint is a unit vector of router gradients and bias outputs on a fixed battery
// (docs/design.md, section 5): functions equal up to a positive factor have equal fingerprints, a
// function and its negative have opposite ones and are different.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace ballast::orchestrator {

constexpr double kFingerprintTolerance = 1e-4;  // L2 distance of unit vectors

class FingerprintIndex {
 public:
  struct Match {
    size_t index = 0;     // as returned by add
    double distance = 0;  // L2
  };

  // Returns its index: 0, 1, 2, ... An empty fingerprint (a built-in's) takes an index, never
  // matches.
  size_t add(std::span<const float> fingerprint);

  // The nearest fingerprint within the tolerance; of equally near ones the oldest. Fingerprints of
  // different lengths are different.
  std::optional<Match> find(std::span<const float> fingerprint,
                            double tolerance = kFingerprintTolerance) const;

  size_t size() const { return size_; }

 private:
  // Projections on fixed unit vectors never enlarge distances, so a vector whose projection is too
  // far off cannot match: few of many thousand are compared in full.
  static constexpr size_t kProjections = 8;
  using Projection = std::array<float, kProjections>;

  struct Group {                // fingerprints of one length
    std::vector<float> axes;    // kProjections unit vectors, one after the other
    std::vector<float> values;  // all fingerprints, one after the other
    std::vector<Projection> projections;
    std::vector<size_t> indices;
  };
  static Projection project(const std::vector<float>& axes, std::span<const float> x);

  std::map<size_t, Group> groups_;  // by length
  size_t size_ = 0;
};

}  // namespace ballast::orchestrator
