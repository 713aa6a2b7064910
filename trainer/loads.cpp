#include "trainer/loads.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ballast::trainer {

LoadStats load_stats(std::span<const double> counts, int64_t true_experts) {
  LoadStats s;
  const auto n = static_cast<size_t>(true_experts);
  const std::span<const double> used = counts.first(n);
  const auto count = static_cast<double>(n);
  const double mean = std::accumulate(used.begin(), used.end(), 0.0) / count;
  double squares = 0;
  for (const double c : used) {
    squares += (c - mean) * (c - mean);
    if (c == 0) s.dead += 1;
  }
  s.max_vio = mean > 0 ? *std::max_element(used.begin(), used.end()) / mean - 1 : count - 1;
  s.cv = mean > 0 ? std::sqrt(squares / count) / mean : std::sqrt(count - 1);

  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  if (!(total > 0)) return s;
  for (const double c : counts) {
    const double share = c / total;
    if (share > 0) s.entropy -= share * std::log(share);
    s.l1 += 0.5 * std::abs(share - 1.0 / static_cast<double>(counts.size()));
  }
  return s;
}

double mutual_information(const std::vector<std::vector<double>>& counts) {
  if (counts.empty()) return 0;
  const auto domains = static_cast<double>(counts.size());
  std::vector<std::vector<double>> shares = counts;
  std::vector<double> mean(counts.front().size(), 0.0);
  for (std::vector<double>& row : shares) {
    const double total = std::accumulate(row.begin(), row.end(), 0.0);
    for (size_t e = 0; e < row.size(); ++e) {
      row[e] = total > 0 ? row[e] / total : 0;
      mean[e] += row[e] / domains;
    }
  }
  double information = 0;
  for (const std::vector<double>& row : shares)
    for (size_t e = 0; e < row.size(); ++e)
      if (row[e] > 0) information += row[e] * std::log(row[e] / mean[e]) / domains;
  return std::max(0.0, information);
}

}  // namespace ballast::trainer
