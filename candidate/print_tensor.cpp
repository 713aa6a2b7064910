#include <algorithm>

#include "candidate/print_expression.h"
#include "candidate/spelling.h"

namespace ballast::candidate {
namespace {

using Expressions = std::vector<Expression>;
using Nodes = std::vector<const Node*>;

std::string size_text(const Dim& size) { return size.whole() ? dim_expression(size).text : "-1"; }

std::string list_text(const Shape& sizes) {
  std::string text;
  for (size_t i = 0; i < sizes.size(); ++i) text += (i > 0 ? ", " : "") + size_text(sizes[i]);
  return text;
}

std::string tuple_text(const Shape& sizes) {
  return "(" + list_text(sizes) + (sizes.size() == 1 ? ",)" : ")");
}

std::string dims_text(const std::vector<int64_t>& ints, size_t first) {
  std::string text;
  for (size_t i = first; i < ints.size(); ++i) {
    text += (i > first ? ", " : "") + std::to_string(ints[i]);
  }
  return ints.size() - first == 1 ? text : "(" + text + ")";
}

// ".sum()", ".sum(0, keepdim=True)", ".var((0, 1), correction=0)".
std::string reduction(const Node& node, size_t rank) {
  const bool varies = node.op == Op::kVar || node.op == Op::kStd;
  const size_t first = varies ? 2 : 1;
  const bool all = node.ints.size() - first == rank, keepdim = node.ints[0] != 0;
  std::string arguments;
  const auto add = [&](const std::string& argument) {
    arguments += (arguments.empty() ? "" : ", ") + argument;
  };
  if (node.op == Op::kNorm) add("p=" + number_expression(node.number).text);
  if (rank == 0 && node.op == Op::kLogSumExp) {
    add("0");  // the one reduction that PyTorch wants a dimension for
  } else if (!all || keepdim || node.op == Op::kLogSumExp) {
    add((node.op == Op::kNorm ? "dim=" : "") + dims_text(node.ints, first));
  }
  if (varies) add("correction=" + std::to_string(node.ints[1]));
  if (keepdim) add("keepdim=True");
  return "." + std::string(spelling(node.op)) + "(" + arguments + ")";
}

// ".max(0).values", ".kthvalue(3, 0).values", ".argmax(0)": ints = {keepdim, dim}.
std::string choosing(const Node& node, const Expressions& x) {
  std::string text = "." + std::string(spelling(node.op)) + "(";
  if (x.size() == 2) text += x[1].text + ", ";
  text += std::to_string(node.ints[1]);
  if (node.ints[0] != 0) text += ", keepdim=True";
  text += ")";
  const bool pair = node.op == Op::kMaxValues || node.op == Op::kMinValues ||
                    node.op == Op::kMedianValues || node.op == Op::kKthvalue;
  return pair ? text + ".values" : text;
}

std::string along(const Node& node) {
  const std::string name = "." + std::string(spelling(node.op)) + "(";
  switch (node.op) {
    case Op::kSortValues:
    case Op::kSortIndices:
      return name + "dim=" + std::to_string(node.ints[0]) +
             (node.ints[1] != 0 ? ", descending=True" : "") + ", stable=True)" +
             (node.op == Op::kSortValues ? ".values" : "");
    case Op::kTopkValues:
    case Op::kTopkIndices:
      return name + size_text(node.dims[0]) + ", " + std::to_string(node.ints[0]) +
             (node.ints[1] != 0 ? ")" : ", largest=False)") +
             (node.op == Op::kTopkValues ? ".values" : ".indices");
    case Op::kFlip:
      return name + dims_text(node.ints, 0) + ")";
    case Op::kRoll:
      return name + std::to_string(node.ints[0]) + ", " + std::to_string(node.ints[1]) + ")";
    case Op::kCummaxValues:
    case Op::kCumminValues:
      return name + std::to_string(node.ints[0]) + ").values";
    default:
      return name + std::to_string(node.ints[0]) + ")";
  }
}

// ".unsqueeze(0)" where that is all it does, else ".reshape(...)".
std::string reshape(const Node& node, const Shape& from) {
  if (node.dims.size() == from.size() + 1) {
    for (size_t at = 0; at < node.dims.size(); ++at) {
      Shape tried = from;
      tried.insert(tried.begin() + static_cast<std::ptrdiff_t>(at), Dim(1));
      if (tried == node.dims) return ".unsqueeze(" + std::to_string(at) + ")";
    }
  }
  return ".reshape(" + (node.dims.empty() ? "()" : list_text(node.dims)) + ")";
}

std::string slice(const Node& node, const Shape& from) {
  const auto dim = static_cast<size_t>(node.ints[0]);
  std::string text = "[";
  for (size_t i = 0; i < dim; ++i) text += ":, ";
  if (node.dims[0] != Dim(0)) text += size_text(node.dims[0]);
  text += ":";
  if (node.dims[1] != from[dim]) text += size_text(node.dims[1]);
  if (node.ints[1] != 1) text += ":" + std::to_string(node.ints[1]);
  return text + "]";
}

std::string index(const Node& node, const Expression& at) {
  std::string text = "[";
  for (int64_t i = 0; i < node.ints[0]; ++i) text += ":, ";
  return text + at.text + "]";
}

std::string creation(const Node& node, const Expressions& x) {
  switch (node.op) {
    case Op::kFull:
      return "torch.full(" + tuple_text(node.dims) + ", " + x[0].text + ")";
    case Op::kArange: {
      const bool simple = node.dims[0] == Dim(0) && node.ints[0] == 1;
      if (simple) return "torch.arange(" + size_text(node.dims[1]) + ")";
      return "torch.arange(" + list_text(node.dims) + ", " + std::to_string(node.ints[0]) + ")";
    }
    default:
      return "torch.eye(" + size_text(node.dims[0]) + ")";
  }
}

std::string joined(const Node& node, const Expressions& x) {
  std::string text = "torch.cat((";
  for (const Expression& operand : x) text += operand.text + ", ";
  text.pop_back();
  if (x.size() > 1) text.pop_back();
  return text + "), " + std::to_string(node.ints[0]) + ")";
}

std::string matrix(const Node& node, const Expressions& x, const std::string& receiver,
                   size_t rank) {
  switch (node.op) {
    case Op::kMatmul:
      return "torch.matmul(" + x[0].text + ", " + x[1].text + ")";
    case Op::kTranspose:
      if (rank == 2) return receiver + ".t()";
      return receiver + ".transpose(" + std::to_string(node.ints[0]) + ", " +
             std::to_string(node.ints[1]) + ")";
    case Op::kDiagEmbed:
      return "torch.diag(" + x[0].text + ")";
    case Op::kDiagonal:
      return receiver + ".diagonal()";
    default:
      return receiver + "." + std::string(spelling(node.op)) + "(" + std::to_string(node.ints[0]) +
             ")";
  }
}

}  // namespace

std::string tensor_call(const Node& node, const Expressions& x, const Nodes& nodes) {
  if (node.op >= Op::kFull) return creation(node, x);
  const std::string receiver = bracketed(x[0], Precedence::kPostfix);
  const Shape& from = nodes[0]->type.shape;
  if (node.op <= Op::kStd) return receiver + reduction(node, from.size());
  if (node.op <= Op::kQuantile) return receiver + choosing(node, x);
  if (node.op <= Op::kRoll) return receiver + along(node);
  if (node.op <= Op::kTriu) return matrix(node, x, receiver, from.size());
  switch (node.op) {
    case Op::kReshape:
      return receiver + reshape(node, from);
    case Op::kExpand:
      return receiver + ".expand(" + list_text(node.dims) + ")";
    case Op::kSlice:
      return receiver + slice(node, from);
    case Op::kIndex:
      return receiver + index(node, x[1]);
    case Op::kIndexSelect:
    case Op::kGather:
      return receiver + "." + std::string(spelling(node.op)) + "(" + std::to_string(node.ints[0]) +
             ", " + x[1].text + ")";
    case Op::kCat:
      return joined(node, x);
    default:
      return "F.one_hot(" + x[0].text + ", " + size_text(node.dims[0]) + ")";
  }
}

}  // namespace ballast::candidate
