// What the recorded values of PyTorch (tests/golden) cover: a table of names that grows is held to
// them here. That the interpreter agrees with them is tests/trainer/golden_test.cpp.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "candidate/ast.h"
#include "candidate/lexer.h"
#include "candidate/names.h"

namespace ballast::candidate {
namespace {

using Given = std::map<std::pair<Space, const NameRow*>, std::set<std::string>>;

// "torch.special.xlogy" of names and attributes only; empty: something else, such as x[0].sum.
std::string dotted(const Ast& ast, ExprId id) {
  const Expr& e = ast.exprs[id];
  if (e.kind == ExprKind::kName) return std::string(e.text);
  if (e.kind != ExprKind::kAttribute) return "";
  const std::string base = dotted(ast, e.items[0]);
  return base.empty() ? "" : base + "." + std::string(e.text);
}

// Which row is called, and where it was written: torch.sum(x), x.sum(), sum(x) are three.
std::optional<std::pair<Space, const NameRow*>> called(const Ast& ast, const Expr& call) {
  const Expr& callee = ast.exprs[call.items[0]];
  const std::string name = dotted(ast, call.items[0]);
  const std::pair<std::string, Space> modules[] = {
      {"torch.", kTorch}, {"F.", kFunctional}, {"math.", kMath}};
  for (const auto& [module, space] : modules)
    if (name.starts_with(module))
      if (const NameRow* row = find_name(space, name.substr(module.size())))
        return std::pair{space, row};
  const Space space = callee.kind == ExprKind::kName ? kBuiltin : kMethod;
  if (callee.kind != ExprKind::kName && callee.kind != ExprKind::kAttribute) return std::nullopt;
  if (const NameRow* row = find_name(space, callee.text)) return std::pair{space, row};
  return std::nullopt;
}

// The parameters that a call gives, by position or by name.
void note(const Ast& ast, const Expr& call, Given& given) {
  const auto target = called(ast, call);
  if (!target) return;
  std::set<std::string>& seen = given[*target];
  const auto& parameters = target->second->parameters;
  size_t position = target->first == kMethod ? 1 : 0;
  if (position == 1) seen.insert(std::string(parameters[0].name));
  for (size_t i = 1; i < call.items.size(); ++i) {
    const std::string_view keyword = call.keywords[i - 1];
    if (!keyword.empty())
      seen.insert(std::string(keyword));
    else if (position < parameters.size())
      seen.insert(std::string(parameters[position].name));
    if (keyword.empty() && !(position < parameters.size() && parameters[position].rest)) ++position;
  }
}

Given recorded() {
  Given given;
  for (const char* group : {"shipped", "ops", "replies", "random"}) {
    std::ifstream file(std::string(BALLAST_GOLDEN) + "/" + group + ".json");
    for (const auto& recorded_case : nlohmann::json::parse(file)) {
      const std::string source = recorded_case.at("source");
      const Ast ast = parse_tokens(lex(source, {}), {});
      for (const Expr& e : ast.exprs)
        if (e.kind == ExprKind::kCall) note(ast, e, given);
    }
  }
  return given;
}

TEST(GoldenCover, EveryNameInEverySpellingHasARecordedCase) {
  const Given given = recorded();
  for (const NameRow& row : source_names())
    for (const Space space : {kTorch, kMethod, kFunctional, kBuiltin, kMath}) {
      if ((row.spaces & space) == 0) continue;
      EXPECT_TRUE(given.contains({space, &row})) << row.name << " in space " << int{space};
    }
}

// Parameters that only their default, or nothing at all, may be given for.
bool changes_nothing(const NameRow& row, std::string_view parameter) {
  static const std::set<std::string_view> kEverywhere = {
      "dtype",  "device",       "requires_grad", "memory_format", "non_blocking", "copy",
      "reduce", "size_average", "inplace",       "ignore_index",  "pos_weight"};
  return kEverywhere.contains(parameter) ||
         (parameter == "weight" && row.name != std::string_view("lerp") &&
          row.name != std::string_view("linear"));
}

TEST(GoldenCover, EveryParameterIsGivenInARecordedCase) {
  const Given given = recorded();
  for (const NameRow& row : source_names()) {
    std::set<std::string> seen;
    for (const auto& [target, parameters] : given)
      if (target.second->name == row.name &&
          (target.first & (kBuiltin | kMath)) == (row.spaces & (kBuiltin | kMath)))
        seen.insert(parameters.begin(), parameters.end());
    for (const SignatureParameter& p : row.parameters)
      EXPECT_TRUE(seen.contains(std::string(p.name)) || changes_nothing(row, p.name))
          << row.name << "(" << p.name << "=...)";
  }
}

}  // namespace
}  // namespace ballast::candidate
