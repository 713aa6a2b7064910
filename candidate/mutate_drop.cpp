#include "candidate/mutate_site.h"

namespace ballast::candidate {
namespace {

constexpr int kDropTries = 16;

// Operands that can stand for the node itself, having its type.
std::vector<size_t> substitutes(const Program& program, const Node& node) {
  std::vector<size_t> slots;
  if (node.op < Op::kNeg) return slots;
  for (size_t slot = 0; slot < node.in.size(); ++slot) {
    if (program.nodes[node.in[slot]].type == node.type) slots.push_back(slot);
  }
  return slots;
}

// A sum without one term, a product without one factor, a function's operand alone.
std::optional<Mutation> drop_node(const Program& parent, Rng& rng, const MutationLimits& limits) {
  const std::vector<Site> sites = sites_where(parent, [&](const Site& site) {
    return !substitutes(parent, parent.nodes[site.child]).empty();
  });
  if (sites.empty()) return std::nullopt;
  const Site& site = draw_one(sites, rng);
  const Node& node = parent.nodes[site.child];
  const size_t slot = draw_one(substitutes(parent, node), rng);
  Program child =
      replaced(parent, site, rng.chance(0.5), limits.graph,
               [&](Maker& make, NodeId old) { return make.builder().node(old).in[slot]; });
  if (child.nodes.size() >= parent.nodes.size()) return std::nullopt;
  const std::string kept = call_name(parent.nodes[node.in[slot]]);
  return accepted(parent, std::move(child), "drop " + call_name(node) + ", keep " + kept, limits);
}

std::optional<Mutation> drop_hook(const Program& parent, Rng& rng, const MutationLimits& limits) {
  if (!parent.loss || !parent.bias) return std::nullopt;
  Builder builder(limits.graph);
  if (rng.chance(0.7)) {
    const NodeId loss = builder.import(parent, *parent.loss);
    return accepted(parent, builder.finish(loss, std::nullopt), "drop selection_bias", limits);
  }
  const NodeId bias = builder.import(parent, *parent.bias);
  return accepted(parent, builder.finish(std::nullopt, bias), "drop balance_loss", limits);
}

}  // namespace

std::optional<Mutation> drop(const Program& parent, Rng& rng, const MutationLimits& limits) {
  return first_of(kDropTries, [&]() -> std::optional<Mutation> {
    if (rng.chance(0.15)) return drop_hook(parent, rng, limits);
    return drop_node(parent, rng, limits);
  });
}

}  // namespace ballast::candidate
