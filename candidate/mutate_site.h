// Places in a program, and the program with something else there. Only mutate_*.cpp use this.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "candidate/maker.h"
#include "candidate/mutate.h"

namespace ballast::candidate {

// One use of a node: an operand of `parent`, or a root.
struct Site {
  NodeId child = 0;
  std::optional<NodeId> parent;  // nullopt: child is the loss, or the bias when `bias_root`
  size_t slot = 0;
  bool bias_root = false;
};

// Every use of every node. Roots are among them.
std::vector<Site> all_sites(const Program& program);
std::vector<Site> sites_where(const Program& program,
                              const std::function<bool(const Site&)>& wanted);

// Whether a node is below the bias root only (there the bias field may occur).
std::vector<bool> only_in_hook(const Program& program);

// Makes the new node at a site from the copy of the old one.
using Replace = std::function<NodeId(Maker&, NodeId old)>;

// The program with `replace` applied at this one use, or at every use of the same node. Throws
// BuildError when types no longer fit.
Program replaced(const Program& program, const Site& site, bool every_use, const Limits& limits,
                 const Replace& replace);

// A child if it is one: another identity, within the limits, able to train a router.
std::optional<Mutation> accepted(const Program& parent, Program child, std::string description,
                                 const MutationLimits& limits);

// The first child that `attempt` makes in `tries` tries; a BuildError is a try without a child.
std::optional<Mutation> first_of(int tries,
                                 const std::function<std::optional<Mutation>()>& attempt);

template <typename T>
const T& draw_one(const std::vector<T>& list, Rng& rng) {
  return list[static_cast<size_t>(rng.below(static_cast<int64_t>(list.size())))];
}

// "r.load_global", "0.5", "'logsumexp'": how descriptions call a node.
std::string call_name(const Node& node);

}  // namespace ballast::candidate
