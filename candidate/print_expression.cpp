#include "candidate/print_expression.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "candidate/spelling.h"

namespace ballast::candidate {
namespace {

using Expressions = std::vector<Expression>;
using Nodes = std::vector<const Node*>;

constexpr std::array<std::string_view, kSymbols> kSymbolTexts{
    "r.logits.shape[0]", "r.num_sequences", "r.num_experts", "r.top_k", "r.device.shape[1]"};

std::string power_text(size_t symbol, int power) {
  std::string text(kSymbolTexts[symbol]);
  if (power != 1) text += " ** " + std::to_string(power);
  return text;
}

// |term| as a product, then `// divisor` for each divisor (T is a multiple of S).
std::string term_text(const Dim::Term& term) {
  std::string text, divisors;
  const int64_t size = std::abs(term.factor);
  for (size_t s = 0; s < kSymbols; ++s) {
    if (term.powers[s] > 0) text += (text.empty() ? "" : " * ") + power_text(s, term.powers[s]);
    if (term.powers[s] < 0) divisors += " // " + power_text(s, -term.powers[s]);
  }
  if (text.empty()) return std::to_string(size) + divisors;
  return (size == 1 ? "" : std::to_string(size) + " * ") + text + divisors;
}

Precedence term_precedence(const Dim::Term& term) {
  int factors = std::abs(term.factor) == 1 ? 0 : 1, powers = 0;
  for (int8_t power : term.powers) {
    factors += power != 0 ? 1 : 0;
    powers += power > 1 ? 1 : 0;
  }
  if (factors > 1) return Precedence::kProduct;
  return powers > 0 ? Precedence::kPower : Precedence::kPostfix;
}

Expression infix(std::string_view sign, const Expression& a, const Expression& b,
                 Precedence precedence) {
  const auto tighter = static_cast<Precedence>(static_cast<int>(precedence) + 1);
  const Precedence left = precedence == Precedence::kCompare ? tighter : precedence;
  return {bracketed(a, left) + " " + std::string(sign) + " " + bracketed(b, tighter), precedence};
}

Expression call(std::string_view function, const Expressions& x) {
  std::string text = std::string(function) + "(";
  for (size_t i = 0; i < x.size(); ++i) text += (i > 0 ? ", " : "") + x[i].text;
  return {text + ")"};
}

Expression cast(const Node& node, const Expression& x) {
  constexpr std::array<std::string_view, 3> kMethods{".bool()", ".long()", ".float()"};
  constexpr std::array<std::string_view, 3> kFunctions{"bool", "int", "float"};
  const auto element = static_cast<size_t>(node.type.element);
  if (!node.type.tensor) return call(kFunctions[element], {x});
  return {bracketed(x, Precedence::kPostfix) + std::string(kMethods[element])};
}

Expression unary(const Node& node, const Expression& x) {
  const std::string name(spelling(node.op));
  switch (node.op) {
    case Op::kNeg:
      return {"-" + bracketed(x, Precedence::kUnary), Precedence::kUnary};
    case Op::kCast:
      return cast(node, x);
    case Op::kNot:
      if (node.type.tensor) return call("torch.logical_not", {x});
      return {"not " + bracketed(x, Precedence::kNot), Precedence::kNot};
    case Op::kDetach:
      return {bracketed(x, Precedence::kPostfix) + ".detach()"};
    case Op::kAbs:
    case Op::kRound:
      return call(node.type.tensor ? "torch." + name : name, {x});
    case Op::kGelu:
      return {"F.gelu(" + x.text + (node.ints[0] != 0 ? ", approximate='tanh')" : ")")};
    case Op::kLogSigmoid:
    case Op::kRelu:
    case Op::kSoftplus:
    case Op::kSilu:
    case Op::kElu:
      return call("F." + name, {x});
    default:
      return call((node.type.tensor ? "torch." : "math.") + name, {x});
  }
}

// Constants read better on the right of a sum.
Expression sum(const Expressions& x, const Nodes& nodes) {
  const Op first = nodes[0]->op;
  const bool turn = first == Op::kNumber || first == Op::kSize;
  return infix("+", x[turn ? 1 : 0], x[turn ? 0 : 1], Precedence::kSum);
}

Expression power(const Expressions& x) {
  return {bracketed(x[0], Precedence::kPostfix) + " ** " + bracketed(x[1], Precedence::kUnary),
          Precedence::kPower};
}

Expression binary(const Node& node, const Expressions& x, const Nodes& nodes) {
  const std::string name(spelling(node.op));
  switch (node.op) {
    case Op::kAdd:
      return sum(x, nodes);
    case Op::kSub:
      return infix("-", x[0], x[1], Precedence::kSum);
    case Op::kMul:
    case Op::kDiv:
    case Op::kFloorDiv:
    case Op::kMod:
      return infix(name, x[0], x[1], Precedence::kProduct);
    case Op::kPow:
      return power(x);
    case Op::kMaximum:
      return call(node.type.tensor ? "torch.maximum" : "max", x);
    case Op::kMinimum:
      return call(node.type.tensor ? "torch.minimum" : "min", x);
    case Op::kAnd:
      return node.type.tensor ? call("torch.logical_and", x)
                              : infix("and", x[0], x[1], Precedence::kAnd);
    case Op::kOr:
      return node.type.tensor ? call("torch.logical_or", x)
                              : infix("or", x[0], x[1], Precedence::kOr);
    case Op::kXor:
    case Op::kXlogy:
      return call("torch." + name, x);
    case Op::kClampMin:
      return {bracketed(x[0], Precedence::kPostfix) + ".clamp(min=" + x[1].text + ")"};
    case Op::kClampMax:
      return {bracketed(x[0], Precedence::kPostfix) + ".clamp(max=" + x[1].text + ")"};
    default:
      return infix(name, x[0], x[1], Precedence::kCompare);
  }
}

Expression leaf(const Node& node) {
  switch (node.op) {
    case Op::kField: {
      const auto field = static_cast<Field>(node.ints[0]);
      const std::string name(field_name(field));
      return {field == Field::kBias ? name : "r." + name};
    }
    case Op::kBool:
      return {node.ints[0] != 0 ? "True" : "False"};
    case Op::kSize:
      return dim_expression(node.dims[0]);
    default:
      return number_expression(node.number);
  }
}

}  // namespace

std::string bracketed(const Expression& expression, Precedence needed) {
  if (expression.precedence >= needed) return expression.text;
  return "(" + expression.text + ")";
}

Expression number_expression(double value) {
  std::array<char, 32> digits;
  if (std::isinf(value)) {
    if (value > 0) return {"math.inf"};
    return {"-math.inf", Precedence::kUnary};
  }
  const std::to_chars_result end =
      std::to_chars(digits.data(), digits.data() + digits.size(), value);
  std::string text(digits.data(), end.ptr);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return {text, std::signbit(value) ? Precedence::kUnary : Precedence::kPostfix};
}

Expression dim_expression(const Dim& dim) {
  if (dim.terms().empty()) return {"0"};
  std::string text;
  for (auto term = dim.terms().rbegin(); term != dim.terms().rend(); ++term) {
    const bool minus = term->factor < 0;
    text += text.empty() ? (minus ? "-" : "") : (minus ? " - " : " + ");
    text += term_text(*term);
  }
  if (dim.terms().size() > 1) return {text, Precedence::kSum};
  const Dim::Term& only = dim.terms()[0];
  if (only.factor > 0) return {text, term_precedence(only)};
  // -2 * r.top_k binds as (-2) * r.top_k.
  return {text, std::min(term_precedence(only), Precedence::kUnary)};
}

Expression node_expression(const Node& node, const Expressions& operands, const Nodes& nodes) {
  Expression result;
  if (node.in.empty() && node.op <= Op::kSize) {
    result = leaf(node);
  } else if (node.op > Op::kSelect) {
    result = {tensor_call(node, operands, nodes)};
  } else if (node.op == Op::kSelect) {
    constexpr Precedence kBranch = Precedence::kOr;
    result = {bracketed(operands[1], kBranch) + " if " + bracketed(operands[0], kBranch) +
                  " else " + bracketed(operands[2], kBranch),
              Precedence::kTernary};
  } else if (node.op == Op::kWhere) {
    result = call("torch.where", operands);
  } else {
    result = operands.size() == 1 ? unary(node, operands[0]) : binary(node, operands, nodes);
  }
  for (const Expression& operand : operands) {
    result.depth = std::max(result.depth, operand.depth + 1);
  }
  return result;
}

}  // namespace ballast::candidate
