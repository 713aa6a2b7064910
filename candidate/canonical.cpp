#include "candidate/canonical.h"

#include <bit>
#include <limits>

#include "candidate/builder.h"
#include "common/hash.h"

namespace ballast::candidate {
namespace {

// Raised whenever equal nodes would compute something else, or the serialisation changes.
constexpr std::string_view kFormat = "ballast graph 1";
constexpr NodeId kUnplaced = std::numeric_limits<NodeId>::max();

// Copies nodes in the order of a depth-first walk, operands first. On an explicit stack: graphs may
// be thousands of nodes deep.
class Walk {
 public:
  explicit Walk(const std::vector<Node>& nodes) : nodes_(nodes), place_(nodes.size(), kUnplaced) {}

  NodeId visit(NodeId root) {
    std::vector<std::pair<NodeId, size_t>> stack{{root, 0}};
    while (!stack.empty()) {
      auto& [id, next] = stack.back();
      const Node& node = nodes_[id];
      if (place_[id] == kUnplaced && next < node.in.size()) {
        const NodeId operand = node.in[next++];
        if (place_[operand] == kUnplaced) stack.emplace_back(operand, 0);
        continue;
      }
      if (place_[id] == kUnplaced) put(id);
      stack.pop_back();
    }
    return place_[root];
  }

  std::vector<Node> take() { return std::move(placed_); }

 private:
  void put(NodeId id) {
    Node node = nodes_[id];
    for (NodeId& operand : node.in) operand = place_[operand];
    place_[id] = static_cast<NodeId>(placed_.size());
    placed_.push_back(std::move(node));
  }

  const std::vector<Node>& nodes_;
  std::vector<NodeId> place_;  // in placed_, by old id
  std::vector<Node> placed_;
};

void append_dim(std::string& text, const Dim& dim) {
  text += '{';
  for (const Dim::Term& term : dim.terms()) {
    text += std::to_string(term.factor);
    for (int power : term.powers) text += ',' + std::to_string(power);
    text += ';';
  }
  text += '}';
}

void append_node(std::string& text, const Node& node) {
  text += row(node.op).name;
  for (NodeId operand : node.in) text += ' ' + std::to_string(operand);
  if (node.op == Op::kField) {
    text += " [";
    text += field_name(static_cast<Field>(node.ints[0]));
    text += "]\n";
    return;
  }
  text += " [";
  for (int64_t value : node.ints) text += std::to_string(value) + ',';
  text += ']';
  for (const Dim& dim : node.dims) append_dim(text, dim);
  text += ' ' + std::to_string(std::bit_cast<uint64_t>(node.number)) + '\n';
}

void refuse_bias_in_loss(const std::vector<Node>& nodes, NodeId loss) {
  for (NodeId id = 0; id <= loss; ++id) {
    const Node& node = nodes[id];
    if (node.op == Op::kField && node.ints[0] == static_cast<int64_t>(Field::kBias)) {
      throw BuildError("balance_loss uses the selection bias, which only selection_bias receives");
    }
  }
}

}  // namespace

std::string serialise(const Program& program) {
  std::string text(kFormat);
  text += '\n';
  for (const Node& node : program.nodes) append_node(text, node);
  text += "loss " + (program.loss ? std::to_string(*program.loss) : "-");
  text += " bias " + (program.bias ? std::to_string(*program.bias) : "-") + '\n';
  return text;
}

Program canonical(const std::vector<Node>& nodes, std::optional<NodeId> loss,
                  std::optional<NodeId> bias) {
  Program program;
  Walk walk(nodes);
  if (loss) program.loss = walk.visit(*loss);
  if (bias) program.bias = walk.visit(*bias);
  program.nodes = walk.take();
  // The loss was walked first, so its nodes are exactly those up to its root.
  if (program.loss) refuse_bias_in_loss(program.nodes, *program.loss);
  program.identity = sha256_hex(serialise(program));
  return program;
}

}  // namespace ballast::candidate
