#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>

#include "candidate/parse.h"
#include "candidate/print_expression.h"

namespace ballast::candidate {
namespace {

// Longer or deeper expressions get a name, so that lines stay readable and far below the parser's
// nesting limit.
constexpr size_t kMaxLength = 72;
constexpr int kMaxDepth = 8;
// Beyond this depth of `if` statements names are bound outside of them.
constexpr size_t kMaxBlocks = 24;

// What a bound node is called; a number is appended from the second of a kind on.
std::string_view noun(const Node& node) {
  switch (node.op) {
    case Op::kMean:
      return "mean";
    case Op::kSum:
    case Op::kAdd:
    case Op::kCumsum:
      return "total";
    case Op::kMul:
    case Op::kMatmul:
    case Op::kProd:
      return "product";
    case Op::kSub:
      return "gap";
    case Op::kDiv:
      return "ratio";
    case Op::kPow:
      return "power";
    case Op::kLog:
    case Op::kLog1p:
    case Op::kLogSoftmax:
      return "logs";
    case Op::kSoftmax:
    case Op::kSigmoid:
      return "shares";
    case Op::kLogSumExp:
      return "lse";
    case Op::kAmax:
    case Op::kMaxValues:
    case Op::kMaximum:
      return "highest";
    case Op::kAmin:
    case Op::kMinValues:
    case Op::kMinimum:
      return "lowest";
    case Op::kVar:
      return "variance";
    case Op::kStd:
    case Op::kNorm:
      return "spread";
    case Op::kDetach:
      return "fixed";
    case Op::kClampMin:
    case Op::kClampMax:
    case Op::kRelu:
      return "clipped";
    case Op::kSortValues:
    case Op::kTopkValues:
      return "ordered";
    default:
      return node.type.element == Element::kBool ? "mask" : "value";
  }
}

// One function of a program. What only one side of a Select needs is written inside that side,
// since it may be an index that exists there only: a side without such names is `a if c else b`,
// the others become an `if` statement.
class FunctionPrinter {
 public:
  FunctionPrinter(const Program& program, NodeId root)
      : program_(program), root_(root), uses_(root + 1, 0), texts_(root + 1), risks_(root + 1) {}

  std::string print(std::string_view signature) {
    const bool lifted = is_lifted_number();
    if (lifted) root_ = program_.nodes[root_].in[0];  // a number is lifted again when parsed
    count_uses();
    find_risks();
    place_nodes();
    const std::string body = block(0, "    ");
    return "def " + std::string(signature) + ":\n" + body + "    return " + texts_[root_].text +
           "\n";
  }

 private:
  static constexpr size_t kNowhere = SIZE_MAX;
  // A function's body, or one side of a Select.
  struct Block {
    size_t parent = kNowhere;
    size_t depth = 0;
    std::vector<NodeId> nodes;  // ascending
  };

  bool is_lifted_number() const {
    const Node& node = program_.nodes[root_];
    return node.op == Op::kFull && node.dims.empty();
  }

  void count_uses() {
    uses_[root_] = 1;
    for (NodeId id = root_ + 1; id-- > 0;) {
      if (uses_[id] == 0) continue;
      for (NodeId operand : program_.nodes[id].in) ++uses_[operand];
    }
  }

  // Whether evaluating the node where nobody asked for it could stop the program: an index that the
  // sizes need not have, or something made of one.
  void find_risks() {
    for (NodeId id = 0; id <= root_; ++id) {
      const Node& node = program_.nodes[id];
      bool risk = node.op == Op::kKthvalue || node.op == Op::kTopkValues ||
                  node.op == Op::kTopkIndices || node.op == Op::kIndexSelect;
      if (node.op == Op::kIndex) {
        const Node& index = program_.nodes[node.in[1]];
        const auto constant = index.op == Op::kSize ? index.dims[0].constant() : std::nullopt;
        risk = constant != 0 && constant != -1;  // every size is at least 1
      }
      // A Select has its risky operands only where it asks for them.
      for (size_t i = 0; i < (node.op == Op::kSelect ? 1 : node.in.size()); ++i) {
        risk = risk || risks_[node.in[i]];
      }
      risks_[id] = risk;
    }
  }

