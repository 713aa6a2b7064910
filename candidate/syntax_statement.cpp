#include <algorithm>
#include <array>

#include "candidate/syntax.h"

namespace ballast::candidate {
namespace {

constexpr std::array<std::string_view, 35> kKeywords = {
    "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
    "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
    "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
    "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield"};

struct RefusedStatement {
  std::string_view word, message, hint;
};

// Statements of Python that the language leaves out.
constexpr std::array<RefusedStatement, 12> kStatements = {{
    {"while", "`while` is not in the language: its length is unknown",
     "write `for i in range(n):`"},
    {"try", "`try` is not in the language",
     "a loss must not raise: guard with torch.where or clamp"},
    {"raise", "`raise` is not in the language", "leave the check out"},
    {"assert", "`assert` is not in the language", "leave the check out"},
    {"class", "classes are not in the language", "write functions"},
    {"del", "`del` is not in the language", "leave it out"},
    {"global", "`global` is not in the language: a loss has no state", "pass and return values"},
    {"nonlocal", "`nonlocal` is not in the language: a loss has no state",
     "pass and return values"},
    {"async", "`async` is not in the language", "write plain functions"},
    {"except", "`except` is not in the language", "a loss must not raise"},
    {"finally", "`finally` is not in the language", "a loss must not raise"},
    {"@", "decorators are not in the language", "leave the decorator out"},
}};

struct BoundOperator {
  std::string_view text;
  Operator op;
};
constexpr std::array<BoundOperator, 13> kAugmented = {{{"+=", Operator::kAdd},
                                                       {"-=", Operator::kSub},
                                                       {"*=", Operator::kMul},
                                                       {"/=", Operator::kDiv},
                                                       {"//=", Operator::kFloorDiv},
                                                       {"%=", Operator::kMod},
                                                       {"**=", Operator::kPow},
                                                       {"@=", Operator::kMatmul},
                                                       {"&=", Operator::kBitAnd},
                                                       {"|=", Operator::kBitOr},
                                                       {"^=", Operator::kBitXor},
                                                       {"<<=", Operator::kShiftLeft},
                                                       {">>=", Operator::kShiftRight}}};

std::string describe(const Token& token) {
  switch (token.kind) {
    case Tok::kNewline:
      return "the end of the line";
    case Tok::kIndent:
      return "an indented line";
    case Tok::kDedent:
      return "the end of the block";
    case Tok::kEnd:
      return "the end of the text";
    case Tok::kString:
      return "a string";
    default:
      return quoted(token.text);
  }
}

}  // namespace

bool is_keyword(std::string_view name) {
  return std::find(kKeywords.begin(), kKeywords.end(), name) != kKeywords.end();
}

bool Syntax::take_op(std::string_view text) {
  const bool found = at_op(text);
  if (found) next();
  return found;
}

bool Syntax::take_word(std::string_view text) {
  const bool found = at_word(text);
  if (found) next();
  return found;
}

void Syntax::unexpected(std::string_view where) const {
  refuse_foreign_keyword();
  fail(peek().at, "found " + describe(peek()) + ", expected " + std::string(where));
}

void Syntax::expect_op(std::string_view text, std::string_view where) {
  if (!take_op(text)) unexpected("'" + std::string(text) + "' " + std::string(where));
}

std::string_view Syntax::expect_name(std::string_view where) {
  if (peek().kind != Tok::kName || is_keyword(peek().text))
    unexpected("a name " + std::string(where));
  return next().text;
}

void Syntax::refuse_foreign_keyword() const {
  if (at_word("lambda"))
    fail(peek().at, "`lambda` is not in the language", "write a `def` with a name");
  if (at_word("yield")) fail(peek().at, "`yield` is not in the language", "build a list");
  if (at_word("await")) fail(peek().at, "`await` is not in the language", "write plain functions");
}

Ast Syntax::run() {
  while (peek().kind != Tok::kEnd) statement(ast_.body);
  return std::move(ast_);
}

StmtId Syntax::add(Stmt stmt) {
  if (static_cast<int>(ast_.stmts.size()) >= limits_.statements)
    fail(stmt.at, "more than " + std::to_string(limits_.statements) + " statements");
  ast_.stmts.push_back(std::move(stmt));
  return static_cast<StmtId>(ast_.stmts.size() - 1);
}

void Syntax::bind(std::string_view name) {
  if (!scopes_.empty()) scopes_.back()->insert(name);
}

void Syntax::refuse_statement() const {
  if (at_word("with")) {
    const bool no_grad =
        peek(1).text == "torch" && peek(2).text == "." && peek(3).text == "no_grad";
    fail(peek().at,
         no_grad ? "`with torch.no_grad():` is not in the language"
                 : "`with` is not in the language",
         no_grad ? "write `.detach()` on the values that must carry no gradient" : "leave it out");
  }
  for (const RefusedStatement& refusal : kStatements)
    if (at_word(refusal.word) || at_op(refusal.word))
      fail(peek().at, std::string(refusal.message), std::string(refusal.hint));
}

void Syntax::statement(Block& out) {
  if (peek().kind == Tok::kIndent)
    fail(peek().at, "this line is indented, but no block begins before it",
         "indent as the line above");
  refuse_statement();
  if (at_word("if")) {
    out.push_back(if_statement());
  } else if (at_word("for")) {
    out.push_back(for_statement());
  } else if (at_word("def")) {
    out.push_back(definition());
  } else {
    simple_statements(out);
  }
}

void Syntax::simple_statements(Block& out) {
  out.push_back(simple_statement());
  while (take_op(";")) {
    if (peek().kind == Tok::kNewline) break;
    refuse_statement();
    out.push_back(simple_statement());
  }
  if (peek().kind != Tok::kNewline) unexpected("the end of the line");
  next();
}

StmtId Syntax::simple_statement() {
  Stmt stmt;
  stmt.at = peek().at;
  if (at_word("import")) return import_statement();
  if (at_word("from")) return from_import();
  if (take_word("pass")) return add(stmt);
  if (at_word("break") || at_word("continue")) {
    if (loops_ == 0) fail(stmt.at, quoted(peek().text) + " outside a loop");
    stmt.kind = next().text == "break" ? StmtKind::kBreak : StmtKind::kContinue;
    return add(stmt);
  }
  if (take_word("return")) {
    if (scopes_.empty()) fail(stmt.at, "`return` outside a function");
    stmt.kind = StmtKind::kReturn;
    if (peek().kind != Tok::kNewline && !at_op(";")) stmt.value = expression_list();
    return add(stmt);
  }
  if (at_word("elif") || at_word("else"))
    fail(stmt.at, quoted(peek().text) + " belongs to no `if`", "indent it as its `if`");
  return expression_statement();
}

StmtId Syntax::expression_statement() {
  Stmt stmt;
  stmt.at = peek().at;
  const ExprId first = expression_list();
  if (at_op(":")) return annotated(first, std::move(stmt));
  for (const BoundOperator& row : kAugmented) {
    if (!at_op(row.text)) continue;
    stmt.kind = StmtKind::kAugment;
    stmt.at = next().at;
    stmt.op = row.op;
    check_target(first);
    if (ast_.exprs[first].kind != ExprKind::kName)
      fail(stmt.at, "only a name can stand before " + quoted(row.text));
    stmt.targets = {first};
    stmt.value = expression_list();
    return add(std::move(stmt));
  }
  stmt.value = first;
  while (take_op("=")) {
    stmt.kind = StmtKind::kAssign;
    check_target(stmt.value);
    stmt.targets.push_back(stmt.value);
    stmt.value = expression_list();
  }
  if (stmt.kind == StmtKind::kPass) stmt.kind = StmtKind::kExpression;
  return add(std::move(stmt));
}

// x: Tensor, or x: Tensor = value
StmtId Syntax::annotated(ExprId target, Stmt stmt) {
  next();  // :
  check_target(target);
  if (ast_.exprs[target].kind != ExprKind::kName)
    fail(stmt.at, "only a single name can be annotated");
  skip_annotation();
  if (!take_op("=")) return add(std::move(stmt));  // declares, binds nothing: as `pass`
  stmt.kind = StmtKind::kAssign;
  stmt.targets = {target};
  stmt.value = expression_list();
  return add(std::move(stmt));
}

void Syntax::skip_annotation() { expression(); }

void Syntax::check_target(ExprId target) {
  const Expr& expr = ast_.exprs[target];
  switch (expr.kind) {
    case ExprKind::kName:
      return bind(expr.text);
    case ExprKind::kTuple:
    case ExprKind::kList:
      if (expr.items.empty()) fail(expr.at, "there is no name to assign to");
      for (const ExprId item : std::vector<ExprId>(expr.items)) check_target(item);
      return;
    case ExprKind::kAttribute:
      fail(expr.at, "assigning to the attribute " + quoted(expr.text) + " would change an object",
           "bind a new local name instead, `" + std::string(expr.text.substr(0, 40)) +
               " = ...`, and use it below");
    case ExprKind::kSubscript:
      fail(expr.at, "assigning to items would change a tensor or list in place",
           "build a new one: torch.where, torch.stack, torch.cat or F.one_hot; in place of loops, "
           "x[:, :, None] * x[:, None, :] holds all products");
    default:
      fail(expr.at, "this cannot be assigned to", "only names can");
  }
}

ExprId Syntax::target_list() {
  const Position at = peek().at;
  std::vector<ExprId> items;
  bool comma = false;
  do {
    items.push_back(postfix());
    check_target(items.back());
    comma = take_op(",");
  } while (comma && !at_word("in"));
  return items.size() == 1 && !comma ? items[0] : make(ExprKind::kTuple, at, std::move(items));
}

Block Syntax::block() {
  expect_op(":", "before a block");
  Block out;
  if (peek().kind != Tok::kNewline) {
    simple_statements(out);
    return out;
  }
  next();
  if (peek().kind != Tok::kIndent)
    fail(peek().at, "an indented block must follow", "indent the next line, or write `pass`");
  next();
  while (peek().kind != Tok::kDedent && peek().kind != Tok::kEnd) statement(out);
  next();
  return out;
}

StmtId Syntax::if_statement() {
  Stmt stmt;
  stmt.kind = StmtKind::kIf;
  stmt.at = peek().at;
  do {
    next();  // if, elif
    stmt.conditions.push_back(expression());
    stmt.blocks.push_back(block());
  } while (at_word("elif"));
  if (take_word("else")) stmt.blocks.push_back(block());
  return add(std::move(stmt));
}

StmtId Syntax::for_statement() {
  Stmt stmt;
  stmt.kind = StmtKind::kFor;
  stmt.at = next().at;
  stmt.targets = {target_list()};
  if (!take_word("in")) unexpected("`in`");
  stmt.value = expression_list();
  ++loops_;
  stmt.blocks.push_back(block());
  --loops_;
  if (at_word("else"))
    fail(peek().at, "`else` after a loop is not in the language", "write it after the loop");
  return add(std::move(stmt));
}

}  // namespace ballast::candidate
