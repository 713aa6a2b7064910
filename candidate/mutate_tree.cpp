#include <algorithm>
#include <array>

#include "candidate/grammar.h"
#include "candidate/idioms.h"
#include "candidate/mutate_site.h"
#include "candidate/print_expression.h"
#include "candidate/spelling.h"
#include "candidate/swap.h"

namespace ballast::candidate {
namespace {

constexpr int kTreeTries = 24;

using Attempt = std::optional<Mutation> (*)(const Program&, Rng&, const MutationLimits&);

bool in_hook(const Program& program, const Site& site) {
  return site.parent ? only_in_hook(program)[*site.parent] : site.bias_root;
}

std::optional<Mutation> replace_expression(const Program& parent, Rng& rng,
                                           const MutationLimits& limits) {
  const std::vector<Site> sites = all_sites(parent);
  const Site& site = draw_one(sites, rng);
  const Node& old_node = parent.nodes[site.child];
  const int depth = static_cast<int>(1 + rng.below(3));
  const bool hook = in_hook(parent, site);
  std::string name;
  Program child = replaced(parent, site, false, limits.graph, [&](Maker& make, NodeId) {
    const std::optional<NodeId> drawn = draw_expression(make, rng, old_node.type, depth, hook);
    if (!drawn) throw BuildError("no expression of this type");
    name = call_name(make.builder().node(*drawn));
    return *drawn;
  });
  return accepted(parent, std::move(child), "replace " + call_name(old_node) + " by a new " + name,
                  limits);
}

std::optional<Mutation> swap_op(const Program& parent, Rng& rng, const MutationLimits& limits) {
  const std::vector<Site> sites = sites_where(
      parent, [&](const Site& site) { return !swaps_of(parent.nodes[site.child].op).empty(); });
  if (sites.empty()) return std::nullopt;
  const Site& site = draw_one(sites, rng);
  const Node& old_node = parent.nodes[site.child];
  const Op op = draw_one(swaps_of(old_node.op), rng);
  Program child = replaced(parent, site, rng.chance(0.5), limits.graph,
                           [&](Maker& make, NodeId old) { return with_op(make, old, op); });
  return accepted(parent, std::move(child),
                  "swap " + call_name(old_node) + " for '" + std::string(spelling(op)) + "'",
                  limits);
}

std::vector<Site> float_tensors(const Program& program) {
  return sites_where(program, [&](const Site& site) {
    const Node& node = program.nodes[site.child];
    return node.type.tensor && node.type.element == Element::kFloat && node.op != Op::kFull;
  });
}

std::optional<Mutation> wrap(const Program& parent, Rng& rng, const MutationLimits& limits) {
  const std::vector<Site> sites = float_tensors(parent);
  if (sites.empty()) return std::nullopt;
  const Site& site = draw_one(sites, rng);
  std::string name;
  Program child =
      replaced(parent, site, rng.chance(0.3), limits.graph, [&](Maker& make, NodeId old) {
        const NodeId wrapped = rng.chance(0.1) ? make.detach(old) : draw_wrapped(make, rng, old);
        name = call_name(make.builder().node(wrapped));
        return wrapped;
      });
  return accepted(parent, std::move(child),
                  "put " + name + " around " + call_name(parent.nodes[site.child]), limits);
}

std::optional<Mutation> change_field(const Program& parent, Rng& rng,
                                     const MutationLimits& limits) {
  const std::vector<Site> sites =
      sites_where(parent, [&](const Site& site) { return has_siblings(parent, site.child); });
  if (sites.empty()) return std::nullopt;
  const Site& site = draw_one(sites, rng);
  std::string name;
  Program child =
      replaced(parent, site, rng.chance(0.5), limits.graph, [&](Maker& make, NodeId old) {
        const NodeId sibling = draw_sibling(make, rng, make.type(old));
        name = call_name(make.builder().node(sibling));
        return sibling;
      });
  return accepted(parent, std::move(child),
                  "replace " + call_name(parent.nodes[site.child]) + " by " + name, limits);
}

// loss + weight * idiom, perhaps on a schedule.
std::optional<Mutation> add_term(const Program& parent, Rng& rng, const MutationLimits& limits) {
  Builder builder(limits.graph);
  Maker make(builder);
  const Drawn term = draw_term(make, rng);
  const double weight = draw_magnitude(rng, 0.01, 1);
  NodeId scaled = make.scaled(weight, term.node);
  std::string name = number_expression(weight).text + " * " + term.name;
  if (rng.chance(0.25)) {
    const Drawn schedule = draw_schedule(make, rng);
    scaled = make.mul(schedule.node, scaled);
    name += " on " + schedule.name;
  }
  std::optional<NodeId> bias;
  if (parent.bias) bias = builder.import(parent, *parent.bias);
  if (parent.loss) scaled = make.add(builder.import(parent, *parent.loss), scaled);
  return accepted(parent, builder.finish(scaled, bias), "add " + name, limits);
}

// A factor that changes with progress or depth; on a whole loss it changes the course of a
// training.
std::optional<Mutation> schedule(const Program& parent, Rng& rng, const MutationLimits& limits) {
  const std::vector<Site> sites = float_tensors(parent);
  if (sites.empty()) return std::nullopt;
  const Site& site = draw_one(sites, rng);
  std::string name;
  Program child = replaced(parent, site, false, limits.graph, [&](Maker& make, NodeId old) {
    const Drawn drawn = draw_schedule(make, rng);
    name = drawn.name;
    return make.mul(drawn.node, old);
  });
  return accepted(parent, std::move(child),
                  "put " + call_name(parent.nodes[site.child]) + " on " + name, limits);
}

std::optional<Mutation> change_hook(const Program& parent, Rng& rng, const MutationLimits& limits) {
  Builder builder(limits.graph);
  Maker make(builder);
  std::optional<NodeId> loss;
  if (parent.loss) loss = builder.import(parent, *parent.loss);
  NodeId bias = builder.field(Field::kBias);
  // Mostly a new rule; sometimes one more step after the old one.
  const bool further = parent.bias && rng.chance(0.3);
  if (further) bias = builder.import(parent, *parent.bias);
  const Drawn rule = draw_bias_rule(make, rng, bias);
  const std::string what = further ? "add to selection_bias a " : "set selection_bias to a ";
  return accepted(parent, builder.finish(loss, rule.node), what + rule.name, limits);
}

struct Kind {
  Attempt attempt;
  double weight;
  bool grows;
};

constexpr std::array kKinds{
    Kind{replace_expression, 3, true}, Kind{swap_op, 3, false}, Kind{wrap, 2, true},
    Kind{change_field, 3, false},      Kind{add_term, 3, true}, Kind{schedule, 1, true},
    Kind{change_hook, 1.5, true},
};

}  // namespace

std::optional<Mutation> mutate(const Program& parent, Rng& rng, const MutationLimits& limits) {
  // Growth becomes rarer as the limit comes near, so that long lineages do not all end at it.
  const double room = std::max(
      0.0, 1 - static_cast<double>(parent.nodes.size()) / static_cast<double>(limits.nodes));
  std::array<double, kKinds.size()> weights{};
  for (size_t i = 0; i < kKinds.size(); ++i) {
    weights[i] = kKinds[i].weight * (kKinds[i].grows ? room : 1);
  }
  return first_of(kTreeTries,
                  [&] { return kKinds[rng.weighted(weights)].attempt(parent, rng, limits); });
}

}  // namespace ballast::candidate
