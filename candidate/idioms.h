// What the field writes losses with (reference: the published losses of docs/design.md, section 9):
// terms, schedules and bias rules that the genetic operators draw from. All treat experts alike.
#pragma once

#include <string>

#include "candidate/maker.h"
#include "common/rng.h"

namespace ballast::candidate {

struct Drawn {
  NodeId node = 0;
  std::string name;  // "hinge above the mean"
};

// A 0-dim float with a gradient to the router.
Drawn draw_term(Maker& make, Rng& rng);
// A number in [0, 1] made of progress and depth.
Drawn draw_schedule(Maker& make, Rng& rng);
// The next bias (E), from `bias`.
Drawn draw_bias_rule(Maker& make, Rng& rng, NodeId bias);

// (E), sum 1: where tokens go; with a gradient.
NodeId draw_shares(Maker& make, Rng& rng);
// (E), sum 1: where tokens went; a count, with a gradient only when made straight-through.
NodeId draw_load(Maker& make, Rng& rng);

// Log-uniform in [low, high], cut to two digits.
double draw_magnitude(Rng& rng, double low, double high);
double two_digits(double value);

}  // namespace ballast::candidate
