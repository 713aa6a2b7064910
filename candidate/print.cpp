#include <map>
#include <set>

#include "candidate/parse.h"
#include "candidate/print_expression.h"

namespace ballast::candidate {
namespace {

// Longer or deeper expressions get a name, so that lines stay readable and far below the parser's
// nesting limit.
constexpr size_t kMaxLength = 72;
constexpr int kMaxDepth = 8;

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

// One function of a program.
class FunctionPrinter {
 public:
  FunctionPrinter(const Program& program, NodeId root)
      : program_(program), root_(root), uses_(root + 1, 0), texts_(root + 1) {}

  std::string print(std::string_view signature) {
    const bool lifted = is_lifted_number();
    if (lifted) root_ = program_.nodes[root_].in[0];  // a number is lifted again when parsed
    count_uses();
    std::string body;
    for (NodeId id = 0; id <= root_; ++id) {
      if (uses_[id] == 0) continue;
      texts_[id] = expression(id);
      if (id == root_ || !wants_name(id)) continue;
      const std::string name = fresh_name(program_.nodes[id]);
      body += "    " + name + " = " + texts_[id].text + "\n";
      texts_[id] = {name};
    }
    return "def " + std::string(signature) + ":\n" + body + "    return " + texts_[root_].text +
           "\n";
  }

 private:
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
