// Makes graphs node by node: types are inferred, constants folded, equal nodes shared.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "candidate/graph.h"
#include "candidate/parse.h"

namespace ballast::candidate {

// A node that cannot be: ill-typed operands or a limit. An outcome, caught where graphs are made
// (parser, mutation); it never leaves candidate/.
class BuildError : public std::runtime_error {
 public:
  explicit BuildError(const std::string& message, std::string hint = "")
      : std::runtime_error(message), hint_(std::move(hint)) {}
  const std::string& hint() const { return hint_; }

 private:
  std::string hint_;
};

class Builder {
 public:
  explicit Builder(const Limits& limits = {}) : limits_(limits) {}

  NodeId number(double value);
  NodeId boolean(bool value);
  NodeId size(const Dim& value);  // an int
  NodeId field(Field field);
  // Any other op. Throws BuildError when the operands do not fit.
  NodeId add(Op op, std::vector<NodeId> in, std::vector<int64_t> ints = {},
             std::vector<Dim> dims = {}, double number = 0);

  // Copies the nodes under `root` of another program and gives back the copy of `root`.
  NodeId import(const Program& program, NodeId root);

  const Node& node(NodeId id) const { return nodes_[id]; }
  const Type& type(NodeId id) const { return nodes_[id].type; }
  size_t count() const { return nodes_.size(); }

  // The canonical program of these roots. Throws BuildError when a root's type is wrong (loss:
  // 0-dim float or a number; bias: float (E)).
  Program finish(std::optional<NodeId> loss, std::optional<NodeId> bias) const;

 private:
  // What is known of a node beside its type.
  struct Facts {
    uint64_t hash = 0;      // of the structure below it, not of ids: the same in every builder
    uint32_t height = 0;    // 0 for leaves
    bool gradient = false;  // whether it carries a gradient to the router
  };

  NodeId intern(Node node);
  std::optional<NodeId> by_other_ops(const Node& node);
  void refuse_without_derivative(const Node& node) const;
  // Puts `node` into its one spelling among those of equal bits, or finds that it is an older node.
  std::optional<NodeId> simplify(Node& node) const;
  // The operand of a pointwise node that is written 2.0 and means 2, and its value.
  std::optional<std::pair<size_t, int64_t>> int_beside_float(const Node& node) const;
  Facts facts_of(const Node& node) const;
  // The order of operands where it does not matter; by structure, never by arrival.
  bool before(NodeId a, NodeId b) const;
  int compare(NodeId a, NodeId b) const;

  Limits limits_;
  std::vector<Node> nodes_;
  std::vector<Facts> facts_;  // one per node
  std::multimap<uint64_t, NodeId> by_hash_;
};

// The type of a node from its operands' types. Throws BuildError. (candidate/infer.cpp)
Type infer(const Node& node, const std::vector<Type>& operands);

}  // namespace ballast::candidate
