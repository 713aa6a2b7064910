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
  NodeId add(Op op, std::vector<NodeId> in, std::vector<int64_t> ints = {}, std::vector<Dim> dims = {},
             double number = 0);

  // Copies the nodes under `root` of another program and gives back the copy of `root`.
  NodeId import(const Program& program, NodeId root);

  const Node& node(NodeId id) const { return nodes_[id]; }
  const Type& type(NodeId id) const { return nodes_[id].type; }
  size_t count() const { return nodes_.size(); }

  // The canonical program of these roots. Throws BuildError when a root's type is wrong (loss:
  // 0-dim float or a number; bias: float (E)).
  Program finish(std::optional<NodeId> loss, std::optional<NodeId> bias) const;

 private:
  NodeId intern(Node node);

  Limits limits_;
  std::vector<Node> nodes_;
  std::multimap<uint64_t, NodeId> by_hash_;
};

// The type of a node from its operands' types. Throws BuildError. (candidate/infer.cpp)
Type infer(const Node& node, const std::vector<Type>& operands);

}  // namespace ballast::candidate
