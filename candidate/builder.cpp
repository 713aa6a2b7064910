#include "candidate/builder.h"

#include <bit>
#include <cassert>

#include "candidate/canonical.h"
#include "candidate/fold.h"

namespace ballast::candidate {
namespace {

constexpr size_t kMaxRank = 8;

uint64_t mix(uint64_t hash, uint64_t value) {
  // splitmix64's finaliser over a running sum.
  hash += value + 0x9e3779b97f4a7c15;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
  return hash ^ (hash >> 31);
}

uint64_t mix_dim(uint64_t hash, const Dim& dim) {
  hash = mix(hash, dim.terms().size());
  for (const Dim::Term& term : dim.terms()) {
    for (int8_t power : term.powers) hash = mix(hash, static_cast<uint64_t>(power));
    hash = mix(hash, static_cast<uint64_t>(term.factor));
  }
  return hash;
}

bool same_bits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

bool same_attributes(const Node& a, const Node& b) {
  return a.op == b.op && a.ints == b.ints && a.dims == b.dims && same_bits(a.number, b.number);
}

// Constants stand before sizes, sizes before the rest.
int kind_rank(Op op) {
  if (op == Op::kNumber || op == Op::kBool) return 0;
  return op == Op::kSize ? 1 : 2;
}

}  // namespace

Builder::Facts Builder::facts_of(const Node& node) const {
  Facts facts;
  // The name and not the number, so that a new row in ops.def changes no order.
  for (char c : row(node.op).name) facts.hash = mix(facts.hash, static_cast<uint64_t>(c));
  facts.hash = mix(facts.hash, node.ints.size());
  for (int64_t value : node.ints) facts.hash = mix(facts.hash, static_cast<uint64_t>(value));
  facts.hash = mix(facts.hash, node.dims.size());
  for (const Dim& dim : node.dims) facts.hash = mix_dim(facts.hash, dim);
  facts.hash = mix(facts.hash, std::bit_cast<uint64_t>(node.number));
  for (NodeId id : node.in) {
    facts.hash = mix(facts.hash, facts_[id].hash);
    facts.height = std::max(facts.height, facts_[id].height + 1);
    facts.gradient = facts.gradient || facts_[id].gradient;
  }
  if (node.op == Op::kField) {
    facts.gradient = node.ints[0] <= static_cast<int64_t>(Field::kProbsGlobal);
  }
  if (node.op == Op::kDetach || node.type.element != Element::kFloat) facts.gradient = false;
  return facts;
}

int Builder::compare(NodeId a, NodeId b) const {
  if (a == b) return 0;
  const auto sign = [](auto order) { return order < 0 ? -1 : order > 0 ? 1 : 0; };
  const Facts &x = facts_[a], &y = facts_[b];
  if (int order = sign(kind_rank(nodes_[a].op) <=> kind_rank(nodes_[b].op))) return order;
  if (int order = sign(x.height <=> y.height)) return order;
  if (int order = sign(x.hash <=> y.hash)) return order;
  // Two structures of one hash: compare them whole.
  const Node &p = nodes_[a], &q = nodes_[b];
  if (int order = sign(row(p.op).name <=> row(q.op).name)) return order;
  if (int order = sign(p.ints <=> q.ints)) return order;
  if (int order = sign(p.dims <=> q.dims)) return order;
  if (int order = sign(std::bit_cast<uint64_t>(p.number) <=> std::bit_cast<uint64_t>(q.number))) {
    return order;
  }
  if (int order = sign(p.in.size() <=> q.in.size())) return order;
  for (size_t i = 0; i < p.in.size(); ++i) {
    if (int order = compare(p.in[i], q.in[i])) return order;
  }
  return 0;
}

bool Builder::before(NodeId a, NodeId b) const { return compare(a, b) < 0; }

NodeId Builder::intern(Node node) {
  if (row(node.op).commutative && before(node.in[1], node.in[0])) std::swap(node.in[0], node.in[1]);
  const Facts facts = facts_of(node);
  const auto [first, last] = by_hash_.equal_range(facts.hash);
  for (auto it = first; it != last; ++it) {
    const Node& old = nodes_[it->second];
    if (same_attributes(old, node) && old.in == node.in) return it->second;
  }
  if (nodes_.size() >= static_cast<size_t>(limits_.nodes)) {
    throw BuildError("more than " + std::to_string(limits_.nodes) +
                         " operations after helpers are inlined and loops unrolled",
                     "write loops over experts as tensor operations");
  }
  const auto id = static_cast<NodeId>(nodes_.size());
  nodes_.push_back(std::move(node));
  facts_.push_back(facts);
  by_hash_.emplace(facts.hash, id);
  return id;
}

NodeId Builder::number(double value) { return intern(number_node(value)); }

NodeId Builder::boolean(bool value) { return intern(bool_node(value)); }

NodeId Builder::size(const Dim& value) { return intern(size_node(value)); }

NodeId Builder::field(Field field) {
  Node node;
  node.op = Op::kField;
  node.ints = {static_cast<int64_t>(field)};
  node.type = field_type(field);
  return intern(std::move(node));
}

NodeId Builder::add(Op op, std::vector<NodeId> in, std::vector<int64_t> ints, std::vector<Dim> dims,
                    double number) {
  if (op == Op::kNumber) return intern(number_node(number));
  Node node{op, std::move(in), std::move(ints), std::move(dims), number, {}};
  std::vector<Type> types;
  std::vector<const Node*> operands;
  for (NodeId id : node.in) {
    assert(id < nodes_.size());
    types.push_back(nodes_[id].type);
    operands.push_back(&nodes_[id]);
  }
  node.type = infer(node, types);
  if (node.type.shape.size() > kMaxRank) {
    throw BuildError("a tensor of more than " + std::to_string(kMaxRank) + " dimensions");
  }
  check_values(node, operands);
  refuse_without_derivative(node);
  if (std::optional<Node> leaf = fold(node, operands)) return intern(std::move(*leaf));
  if (std::optional<NodeId> other = by_other_ops(node)) return *other;
  const std::vector<NodeId> written = node.in;
  if (const auto spelled = int_beside_float(node)) {
    node.in[spelled->first] = size(Dim(spelled->second));
  }
  if (std::optional<NodeId> old = simplify(node)) return *old;
  // Written anew, it may fold or be spelled in another way again.
  if (node.op != op || node.in != written) {
    return add(node.op, node.in, node.ints, node.dims, node.number);
  }
  return intern(std::move(node));
}

// Numbers: an int to a negative power is the float to that power, `not x` is x == 0, bool(x) and
// the condition x are x != 0.
std::optional<NodeId> Builder::by_other_ops(const Node& node) {
  if (node.in.empty()) return std::nullopt;
  const Element element = nodes_[node.in[0]].type.element;
  if (node.op == Op::kSelect && element != Element::kBool) {
    const NodeId condition = add(Op::kNe, {node.in[0], size(Dim(0))});
    return add(Op::kSelect, {condition, node.in[1], node.in[2]});
  }
  if (node.type.tensor) return std::nullopt;
  const bool truth = node.op == Op::kCast && node.type.element == Element::kBool;
  if ((node.op == Op::kNot || truth) && element != Element::kBool) {
    return add(truth ? Op::kNe : Op::kEq, {node.in[0], size(Dim(0))});
  }
  if (node.op == Op::kPow && node.type.element == Element::kInt) {
    const std::optional<Constant> exponent = constant_of(nodes_[node.in[1]]);
    if (!exponent || exponent->integer >= 0) return std::nullopt;
    const NodeId base = add(Op::kCast, {node.in[0]}, {static_cast<int64_t>(Element::kFloat)});
    return add(Op::kPow, {base, node.in[1]});
  }
  return std::nullopt;
}

// Forward they would work, backward PyTorch throws.
void Builder::refuse_without_derivative(const Node& node) const {
  const bool whole = node.op == Op::kFloorDiv, rest = node.op == Op::kMod;
  if (!(whole || rest) || !node.type.tensor) return;
  const bool first = facts_[node.in[0]].gradient, second = facts_[node.in[1]].gradient;
  if ((whole && (first || second)) || (rest && second)) {
    throw BuildError(
        std::string("PyTorch has no gradient of '") + (whole ? "//" : "%") + "' for this operand",
        whole ? "torch.floor(x / y), or x.detach()" : "x.detach()");
  }
}

NodeId Builder::import(const Program& program, NodeId root) {
  assert(root < program.nodes.size());
  std::vector<bool> needed(root + 1, false);
  needed[root] = true;
  for (NodeId id = root + 1; id-- > 0;) {
    if (!needed[id]) continue;
    for (NodeId operand : program.nodes[id].in) needed[operand] = true;
  }
  std::vector<NodeId> copy(root + 1, 0);
  for (NodeId id = 0; id <= root; ++id) {
    if (!needed[id]) continue;
    Node node = program.nodes[id];
    for (NodeId& operand : node.in) operand = copy[operand];
    copy[id] = intern(std::move(node));
  }
  return copy[root];
}

namespace {

void check_bias(const Type& type) {
  const Type wanted = field_type(Field::kBias);
  if (type == wanted) return;
  throw BuildError(
      "selection_bias returns " + to_string(type) + ", but must return a " + to_string(wanted),
      "return bias + step, one number per expert");
}

void check_loss(const Type& type) {
  if (!type.tensor || (type.element == Element::kFloat && type.shape.empty())) return;
  if (type.element != Element::kFloat) {
    throw BuildError("balance_loss returns " + to_string(type) + ", but must return a float",
                     "x.float() makes it float");
  }
  throw BuildError(
      "balance_loss returns a " + to_string(type) + ", but must return one number (a 0-dim tensor)",
      "reduce it with .sum() or .mean()");
}

}  // namespace

Program Builder::finish(std::optional<NodeId> loss, std::optional<NodeId> bias) const {
  if (!loss && !bias) throw BuildError("neither balance_loss nor selection_bias is defined");
  if (bias) check_bias(type(*bias));
  if (!loss) return canonical(nodes_, loss, bias);
  check_loss(type(*loss));
  if (type(*loss).tensor) return canonical(nodes_, loss, bias);
  Builder lifted = *this;
  const NodeId value = lifted.add(Op::kCast, {*loss}, {static_cast<int64_t>(Element::kFloat)});
  return canonical(lifted.nodes_, lifted.add(Op::kFull, {value}), bias);
}

}  // namespace ballast::candidate
