#include "orchestrator/operators.h"

#include <cassert>

namespace ballast::orchestrator {

std::vector<std::string_view> operator_names() { return {"tune", "mutate", "splice", "drop"}; }

bool needs_donor(std::string_view name) { return name == "splice"; }

std::optional<candidate::Mutation> apply_operator(std::string_view name,
                                                  const candidate::Program& parent,
                                                  const candidate::Program* donor, Rng& rng) {
  if (name == "tune") return candidate::tune(parent, rng);
  if (name == "mutate") return candidate::mutate(parent, rng);
  if (name == "drop") return candidate::drop(parent, rng);
  assert(name == "splice" && donor);
  return candidate::splice(parent, *donor, rng);
}

}  // namespace ballast::orchestrator
