#include <algorithm>
#include <array>

#include "candidate/syntax.h"

namespace ballast::candidate {
namespace {

struct BinaryRow {
  int level;  // 0 binds loosest
  std::string_view text;
  Operator op;
};
constexpr int kLevels = 6;
constexpr std::array<BinaryRow, 12> kBinary = {{{0, "|", Operator::kBitOr},
                                                {1, "^", Operator::kBitXor},
                                                {2, "&", Operator::kBitAnd},
                                                {3, "<<", Operator::kShiftLeft},
                                                {3, ">>", Operator::kShiftRight},
                                                {4, "+", Operator::kAdd},
                                                {4, "-", Operator::kSub},
                                                {5, "*", Operator::kMul},
                                                {5, "/", Operator::kDiv},
                                                {5, "//", Operator::kFloorDiv},
                                                {5, "%", Operator::kMod},
                                                {5, "@", Operator::kMatmul}}};

constexpr std::array<std::pair<std::string_view, Operator>, 6> kComparisons = {
    {{"==", Operator::kEq},
     {"!=", Operator::kNe},
     {"<", Operator::kLt},
     {"<=", Operator::kLe},
     {">", Operator::kGt},
     {">=", Operator::kGe}}};

// More than this many calls and indices in one chain is no loss.
constexpr int kTrailers = 64;

}  // namespace

Syntax::Deeper::Deeper(Syntax& syntax) : syntax_(syntax) {
  if (++syntax_.depth_ > syntax_.limits_.nesting) {
    --syntax_.depth_;
    fail(syntax_.peek().at,
         "expressions are nested deeper than " + std::to_string(syntax_.limits_.nesting),
         "give parts of it names");
  }
}

ExprId Syntax::make(ExprKind kind, Position at, std::vector<ExprId> items) {
  Expr expr;
  expr.kind = kind;
  expr.at = at;
  expr.items = std::move(items);
  ast_.exprs.push_back(std::move(expr));
  return static_cast<ExprId>(ast_.exprs.size() - 1);
}

ExprId Syntax::expression_list() {
  const Position at = peek().at;
  const ExprId first = expression();
  if (!at_op(",")) return first;
  std::vector<ExprId> items{first};
  while (take_op(",")) {
    const Token& token = peek();
    if (token.kind == Tok::kNewline || at_op("=") || at_op(")") || at_op("]") || at_op(":") ||
        at_op(";"))
      break;
    items.push_back(expression());
  }
  return make(ExprKind::kTuple, at, std::move(items));
}

ExprId Syntax::expression() {
  const Deeper deeper(*this);
  const ExprId value = or_test();
  if (at_op(":=")) fail(peek().at, "`:=` is not in the language", "assign on a line of its own");
  if (!at_word("if")) return value;
  const Position at = next().at;
  const ExprId condition = or_test();
  if (!take_word("else")) unexpected("`else` and the other value");
  return make(ExprKind::kTernary, at, {value, condition, expression()});
}

ExprId Syntax::or_test() {
  const Position at = peek().at;
  std::vector<ExprId> items{and_test()};
  while (take_word("or")) items.push_back(and_test());
  return items.size() == 1 ? items[0] : make(ExprKind::kOr, at, std::move(items));
}

ExprId Syntax::and_test() {
  const Position at = peek().at;
  std::vector<ExprId> items{not_test()};
  while (take_word("and")) items.push_back(not_test());
  return items.size() == 1 ? items[0] : make(ExprKind::kAnd, at, std::move(items));
}

ExprId Syntax::not_test() {
  if (!at_word("not")) return comparison();
  const Deeper deeper(*this);
  const Position at = next().at;
  const ExprId id = make(ExprKind::kPrefix, at, {not_test()});
  ast_.exprs[id].operators.push_back({Operator::kNot, at});
  return id;
}

std::optional<OperatorAt> Syntax::comparison_operator() {
  const Position at = peek().at;
  if (peek().kind == Tok::kOp) {
    for (const auto& [text, op] : kComparisons)
      if (take_op(text)) return OperatorAt{op, at};
    return std::nullopt;
  }
  if (take_word("is")) return OperatorAt{take_word("not") ? Operator::kIsNot : Operator::kIs, at};
  if (take_word("in")) return OperatorAt{Operator::kIn, at};
  if (at_word("not") && peek(1).kind == Tok::kName && peek(1).text == "in") {
    next(), next();
    return OperatorAt{Operator::kNotIn, at};
  }
  return std::nullopt;
}

ExprId Syntax::comparison() {
  const Position at = peek().at;
  std::vector<ExprId> items{binary(0)};
  std::vector<OperatorAt> operators;
  while (const auto op = comparison_operator()) {
    operators.push_back(*op);
    items.push_back(binary(0));
  }
  if (operators.empty()) return items[0];
  const ExprId id = make(ExprKind::kCompare, at, std::move(items));
  ast_.exprs[id].operators = std::move(operators);
  return id;
}

ExprId Syntax::binary(int level) {
  if (level == kLevels) return prefix();
  const Position at = peek().at;
  std::vector<ExprId> items{binary(level + 1)};
  std::vector<OperatorAt> operators;
  while (peek().kind == Tok::kOp) {
    const auto row = std::find_if(kBinary.begin(), kBinary.end(), [&](const BinaryRow& candidate) {
      return candidate.level == level && candidate.text == peek().text;
    });
    if (row == kBinary.end()) break;
    operators.push_back({row->op, next().at});
    items.push_back(binary(level + 1));
  }
  if (operators.empty()) return items[0];
  const ExprId id = make(ExprKind::kChain, at, std::move(items));
  ast_.exprs[id].operators = std::move(operators);
  return id;
}

ExprId Syntax::prefix() {
  const Position at = peek().at;
  Operator op;
  if (at_op("-")) {
    op = Operator::kMinus;
  } else if (at_op("+")) {
    op = Operator::kPlus;
  } else if (at_op("~")) {
    op = Operator::kInvert;
  } else {
    return power();
  }
  const Deeper deeper(*this);
  next();
  const ExprId id = make(ExprKind::kPrefix, at, {prefix()});
  ast_.exprs[id].operators.push_back({op, at});
  return id;
}

ExprId Syntax::power() {
  const Position at = peek().at;
  const ExprId base = postfix();
  if (!at_op("**")) return base;
  const Deeper deeper(*this);
  const Position op_at = next().at;
  const ExprId id = make(ExprKind::kChain, at, {base, prefix()});
  ast_.exprs[id].operators.push_back({Operator::kPow, op_at});
  return id;
}

ExprId Syntax::postfix() {
  ExprId base = atom();
  for (int trailers = 0;; ++trailers) {
    const Position at = peek().at;
    if (trailers > kTrailers)
      fail(at, "more than " + std::to_string(kTrailers) + " calls in one chain",
           "give parts of it names");
    if (take_op(".")) {
      const Position name_at = peek().at;
      if (peek().kind != Tok::kName) unexpected("after '.'");
      const std::string_view name = next().text;
      base = make(ExprKind::kAttribute, name_at, {base});
      ast_.exprs[base].text = name;
    } else if (at_op("(")) {
      base = call(base);
    } else if (at_op("[")) {
      base = subscript(base);
    } else {
      return base;
    }
  }
}

ExprId Syntax::atom() {
  refuse_foreign_keyword();
  const Token& token = peek();
  switch (token.kind) {
    case Tok::kInt: {
      const ExprId id = make(ExprKind::kInt, token.at);
      ast_.exprs[id].integer = next().integer;
      return id;
    }
    case Tok::kFloat: {
      const ExprId id = make(ExprKind::kFloat, token.at);
      ast_.exprs[id].number = next().number;
      return id;
    }
    case Tok::kString:
      return strings();
    case Tok::kName: {
      if (take_word("True")) return make(ExprKind::kTrue, token.at);
      if (take_word("False")) return make(ExprKind::kFalse, token.at);
      if (take_word("None")) return make(ExprKind::kNone, token.at);
      if (is_keyword(token.text)) unexpected("an expression");
      const ExprId id = make(ExprKind::kName, token.at);
      ast_.exprs[id].text = next().text;
      return id;
    }
    case Tok::kOp:
      if (token.text == "(") return parenthesised();
      if (token.text == "[") return list();
      if (take_op("...")) return make(ExprKind::kEllipsis, token.at);
      if (token.text == "{")
        fail(token.at, "dicts and sets are not in the language", "use a list, or separate names");
      if (token.text == "*" || token.text == "**")
        fail(token.at, "starred expressions are not in the language", "write the items out");
      break;
    default:
      break;
  }
  unexpected("an expression");
}

ExprId Syntax::strings() {
  const ExprId id = make(ExprKind::kText, peek().at);
  while (peek().kind == Tok::kString) ast_.exprs[id].string += next().string;
  return id;
}

ExprId Syntax::parenthesised() {
  const Position at = next().at;
  if (take_op(")")) return make(ExprKind::kTuple, at);
  const ExprId first = expression();
  if (at_word("for")) {
    const ExprId id = comprehension(first, at);
    expect_op(")", "after this generator");
    return id;
  }
  if (take_op(")")) return first;
  std::vector<ExprId> items{first};
  while (take_op(",")) {
    if (at_op(")")) break;
    items.push_back(expression());
  }
  expect_op(")", "in these brackets");
  return make(ExprKind::kTuple, at, std::move(items));
}

ExprId Syntax::list() {
  const Position at = next().at;
  std::vector<ExprId> items;
  while (!at_op("]")) {
    items.push_back(expression());
    if (items.size() == 1 && at_word("for")) {
      const ExprId id = comprehension(items[0], at);
      expect_op("]", "after this comprehension");
      return id;
    }
    if (!take_op(",")) break;
  }
  expect_op("]", "in this list");
  return make(ExprKind::kList, at, std::move(items));
}

ExprId Syntax::comprehension(ExprId element, Position at) {
  next();  // for
  std::vector<ExprId> items{element, target_list()};
  if (!take_word("in")) unexpected("`in`");
  items.push_back(or_test());
  while (take_word("if")) items.push_back(or_test());
  if (at_word("for")) fail(peek().at, "only one `for` in a comprehension", "write a loop");
  return make(ExprKind::kComprehension, at, std::move(items));
}

ExprId Syntax::call(ExprId callee) {
  const Position at = ast_.exprs[callee].at;
  next();  // (
  std::vector<ExprId> items{callee};
  std::vector<std::string_view> keywords;
  while (!at_op(")")) {
    if (at_op("*") || at_op("**"))
      fail(peek().at, "starred arguments are not in the language", "write the arguments out");
    std::string_view keyword;
    if (peek().kind == Tok::kName && peek(1).kind == Tok::kOp && peek(1).text == "=") {
      keyword = expect_name("as the name of an argument");
      next();  // =
    } else if (!keywords.empty() && !keywords.back().empty()) {
      fail(peek().at, "a positional argument follows a keyword argument");
    }
    const ExprId value = expression();
    items.push_back(at_word("for") && keyword.empty() ? comprehension(value, ast_.exprs[value].at)
                                                      : value);
    keywords.push_back(keyword);
    if (!take_op(",")) break;
  }
  expect_op(")", "in these arguments");
  const ExprId id = make(ExprKind::kCall, at, std::move(items));
  ast_.exprs[id].keywords = std::move(keywords);
  return id;
}

ExprId Syntax::subscript(ExprId base) {
  const Position at = next().at;
  if (at_op("]")) unexpected("an index");
  const ExprId first = slice();
  ExprId index = first;
  if (at_op(",")) {
    std::vector<ExprId> items{first};
    while (take_op(",")) {
      if (at_op("]")) break;
      items.push_back(slice());
    }
    index = make(ExprKind::kTuple, at, std::move(items));
  }
  expect_op("]", "in this index");
  return make(ExprKind::kSubscript, at, {base, index});
}

ExprId Syntax::slice() {
  const Position at = peek().at;
  std::vector<ExprId> parts(3, kNoExpr);
  if (!at_op(":")) {
    parts[0] = expression();
    if (!at_op(":")) return parts[0];
  }
  for (size_t part = 1; part < 3 && take_op(":"); ++part)
    if (!at_op(":") && !at_op("]") && !at_op(",")) parts[part] = expression();
  return make(ExprKind::kSlice, at, std::move(parts));
}

}  // namespace ballast::candidate
