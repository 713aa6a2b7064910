// What a search may claim: pure functions of stored evaluations.
//
// Three questions. Was the budget enough to order the built-ins by MaxVio as the literature does?
// How small a difference could have been seen? Is the best candidate better than the reference?
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/search_config.h"
#include "population/archive.h"

namespace ballast::orchestrator {

// A mean of paired differences with its two-sided confidence interval (Student's t).
struct PairedInterval {
  int64_t pairs = 0;
  double mean = 0;
  double low = 0, high = 0;  // infinite below two pairs
};

// "`more` has a larger held-out MaxVio than `less`" on the same seeds.
struct OrderCheck {
  std::string more, less;     // names of built-ins
  PairedInterval difference;  // MaxVio of more - less
  bool holds = false;         // the interval lies above 0
};

struct BestCandidate {
  std::string identity, name;
  int rung = 1;
  bool fresh = false;         // measured on seeds that did not choose it (block C)
  int64_t compared = 1;       // candidates it was chosen among on these seeds
  PairedInterval difference;  // objective, candidate - reference, level corrected for `compared`

  // Equal trials (docs/design.md, section 5). Nothing is called better than a reference that had
  // fewer trials of its coefficient, unless its rule had none left to make.
  int64_t trials = 0, reference_trials = 0;  // of coefficients, at rung 1 on block A
  bool equal_trials = false;
  // What the reference's trials found best; where that is not what it is configured with, the
  // candidate has to beat it there as well, on the same seeds. Infinite until it is measured; none
  // when the reference failed there.
  std::string refined;
  std::optional<PairedInterval> against_refined;
};

struct Verdict {
  std::vector<OrderCheck> order;
  bool budget_suffices = false;  // every order check holds
  // Smallest true difference from the reference that a complete estimate at the highest rung would
  // show with probability 0.8 at a two-sided level of 0.05; nats per byte. None without two pairs.
  std::optional<double> smallest_difference;
  std::optional<BestCandidate> best;
  // The budget suffices, trials are equal, and the best one's intervals lie below 0.
  bool winner = false;
  std::vector<std::string> lines;  // all of this in words
};

Verdict verdict(const SearchConfig& config, const std::vector<population::CandidateRow>& candidates,
                const std::vector<population::EvaluationRow>& evaluations);

}  // namespace ballast::orchestrator
