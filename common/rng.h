// A small, fast, portable random generator: the same seed gives the same numbers on every machine
// (the standard library's distributions do not promise that).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ballast {

// xoshiro256** (Blackman & Vigna 2018), seeded by splitmix64. Not thread-safe; pass it by
// reference.
class Rng {
 public:
  // One run has one seed; every use derives its own stream: Rng(seed, "parents").
  // `stream` separates several generators of the same purpose (a proposal's number, say).
  explicit Rng(uint64_t seed, std::string_view purpose = "", uint64_t stream = 0);

  uint64_t next();   // 64 uniform bits
  double uniform();  // in [0, 1), 53 bits
  double uniform(double low, double high);
  double normal();                  // standard normal (Box-Muller, no state kept)
  int64_t below(int64_t n);         // uniform in [0, n). REQUIRES: n > 0
  bool chance(double probability);  // true with that probability
  // Index drawn with probability proportional to weights[i] >= 0.
  // REQUIRES: weights not empty; when all are 0 the draw is uniform.
  size_t weighted(std::span<const double> weights);

 private:
  uint64_t state_[4];
};

}  // namespace ballast
