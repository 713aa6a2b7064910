#include <array>
#include <cmath>

#include "candidate/fold.h"
#include "candidate/idioms.h"
#include "candidate/mutate_site.h"
#include "candidate/print_expression.h"

namespace ballast::candidate {
namespace {

constexpr int kTuneTries = 16;

bool is_scaling(const Node& node) {
  return node.op == Op::kMul || node.op == Op::kDiv || node.op == Op::kSum ||
         node.op == Op::kMean || node.op == Op::kNeg;
}

// Nodes whose factor is a factor of the whole loss, from the root down through products and sums.
std::vector<bool> scale_nodes(const Program& program) {
  std::vector<bool> scale(program.nodes.size(), false);
  if (!program.loss) return scale;
  NodeId id = *program.loss;
  for (;;) {
    scale[id] = true;
    const Node& node = program.nodes[id];
    if (!is_scaling(node)) return scale;
    const bool number_first = !program.nodes[node.in[0]].type.tensor;
    if (number_first && node.in.size() < 2) return scale;
    if (node.in.size() == 2 && !number_first && program.nodes[node.in[1]].type.tensor) {
      // A product of tensors: a factor in either is one of the whole.
      scale[node.in[1]] = true;
    }
    id = node.in[number_first && node.op == Op::kMul ? 1 : 0];
  }
}

bool is_pointwise_parent(const Program& program, const Site& site) {
  if (!site.parent) return false;
  const Op op = program.nodes[*site.parent].op;
  return (op >= Op::kNeg && op <= Op::kSelect && op != Op::kCast) || op == Op::kQuantile ||
         op == Op::kFull;
}

// Constants whose change is one of the function: not those that only scale the whole loss.
std::vector<Site> constants(const Program& program) {
  const std::vector<bool> scale = scale_nodes(program);
  return sites_where(program, [&](const Site& site) {
    const std::optional<Constant> value = constant_of(program.nodes[site.child]);
    if (!value || value->element == Element::kBool || !is_pointwise_parent(program, site)) {
      return false;
    }
    const Node& parent = program.nodes[*site.parent];
    const bool factor = parent.op == Op::kMul || (parent.op == Op::kDiv && site.slot == 1);
    return !(factor && scale[*site.parent]);
  });
}

double drawn_exponent(double old, Rng& rng) {
  constexpr std::array kUsual{0.5, 1.5, 2.0, 2.5, 3.0, 4.0};
  if (rng.chance(0.6)) return kUsual[static_cast<size_t>(rng.below(kUsual.size()))];
  return two_digits(old * std::exp(0.3 * rng.normal()));
}

double perturbed(double old, Rng& rng) {
  if (old == 0) {
    const double sign = rng.chance(0.5) ? 1 : -1;
    return sign * draw_magnitude(rng, 0.01, 1);
  }
  switch (rng.below(6)) {
    case 0:
      return two_digits(old * std::exp(0.1 * rng.normal()));
    case 1:
    case 2:
      return two_digits(old * std::exp(0.5 * rng.normal()));
    case 3:
      return two_digits(old * (rng.chance(0.5) ? 2 : 0.5));
    case 4:
      return two_digits(old * (rng.chance(0.5) ? 10 : 0.1));
    default:
      return std::copysign(draw_magnitude(rng, 0.01, 10), old);
  }
}

double drawn_constant(const Node& parent, size_t slot, double old, Rng& rng) {
  if (parent.op == Op::kPow && slot == 1) return drawn_exponent(old, rng);
  if (parent.op == Op::kQuantile) return two_digits(rng.uniform(0.02, 0.98));
  return perturbed(old, rng);
}

std::optional<Mutation> tune_constant(const Program& parent, Rng& rng,
                                      const MutationLimits& limits) {
  const std::vector<Site> sites = constants(parent);
  if (sites.empty()) return std::nullopt;
  const Site& site = draw_one(sites, rng);
  const Node& node = parent.nodes[site.child];
  const double value =
      drawn_constant(parent.nodes[*site.parent], site.slot, constant_of(node)->real, rng);
  Program child = replaced(parent, site, false, limits.graph,
                           [&](Maker& make, NodeId) { return make.number(value); });
  return accepted(parent, std::move(child),
                  "change " + call_name(node) + " to " + number_expression(value).text, limits);
}

// Orders of norms, and whether a variance divides by n or n - 1.
std::optional<Mutation> tune_attribute(const Program& parent, Rng& rng,
                                       const MutationLimits& limits) {
  const std::vector<Site> sites = sites_where(parent, [&](const Site& site) {
    const Op op = parent.nodes[site.child].op;
    return op == Op::kNorm || op == Op::kVar || op == Op::kStd;
  });
  if (sites.empty()) return std::nullopt;
  const Site& site = draw_one(sites, rng);
  Node node = parent.nodes[site.child];
  if (node.op == Op::kNorm) {
    constexpr std::array kOrders{1.0, 1.5, 2.0, 3.0, 4.0};
    node.number = kOrders[static_cast<size_t>(rng.below(kOrders.size()))];
  } else {
    node.ints[1] = 1 - node.ints[1];
  }
  Program child = replaced(parent, site, true, limits.graph, [&](Maker& make, NodeId old) {
    const NodeId operand = make.builder().node(old).in[0];
    return make.builder().add(node.op, {operand}, node.ints, {}, node.number);
  });
  return accepted(parent, std::move(child), "change the parameter of " + call_name(node), limits);
}

bool is_nonlinear_use(const Program& program, const Site& site) {
  const Op op = program.nodes[*site.parent].op;
  return op != Op::kMul && op != Op::kDiv && op != Op::kNeg && op != Op::kDetach;
}

// A constant factor where there is none: inside of a function (a temperature), or at a term.
std::optional<Mutation> insert_factor(const Program& parent, Rng& rng,
                                      const MutationLimits& limits) {
  const std::vector<bool> scale = scale_nodes(parent);
  const std::vector<Site> sites = sites_where(parent, [&](const Site& site) {
    const Type& type = parent.nodes[site.child].type;
    return site.parent && type.tensor && type.element == Element::kFloat &&
           parent.nodes[site.child].op != Op::kFull && is_nonlinear_use(parent, site) &&
           !(scale[*site.parent] && is_scaling(parent.nodes[*site.parent]));
  });
  if (sites.empty()) return std::nullopt;
  const Site& site = draw_one(sites, rng);
  const double factor = draw_magnitude(rng, 0.1, 10);
  Program child = replaced(parent, site, false, limits.graph,
                           [&](Maker& make, NodeId old) { return make.scaled(factor, old); });
  return accepted(parent, std::move(child),
                  "multiply " + call_name(parent.nodes[site.child]) + " in " +
                      call_name(parent.nodes[*site.parent]) + " by " +
                      number_expression(factor).text,
                  limits);
}

}  // namespace

std::optional<Mutation> tune(const Program& parent, Rng& rng, const MutationLimits& limits) {
  return first_of(kTuneTries, [&]() -> std::optional<Mutation> {
    switch (rng.below(10)) {
      case 0:
      case 1:
        return insert_factor(parent, rng, limits);
      case 2:
        return tune_attribute(parent, rng, limits);
      default:
        return tune_constant(parent, rng, limits);
    }
  });
}

}  // namespace ballast::candidate
