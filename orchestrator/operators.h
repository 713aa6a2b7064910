// The genetic operators by name.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "candidate/graph.h"
#include "candidate/mutate.h"
#include "common/rng.h"

namespace ballast::orchestrator {

std::vector<std::string_view> operator_names();  // "tune", "mutate", "splice", "drop"
bool needs_donor(std::string_view name);         // a second parent

// A child of `parent`; nullopt when the operator finds nothing to change.
// REQUIRES: a known name; a donor where one is needed.
std::optional<candidate::Mutation> apply_operator(std::string_view name,
                                                  const candidate::Program& parent,
                                                  const candidate::Program* donor, Rng& rng);

}  // namespace ballast::orchestrator
