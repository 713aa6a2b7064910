// Which candidate becomes a parent: pure functions of plain data and a generator.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "common/rng.h"

namespace ballast::orchestrator {

// An elite as parent selection sees it. Lower means are better.
struct ParentOption {
  double mean = 0;            // objective difference from the reference, posterior mean
  double standard_error = 0;  // of that mean; 0: known exactly
  int64_t children = 0;       // accepted ones so far
};

// Probability of each option under each rule; they sum to 1. REQUIRES: options not empty, means
// finite.
//
// Default. Draws each option's difference from its normal posterior and ranks the draws (1:
// lowest):
//   p_i proportional to 1 / rank_i / (1 + children_i)
// so that a lucky measurement with a wide error does not keep the first rank. Uses `rng` for draws.
std::vector<double> posterior(std::span<const ParentOption> options, Rng& rng);

// p_i = rank_i^-alpha / sum, ranked by mean (arXiv 2509.19349, section 3.1). alpha 0 is uniform.
std::vector<double> power_law(std::span<const ParentOption> options, double alpha = 1);

// p_i proportional to sigmoid(lambda (F_i - median F)) / (1 + children_i) with fitness F = -mean
// (arXiv 2509.19349, section 3.1). Their released code divides F_i - median by the median absolute
// deviation (at least 1e-6) first: weighted_code.
std::vector<double> weighted_paper(std::span<const ParentOption> options, double lambda = 10);
std::vector<double> weighted_code(std::span<const ParentOption> options, double lambda = 10);

// Draws an index by the rule of that name. Throws Error (usage) naming the rules for another one.
size_t choose_parent(std::string_view rule, std::span<const ParentOption> options, Rng& rng);
std::vector<std::string_view> parent_rules();

}  // namespace ballast::orchestrator
