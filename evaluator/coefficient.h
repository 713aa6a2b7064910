// Which coefficients of a balancer to try, and which to keep (docs/design.md, section 5).
//
// A ladder around the reference's own coefficient, extended while the best lies on an edge, then
// refined by factors of sqrt 2. Coefficients are texts ("%.6g"), as in an evaluation's key.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::evaluator {

std::string coefficient_text(double coefficient);  // "%.6g"; REQUIRES: finite and >= 0
double coefficient_value(std::string_view text);   // throws Error unless it is such a number

struct CoefficientPlan {
  double centre = 1;   // the reference's coefficient, normalised units; > 0
  double factor = 3;   // between neighbours on the ladder; > 1
  int first = 3;       // points of the ladder to start with: centre, below, above, two below, ...
  int max_trials = 6;  // in all, failed ones included
  double lowest = 1e-6, highest = 1e6;  // never beyond
  bool refine = false;                  // by sqrt 2, once the best has neighbours on both sides
};

// One coefficient's trial: on one seed or on several, then with the mean of the objective.
struct CoefficientTrial {
  enum class State { kPending, kFailed, kDone };
  std::string coefficient;
  State state = State::kPending;
  double objective = 0;  // kDone only; lower is better; finite
};

// What to start now, given all that was begun; in order of importance. Empty while the answer
// depends on a pending trial, and when the search for this balancer's coefficient is over
// (settled() tells). A failed trial (diverged, non-finite) counts as worse than any other; when all
// have failed, smaller ones are tried, since it is large coefficients that diverge.
std::vector<std::string> next_coefficients(const CoefficientPlan& plan,
                                           std::span<const CoefficientTrial> begun);

// True when nothing is pending and nothing is left to start.
bool settled(const CoefficientPlan& plan, std::span<const CoefficientTrial> begun);

// The best finished trial; of equals the smaller coefficient. nullopt when none succeeded.
std::optional<std::string> chosen_coefficient(std::span<const CoefficientTrial> trials);

// True when the best finished trial has a worse one (or a failed one) on either side.
bool is_bracketed(std::span<const CoefficientTrial> trials);

}  // namespace ballast::evaluator