  // Each node goes to the innermost block that holds all its uses; but a risky one that this block
  // itself does not use goes to each of the blocks that do. Users have larger ids.
  void place_nodes() {
    blocks_.push_back({});
    std::vector<std::set<size_t>> users(root_ + 1);  // blocks in which a node is used
    users[root_] = {0};
    size_t copies = 0;
    for (NodeId id = root_ + 1; id-- > 0;) {
      if (uses_[id] == 0) continue;
      const Node& node = program_.nodes[id];
      for (const size_t place : places(users[id], risks_[id] && copies < root_)) {
        ++copies;
        for (size_t i = 0; i < node.in.size(); ++i) {
          const bool side = node.op == Op::kSelect && i > 0 && blocks_[place].depth < kMaxBlocks;
          users[node.in[i]].insert(side ? side_of(id, i, place) : place);
        }
        blocks_[place].nodes.push_back(id);
      }
      --copies;
    }
    for (Block& block : blocks_) std::reverse(block.nodes.begin(), block.nodes.end());
  }

  std::set<size_t> places(const std::set<size_t>& users, bool repeat) const {
    size_t all = *users.begin();
    for (const size_t user : users) all = common(all, user);
    if (!repeat || users.contains(all)) return {all};
    std::set<size_t> out;
    for (const size_t user : users) {
      size_t above = blocks_[user].parent;
      while (above != kNowhere && !users.contains(above)) above = blocks_[above].parent;
      if (above == kNowhere) out.insert(user);
    }
    return out;
  }

  size_t side_of(NodeId select, size_t side, size_t place) {
    const auto [found, added] = sides_.try_emplace({select, side, place}, blocks_.size());
    if (added) blocks_.push_back({place, blocks_[place].depth + 1, {}});
    return found->second;
  }

  size_t common(size_t a, size_t b) const {
    while (a != b) {
      size_t& deeper = blocks_[a].depth >= blocks_[b].depth ? a : b;
      deeper = blocks_[deeper].parent;
    }
    return a;
  }

  // The lines that bind the block's names; the texts of its nodes are known afterwards.
  std::string block(size_t index, const std::string& indent) {
    std::string lines;
    for (const NodeId id : blocks_[index].nodes) {
      if (program_.nodes[id].op == Op::kSelect && branches(id, index, indent, lines)) continue;
      texts_[id] = expression(id);
      if (id == root_ || !wants_name(id)) continue;
      const std::string name = fresh_name(program_.nodes[id]);
      lines += indent + name + " = " + texts_[id].text + "\n";
      texts_[id] = {name};
    }
    return lines;
  }

  // Writes a Select as an `if` statement, when a side has lines of its own.
  bool branches(NodeId id, size_t place, const std::string& indent, std::string& lines) {
    const Node& node = program_.nodes[id];
    std::string sides[2], values[2];  // lines, and what the lines lead to
    for (const size_t side : {size_t{1}, size_t{2}}) {
      const auto found = sides_.find({id, side, place});
      if (found != sides_.end()) sides[side - 1] = block(found->second, indent + "    ");
      values[side - 1] = texts_[node.in[side]].text;  // now: the other side may have its own copy
    }
    if (sides[0].empty() && sides[1].empty()) return false;
    const std::string name = fresh_name(node);
    const auto bound = [&](size_t side) {
      return sides[side] + indent + "    " + name + " = " + values[side] + "\n";
    };
    lines += indent + "if " + texts_[node.in[0]].text + ":\n" + bound(0);
    lines += indent + "else:\n" + bound(1);
    texts_[id] = {name};
    return true;
  }

  Expression expression(NodeId id) const {
    const Node& node = program_.nodes[id];
    std::vector<Expression> operands;
    std::vector<const Node*> nodes;
    for (NodeId operand : node.in) {
      operands.push_back(texts_[operand]);
      nodes.push_back(&program_.nodes[operand]);
    }
    return node_expression(node, operands, nodes);
  }

  bool wants_name(NodeId id) const {
    if (program_.nodes[id].op <= Op::kSize) return false;
    const Expression& text = texts_[id];
    return uses_[id] > 1 || text.text.size() > kMaxLength || text.depth >= kMaxDepth;
  }

  std::string fresh_name(const Node& node) {
    const std::string base(noun(node));
    const int number = ++names_[base];
    return number == 1 ? base : base + std::to_string(number);
  }

  const Program& program_;
  NodeId root_;
  std::vector<int> uses_;
  std::vector<Expression> texts_;
  std::vector<bool> risks_;
  std::vector<Block> blocks_;
  std::map<std::tuple<NodeId, size_t, size_t>, size_t> sides_;  // (Select, side, its block)
  std::map<std::string, int> names_;
};

}  // namespace

std::string print(const Program& program) {
  std::string text;
  if (program.loss) text += FunctionPrinter(program, *program.loss).print("balance_loss(r)");
  if (!program.bias) return text;
  if (!text.empty()) text += "\n";
  return text + FunctionPrinter(program, *program.bias).print("selection_bias(r, bias)");
}

}  // namespace ballast::candidate
