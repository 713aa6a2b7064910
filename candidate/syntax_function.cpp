// Definitions and imports.
#include <algorithm>
#include <array>
#include <utility>

#include "candidate/syntax.h"

namespace ballast::candidate {
namespace {

// The modules that a candidate may import. `torch.nn` only leads to torch.nn.functional.
constexpr std::array<std::string_view, 4> kModules = {"torch", "torch.nn", "torch.nn.functional",
                                                      "math"};

[[noreturn]] void refuse_import(Position at, std::string_view module) {
  fail(at, "import of " + quoted(module) + " is not allowed",
       "only torch, torch.nn.functional and math can be imported");
}

}  // namespace

StmtId Syntax::definition() {
  Stmt stmt;
  stmt.kind = StmtKind::kDef;
  stmt.at = next().at;
  Function function;
  function.at = peek().at;
  function.name = expect_name("after `def`");
  bind(function.name);
  if (scopes_.size() >= 8) fail(stmt.at, "functions are nested deeper than 8");
  parameters(function);
  if (take_op("->")) skip_annotation();
  scopes_.push_back(&function.locals);
  const int loops = std::exchange(loops_, 0);
  function.body = block();
  loops_ = loops;
  scopes_.pop_back();
  ast_.functions.push_back(std::move(function));
  stmt.function = static_cast<uint32_t>(ast_.functions.size() - 1);
  return add(std::move(stmt));
}

void Syntax::parameters(Function& function) {
  expect_op("(", "after the function's name");
  bool keyword_only = false;
  while (!at_op(")")) {
    if (take_op("*")) {
      if (!at_op(",")) fail(peek().at, "`*args` is not in the language", "name each parameter");
      keyword_only = true;
    } else if (at_op("**")) {
      fail(peek().at, "`**kwargs` is not in the language", "name each parameter");
    } else if (!take_op("/")) {
      Parameter parameter;
      parameter.at = peek().at;
      parameter.name = expect_name("of a parameter");
      parameter.keyword_only = keyword_only;
      if (!function.locals.insert(parameter.name).second)
        fail(parameter.at, "there are two parameters " + quoted(parameter.name));
      if (take_op(":")) skip_annotation();
      if (take_op("=")) {
        parameter.value = expression();
      } else if (!keyword_only && !function.parameters.empty() &&
                 function.parameters.back().value != kNoExpr) {
        fail(parameter.at, "a parameter without a default follows one with a default");
      }
      function.parameters.push_back(parameter);
    }
    if (!take_op(",")) break;
  }
  expect_op(")", "after the parameters");
}

std::string Syntax::dotted_name() {
  std::string path(expect_name("of a module"));
  while (take_op(".")) path += "." + std::string(expect_name("of a module"));
  return path;
}

void Syntax::add_import(Stmt& stmt, Position at, std::string module, std::string_view name,
                        std::string_view bound) {
  if (std::find(kModules.begin(), kModules.end(), module) == kModules.end())
    refuse_import(at, module);
  bind(bound);
  stmt.imports.push_back({std::move(module), name, bound});
}

// import torch, math; import torch.nn.functional as F
StmtId Syntax::import_statement() {
  Stmt stmt;
  stmt.kind = StmtKind::kImport;
  stmt.at = next().at;
  do {
    const Position at = peek().at;
    const std::string_view first = peek().text;
    std::string module = dotted_name();
    if (take_word("as")) {
      const std::string_view bound = expect_name("after `as`");
      add_import(stmt, at, std::move(module), {}, bound);
    } else {
      add_import(stmt, at, module, {}, first);
      stmt.imports.back().module = std::string(first);  // `import a.b` binds a
    }
  } while (take_op(","));
  return add(std::move(stmt));
}

// from torch.nn import functional as F
StmtId Syntax::from_import() {
  Stmt stmt;
  stmt.kind = StmtKind::kImport;
  stmt.at = next().at;
  const Position at = peek().at;
  if (at_op(".") || at_op("...")) fail(at, "relative imports are not allowed");
  const std::string module = dotted_name();
  if (!take_word("import")) unexpected("`import`");
  if (at_op("*"))
    fail(peek().at, "`import *` is not allowed", "import the module and write its name");
  const bool brackets = take_op("(");
  do {
    if (brackets && at_op(")")) break;
    const std::string_view name = expect_name("to import");
    const std::string_view bound = take_word("as") ? expect_name("after `as`") : name;
    add_import(stmt, at, module, name, bound);
  } while (take_op(","));
  if (brackets) expect_op(")", "after the imported names");
  return add(std::move(stmt));
}

Ast parse_tokens(const std::vector<Token>& tokens, const Limits& limits) {
  return Syntax(tokens, limits).run();
}

}  // namespace ballast::candidate
