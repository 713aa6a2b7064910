#include "orchestrator/novelty.h"

#include <cassert>
#include <cmath>

#include "common/rng.h"

namespace ballast::orchestrator {
namespace {

// A projection of unit vectors of up to 2^16 floats is off by less than this through rounding.
constexpr double kRounding = 1e-5;

double distance(const float* a, const float* b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += d * d;
  }
  return std::sqrt(sum);
}

// Random signs over sqrt(n): every component counts alike.
std::vector<float> sign_axes(size_t n, size_t count) {
  std::vector<float> axes;
  axes.reserve(n * count);
  const float size = static_cast<float>(1 / std::sqrt(static_cast<double>(n)));
  Rng rng(0, "fingerprint axes", n);
  for (size_t i = 0; i < n * count; ++i) axes.push_back(rng.chance(0.5) ? size : -size);
  return axes;
}

}  // namespace

FingerprintIndex::Projection FingerprintIndex::project(const std::vector<float>& axes,
                                                       std::span<const float> x) {
  Projection out;
  const size_t n = x.size();
  for (size_t p = 0; p < kProjections; ++p) {
    double sum = 0;
    for (size_t i = 0; i < n; ++i)
      sum += static_cast<double>(axes[p * n + i]) * static_cast<double>(x[i]);
    out[p] = static_cast<float>(sum);
  }
  return out;
}

size_t FingerprintIndex::add(std::span<const float> fingerprint) {
  const size_t index = size_++;
  if (fingerprint.empty()) return index;
  Group& group = groups_[fingerprint.size()];
  if (group.axes.empty()) group.axes = sign_axes(fingerprint.size(), kProjections);
  group.values.insert(group.values.end(), fingerprint.begin(), fingerprint.end());
  group.projections.push_back(project(group.axes, fingerprint));
  group.indices.push_back(index);
  return index;
}

std::optional<FingerprintIndex::Match> FingerprintIndex::find(std::span<const float> fingerprint,
                                                              double tolerance) const {
  const auto it = groups_.find(fingerprint.size());
  if (fingerprint.empty() || it == groups_.end()) return std::nullopt;
  const Group& group = it->second;
  const size_t n = fingerprint.size();
  const Projection wanted = project(group.axes, fingerprint);
  const float slack = static_cast<float>(tolerance + kRounding);
  std::optional<Match> best;
  for (size_t i = 0; i < group.projections.size(); ++i) {
    bool near = true;
    for (size_t p = 0; p < kProjections && near; ++p)
      near = std::abs(group.projections[i][p] - wanted[p]) <= slack;
    if (!near) continue;
    const double d = distance(&group.values[i * n], fingerprint.data(), n);
    if (d <= tolerance && (!best || d < best->distance)) best = Match{group.indices[i], d};
  }
  return best;
}

}  // namespace ballast::orchestrator
