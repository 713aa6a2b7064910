// What the search minimises, worked out from stored metrics (docs/design.md, section 5). Nothing
// here is stored with an evaluation, so an archive can be judged by another objective later.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/job.h"

namespace ballast::evaluator {

struct ObjectiveSpec {
  std::string name = "constrained";  // see objective_names()
  double mu = 0.1;                   // nats per unit of MaxVio; "constrained" only
  double target = 0.3;               // MaxVio that costs nothing; "constrained" only
  bool operator==(const ObjectiveSpec&) const = default;
};

// "constrained":   cross_entropy + mu * mean over layers of max(0, V_l - target), where V_l is the
//                  larger of layer l's held-out MaxVio and of its mean over training
// "shinka":        cross_entropy + l1_imbalance, of held-out tokens (arXiv 2509.19349, appendix
// B.4,
//                  whose figures are of training)
// "cross_entropy": cross_entropy
std::vector<std::string_view> objective_names();

// Lower is better; nats per token. nullopt when a metric it needs is missing or not finite, or when
// the two lists of layers differ in length: such an evaluation has no score. Throws Error (usage)
// for an unknown name.
std::optional<double> objective(const ObjectiveSpec& spec, const Metrics& metrics);

// One coefficient's means, for the figure beside the objective: what perfect-enough balance costs.
struct CurvePoint {
  double coefficient = 0;    // > 0
  double cross_entropy = 0;  // nats per token
  double max_vio = 0;
};

// Cross-entropy where the coefficient curve passes MaxVio = target: linear in MaxVio between
// neighbouring coefficients, the lowest if it passes several times. nullopt when it does not.
std::optional<double> cross_entropy_at(std::span<const CurvePoint> curve, double target);

}  // namespace ballast::evaluator
