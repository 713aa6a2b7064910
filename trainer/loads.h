// Measures of how evenly experts are used: pure functions of counts. docs/design.md, section 4.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ballast::trainer {

// Of one router's assignment counts. The first `true_experts` are true, the rest null experts.
struct LoadStats {
  double max_vio =
      0;          // max c / mean c - 1, true experts (arXiv 2408.15664, eq. 4); n - 1 if all are 0
  double cv = 0;  // standard deviation (biased) / mean of c, true experts
  double dead = 0;     // true experts with c = 0
  double entropy = 0;  // of the shares of all experts, nats; log E when even
  double l1 = 0;       // 1/2 sum |share - 1/E|, all experts (arXiv 2509.19349); 0 when even
};
LoadStats load_stats(std::span<const double> counts, int64_t true_experts);

// Mutual information of domain and expert in nats, domains weighted equally: counts[d] are domain
// d's assignments. 0 when every domain uses the experts alike, at most log(domains).
double mutual_information(const std::vector<std::vector<double>>& counts);

}  // namespace ballast::trainer
