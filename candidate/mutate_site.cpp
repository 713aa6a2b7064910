#include "candidate/mutate_site.h"

#include "candidate/print_expression.h"
#include "candidate/spelling.h"

namespace ballast::candidate {

std::vector<Site> sites_where(const Program& program,
                              const std::function<bool(const Site&)>& wanted) {
  std::vector<Site> sites;
  const auto offer = [&](const Site& site) {
    if (wanted(site)) sites.push_back(site);
  };
  if (program.loss) offer({*program.loss, std::nullopt, 0, false});
  if (program.bias) offer({*program.bias, std::nullopt, 0, true});
  for (NodeId id = 0; id < program.nodes.size(); ++id) {
    const Node& node = program.nodes[id];
    for (size_t slot = 0; slot < node.in.size(); ++slot) offer({node.in[slot], id, slot, false});
  }
  return sites;
}

std::vector<Site> all_sites(const Program& program) {
  return sites_where(program, [](const Site&) { return true; });
}

std::vector<bool> only_in_hook(const Program& program) {
  // The loss is numbered first: its nodes are exactly those up to its root.
  const size_t first = program.loss ? *program.loss + 1 : 0;
  std::vector<bool> hook(program.nodes.size(), false);
  for (size_t id = first; id < hook.size(); ++id) hook[id] = true;
  return hook;
}

Program replaced(const Program& program, const Site& site, bool every_use, const Limits& limits,
                 const Replace& replace) {
  Builder builder(limits);
  Maker make(builder);
  std::vector<NodeId> copy;
  for (NodeId id = 0; id < program.nodes.size(); ++id) {
    const Node& node = program.nodes[id];
    std::vector<NodeId> in;
    for (size_t slot = 0; slot < node.in.size(); ++slot) {
      const bool here = !every_use && site.parent == id && site.slot == slot;
      const NodeId operand = copy[node.in[slot]];
      in.push_back(here ? replace(make, operand) : operand);
    }
    copy.push_back(builder.add(node.op, std::move(in), node.ints, node.dims, node.number));
    if (every_use && id == site.child) copy.back() = replace(make, copy.back());
  }
  std::optional<NodeId> loss, bias;
  if (program.loss) loss = copy[*program.loss];
  if (program.bias) bias = copy[*program.bias];
  if (!every_use && !site.parent) {
    std::optional<NodeId>& root = site.bias_root ? bias : loss;
    root = replace(make, *root);
  }
  return builder.finish(loss, bias);
}

std::optional<Mutation> accepted(const Program& parent, Program child, std::string description,
                                 const MutationLimits& limits) {
  if (child.identity == parent.identity || !trains_router(child)) return std::nullopt;
  if (child.nodes.size() > std::max(limits.nodes, parent.nodes.size())) return std::nullopt;
  if (print(child).size() > limits.graph.source_bytes) return std::nullopt;
  return Mutation{std::move(child), std::move(description)};
}

std::optional<Mutation> first_of(int tries,
                                 const std::function<std::optional<Mutation>()>& attempt) {
  for (int i = 0; i < tries; ++i) {
    try {
      if (std::optional<Mutation> child = attempt()) return child;
    } catch (const BuildError&) {
      // Operands that do not fit what was drawn: draw again.
    }
  }
  return std::nullopt;
}

std::string call_name(const Node& node) {
  if (node.op <= Op::kSize) return node_expression(node, {}, {}).text;
  return "'" + std::string(spelling(node.op)) + "'";
}

}  // namespace ballast::candidate
