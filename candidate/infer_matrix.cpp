#include "candidate/infer_rules.h"

namespace ballast::candidate::rules {
namespace {

std::string matmul_hint(const Shape& a, const Shape& b) {
  const Dim& inner = b.size() == 1 ? b[0] : b[b.size() - 2];
  if (a.size() == 2 && a[0] == inner) return "a.t() @ b fits";
  if (b.size() == 2 && b[1] == a.back()) return "a @ b.t() fits";
  if (a == b) return "(a * b).sum() is the inner product";
  return "the last size of the left side must equal the last but one of the right side";
}

// torch.matmul: vectors get a dimension of size 1 that is dropped again, leading ones broadcast.
Type matmul(const Node& node, const Operands& x) {
  need_attributes(node, 0, 0);
  need_tensor(node.op, x, 0);
  need_tensor(node.op, x, 1);
  Shape a = x[0].shape, b = x[1].shape;
  if (a.empty() || b.empty()) {
    refuse(node.op, x, "a 0-dim tensor is no matrix", "use * instead of @");
  }
  if (x[0].element != x[1].element || x[0].element == Element::kBool) {
    refuse(node.op, x, "both sides must have one element type, int or float",
           "x.float() makes it float");
  }
  const bool row = a.size() == 1, column = b.size() == 1;
  if (row) a.insert(a.begin(), Dim(1));
  if (column) b.push_back(Dim(1));
  if (a.back() != b[b.size() - 2]) {
    refuse(node.op, x,
           "sizes " + a.back().to_string() + " and " + b[b.size() - 2].to_string() + " differ",
           matmul_hint(x[0].shape, x[1].shape));
  }
  const std::optional<Shape> leading =
      broadcast(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
  if (!leading) refuse(node.op, x, "the leading dimensions do not broadcast");
  Shape shape = *leading;
  if (!row) shape.push_back(a[a.size() - 2]);
  if (!column) shape.push_back(b.back());
  return {true, x[0].element, shape};
}

Type transpose(const Node& node, const Operands& x) {
  need_attributes(node, 2, 0);
  const size_t from = need_dimension(node.op, x, node.ints[0]);
  const size_t to = need_dimension(node.op, x, node.ints[1]);
  Type type = x[0];
  if (from != to) std::swap(type.shape[from], type.shape[to]);
  return type;
}

}  // namespace

Type matrix(const Node& node, const Operands& x) {
  if (node.op == Op::kMatmul) return matmul(node, x);
  need_tensor(node.op, x, 0);
  Type type = x[0];
  const size_t rank = type.shape.size();
  switch (node.op) {
    case Op::kTranspose:
      return transpose(node, x);
    case Op::kDiagEmbed:
      need_attributes(node, 0, 0);
      if (rank != 1) refuse(node.op, x, "needs one dimension to make a diagonal matrix of");
      type.shape.push_back(type.shape[0]);
      return type;
    case Op::kDiagonal:
      need_attributes(node, 0, 0);
      if (rank != 2 || type.shape[0] != type.shape[1]) {
        refuse(node.op, x, "needs a square matrix", "x.t() @ x is (E,E) for x (T,E)");
      }
      type.shape.pop_back();
      return type;
    default:  // tril, triu
      need_attributes(node, 1, 0);
      if (rank < 2) refuse(node.op, x, "needs a matrix");
      return type;
  }
}

}  // namespace ballast::candidate::rules
