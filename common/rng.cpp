#include "common/rng.h"

#include <cassert>
#include <cmath>
#include <numbers>

namespace ballast {
namespace {

uint64_t splitmix64(uint64_t& x) {
  uint64_t z = (x += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

// FNV-1a; only has to spread a few purpose strings.
uint64_t fnv(std::string_view text) {
  uint64_t h = 0xcbf29ce484222325ull;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return h;
}

}  // namespace

Rng::Rng(uint64_t seed, std::string_view purpose, uint64_t stream) {
  uint64_t x = seed;
  uint64_t mixed = splitmix64(x) ^ fnv(purpose);
  mixed = splitmix64(mixed) ^ stream;
  for (uint64_t& word : state_) word = splitmix64(mixed);
}

uint64_t Rng::next() {
  const uint64_t result = rotl(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = rotl(state_[3], 45);
  return result;
}

double Rng::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

double Rng::uniform(double low, double high) { return low + (high - low) * uniform(); }

double Rng::normal() {
  const double u = 1.0 - uniform();  // in (0, 1]: the logarithm is finite
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * uniform());
}

int64_t Rng::below(int64_t n) {
  assert(n > 0);
  // Rejection: the largest multiple of n that fits, so that every value is equally likely.
  const uint64_t range = static_cast<uint64_t>(n);
  const uint64_t limit = UINT64_MAX - UINT64_MAX % range;
  uint64_t x = next();
  while (x >= limit) x = next();
  return static_cast<int64_t>(x % range);
}

bool Rng::chance(double probability) { return uniform() < probability; }

size_t Rng::weighted(std::span<const double> weights) {
  assert(!weights.empty());
  double total = 0;
  for (double w : weights) total += w;
  if (!(total > 0)) return static_cast<size_t>(below(static_cast<int64_t>(weights.size())));
  double x = uniform() * total;
  for (size_t i = 0; i + 1 < weights.size(); ++i) {
    if (x < weights[i]) return i;
    x -= weights[i];
  }
  return weights.size() - 1;
}

}  // namespace ballast
