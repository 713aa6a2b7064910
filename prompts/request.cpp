#include "prompts/request.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "common/error.h"
#include "prompts/lines.h"
#include "prompts/render.h"
#include "prompts/templates.h"

namespace ballast::prompts {
namespace {

struct OperatorRow {
  std::string_view name;
  size_t parents;
  std::vector<std::string_view> variants;
};

const std::vector<OperatorRow>& rows() {
  static const std::vector<OperatorRow> kRows = {
      {"edit", 1, {"default", "diagnose"}},
      {"rewrite", 1, {"default", "different", "motivated", "parametric", "structural"}},
      {"crossover", 2, {"default"}},
      {"simplify", 1, {"default"}},
  };
  return kRows;
}

const OperatorRow& row_of(std::string_view op) {
  for (const OperatorRow& row : rows())
    if (row.name == op) return row;
  throw Error("no model operator is named \"" + std::string(op) + "\"");
}

std::string template_name(const OperatorRow& row, std::string_view variant) {
  if (std::find(row.variants.begin(), row.variants.end(), variant) == row.variants.end())
    throw Error("the operator " + std::string(row.name) + " has no prompt variant \"" +
                std::string(variant) + "\"");
  std::string name(row.name);
  if (variant != "default") name += "-" + std::string(variant);
  return name;
}

std::string shown_part(const std::string& text) {
  const std::string_view start = start_of(text, 16 * 1024);
  return std::string(start) + (start.size() < text.size() ? "\n...\n" : "");
}

bool has_source(FailureKind kind) {
  return kind == FailureKind::kStatic || kind == FailureKind::kNoGradient ||
         kind == FailureKind::kContract;
}

}  // namespace

const std::vector<std::string_view>& operators() {
  static const std::vector<std::string_view> kNames = [] {
    std::vector<std::string_view> out;
    for (const OperatorRow& row : rows()) out.push_back(row.name);
    return out;
  }();
  return kNames;
}

const std::vector<std::string_view>& variants(std::string_view op) { return row_of(op).variants; }

size_t parents_needed(std::string_view op) { return row_of(op).parents; }

Request make_request(const Task& task, std::string_view op, std::string_view variant,
                     const Facts& facts) {
  const OperatorRow& row = row_of(op);
  const std::string name = template_name(row, variant);
  if (facts.parents.size() != row.parents)
    throw Error("the operator " + std::string(op) + " needs " + std::to_string(row.parents) +
                " parents, got " + std::to_string(facts.parents.size()));
  return {.system = system_prompt(task),
          .user = facts_prompt(facts) + find_template(name).render({}),
          .variant = std::string(op) + "/" + std::string(variant),
          .templates = fingerprint({"system", "facts", name})};
}

bool may_repair(const RepairChain& chain) {
  return !chain.failures.empty() && chain.failures.size() <= kRepairTurns &&
         chain.failures.back().kind != FailureKind::kUnchanged;
}

Request make_repair(const Task& task, const Facts& facts, const RepairChain& chain) {
  assert(may_repair(chain));
  const Failure& last = chain.failures.back();
  Facts shown;
  shown.parents = facts.parents;
  for (ParentFacts& parent : shown.parents) {  // measurements mend nothing
    parent.layers.clear();
    parent.curve.clear();
    parent.ancestors.clear();
  }
  std::vector<Values> earlier;
  for (size_t i = 0; i + 1 < chain.failures.size(); ++i)
    earlier.push_back(Values().set("message", chain.failures[i].message));
  const bool source = has_source(last.kind);
  const std::string request = find_template("repair").render(
      Values()
          // A reply without code is not shown: small models repeat it.
          .flag("no_code", last.kind == FailureKind::kNoCode)
          .flag("has_source", source)
          .set("text", fenced(shown_part(last.source), source ? "python" : "text"))
          .list("earlier", std::move(earlier))
          .set("message", last.message));
  return {.system = system_prompt(task),
          .user = facts_prompt(shown) + request,
          .variant = "repair/" + std::to_string(chain.failures.size()),
          .templates = fingerprint({"system", "facts", "repair"})};
}

}  // namespace ballast::prompts
