#include "candidate/idioms.h"
#include "candidate/mutate_site.h"
#include "candidate/print_expression.h"

namespace ballast::candidate {
namespace {

constexpr int kSpliceTries = 16;

// The additive terms of a loss: what its sums and differences are made of, from the root down.
void collect_terms(const Program& program, NodeId id, std::vector<NodeId>& terms) {
  const Node& node = program.nodes[id];
  const bool sum = (node.op == Op::kAdd || node.op == Op::kSub) &&
                   program.nodes[node.in[0]].type == node.type &&
                   program.nodes[node.in[1]].type == node.type;
  if (!sum || terms.size() > 64) {
    terms.push_back(id);
    return;
  }
  for (NodeId operand : node.in) collect_terms(program, operand, terms);
}

std::optional<Mutation> take_term(const Program& parent, const Program& other, Rng& rng,
                                  const MutationLimits& limits) {
  if (!other.loss) return std::nullopt;
  std::vector<NodeId> terms;
  collect_terms(other, *other.loss, terms);
  const NodeId term = draw_one(terms, rng);
  const double weight = draw_magnitude(rng, 0.05, 2);
  Builder builder(limits.graph);
  Maker make(builder);
  NodeId loss = make.scaled(weight, builder.import(other, term));
  if (parent.loss) loss = make.add(builder.import(parent, *parent.loss), loss);
  std::optional<NodeId> bias;
  if (parent.bias) bias = builder.import(parent, *parent.bias);
  return accepted(parent, builder.finish(loss, bias),
                  "add " + number_expression(weight).text + " * a term of the other parent (" +
                      call_name(other.nodes[term]) + ")",
                  limits);
}

// A sub-expression of the other parent in place of one of the same type.
std::optional<Mutation> take_expression(const Program& parent, const Program& other, Rng& rng,
                                        const MutationLimits& limits) {
  const std::vector<Site> sites = all_sites(parent);
  const Site& site = draw_one(sites, rng);
  const Node& old_node = parent.nodes[site.child];
  const bool hook = site.parent ? only_in_hook(parent)[*site.parent] : site.bias_root;
  const size_t donors_end = hook || !other.loss ? other.nodes.size() : *other.loss + size_t{1};
  std::vector<NodeId> donors;
  for (NodeId id = 0; id < donors_end; ++id) {
    const Node& node = other.nodes[id];
    if (node.type == old_node.type && node.op > Op::kSize) donors.push_back(id);
  }
  if (donors.empty()) return std::nullopt;
  const NodeId donor = draw_one(donors, rng);
  Program child = replaced(parent, site, rng.chance(0.3), limits.graph, [&](Maker& make, NodeId) {
    return make.builder().import(other, donor);
  });
  return accepted(parent, std::move(child),
                  "replace " + call_name(old_node) + " by " + call_name(other.nodes[donor]) +
                      " of the other parent",
                  limits);
}

std::optional<Mutation> take_hook(const Program& parent, const Program& other, Rng&,
                                  const MutationLimits& limits) {
  if (!other.bias) return std::nullopt;
  Builder builder(limits.graph);
  std::optional<NodeId> loss;
  if (parent.loss) loss = builder.import(parent, *parent.loss);
  return accepted(parent, builder.finish(loss, builder.import(other, *other.bias)),
                  "take selection_bias of the other parent", limits);
}

// The mean of the two next biases.
std::optional<Mutation> blend_hooks(const Program& parent, const Program& other, Rng&,
                                    const MutationLimits& limits) {
  if (!other.bias || !parent.bias) return std::nullopt;
  Builder builder(limits.graph);
  Maker make(builder);
  std::optional<NodeId> loss;
  if (parent.loss) loss = builder.import(parent, *parent.loss);
  const NodeId sum =
      make.add(builder.import(parent, *parent.bias), builder.import(other, *other.bias));
  return accepted(parent, builder.finish(loss, make.scaled(0.5, sum)),
                  "average selection_bias with that of the other parent", limits);
}

}  // namespace

std::optional<Mutation> splice(const Program& parent, const Program& other, Rng& rng,
                               const MutationLimits& limits) {
  return first_of(kSpliceTries, [&]() -> std::optional<Mutation> {
    std::optional<Mutation> child;
    switch (rng.below(8)) {
      case 0:
        child = take_hook(parent, other, rng, limits);
        break;
      case 1:
        child = blend_hooks(parent, other, rng, limits);
        break;
      case 2:
      case 3:
      case 4:
        child = take_term(parent, other, rng, limits);
        break;
      default:
        child = take_expression(parent, other, rng, limits);
    }
    if (child && child->program.identity == other.identity) return std::nullopt;
    return child;
  });
}

}  // namespace ballast::candidate
