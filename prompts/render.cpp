#include "prompts/render.h"

#include "candidate/reference.h"
#include "prompts/lines.h"
#include "prompts/numbers.h"
#include "prompts/templates.h"

namespace ballast::prompts {
namespace {

std::string objective_of(const Task& task) {
  if (task.objective == "constrained")
    return "cross-entropy (nats per byte, held-out text) + " + number(task.mu, 3) +
           " * mean over layers of max(0, MaxVio - " + number(task.target, 2) + "). MaxVio below " +
           number(task.target, 2) + " earns nothing.";
  if (task.objective == "shinka")
    return "cross-entropy (nats per byte, held-out text) + the L1 distance of the loads from "
           "uniform.";
  return "cross-entropy (nats per byte, held-out text).";
}

// One line whatever was in it, and not longer than a prompt should carry.
std::string line_of(std::string_view text, size_t most = 600) {
  std::string out;
  for (const char c : text) out += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
  if (out.size() <= most) return out;
  return std::string(start_of(out, most)) + " ...";
}

std::string after(const char* separator, std::string_view text) {
  return text.empty() ? "" : separator + line_of(text);
}

std::string measures(const std::optional<double>& cross_entropy,
                     const std::optional<double>& max_vio) {
  std::string out;
  if (cross_entropy) out += ", cross-entropy " + number(*cross_entropy, 5);
  if (max_vio) out += ", MaxVio " + number(*max_vio, 3);
  return out;
}

// A section of one line that is there when the text is.
void optional_line(Values& values, const char* list, const char* name, std::string_view text) {
  std::vector<Values> items;
  if (!text.empty()) items.push_back(Values().set(name, line_of(text)));
  values.list(list, std::move(items));
}

Values layer_values(const LayerFacts& layer, size_t index) {
  Values out;
  out.flag("first", index == 0)
      .set("layer", std::to_string(index))
      .set("max_vio", number(layer.max_vio, 3))
      .set("train_max_vio", layer.train_max_vio ? number(*layer.train_max_vio, 3) : "-")
      .set("load_cv", number(layer.load_cv, 3))
      .set("dead_experts", number(layer.dead_experts, 0))
      .set("router_entropy", number(layer.router_entropy, 3))
      .set("domain_expert_mi", number(layer.domain_expert_mi, 4))
      .set("loads", sorted_loads(layer.load));
  return out;
}

Values curve_values(const CurvePoint& point, bool first) {
  Values out;
  out.flag("first", first)
      .set("tokens", std::to_string(point.tokens))
      .set("cross_entropy", number(point.cross_entropy, 4))
      .set("max_vio", number(point.max_vio, 3))
      .set("balance_gradient", number(point.balance_gradient, 6));
  return out;
}

Values ancestor_values(const Ancestor& ancestor, bool first) {
  Values out;
  out.flag("first", first)
      .set("op", ancestor.op)
      .set("idea", after(": ", ancestor.idea))
      .set("outcome", ancestor.outcome)
      .set("difference", difference(ancestor.difference))
      .set("change", difference(ancestor.change));
  return out;
}

template <typename Item, typename Make>
std::vector<Values> all_of(const std::vector<Item>& items, const Make& make) {
  std::vector<Values> out;
  for (size_t i = 0; i < items.size(); ++i) out.push_back(make(items[i], i));
  return out;
}

Values parent_values(const ParentFacts& parent, size_t index, size_t count) {
  const char* title = count == 1   ? "The candidate to improve"
                      : index == 0 ? "The first parent"
                                   : "The second parent";
  Values out;
  out.set("title", std::string(title) + ": " + parent.name)
      .set("source", fenced(parent.source))
      .set("difference", difference(parent.difference))
      .set("measures", measures(parent.cross_entropy, parent.max_vio))
      .set("coefficient", parent.coefficient.empty() ? "not tuned yet" : parent.coefficient)
      .set("track", parent.track)
      .list("layers", all_of(parent.layers, layer_values))
      .list("curve", all_of(parent.curve, [](const CurvePoint& point,
                                             size_t i) { return curve_values(point, i == 0); }))
      .list("ancestors", all_of(parent.ancestors, [](const Ancestor& ancestor, size_t i) {
              return ancestor_values(ancestor, i == 0);
            }));
  return out;
}

Values inspiration_values(const Inspiration& other, size_t index) {
  Values out;
  out.flag("first", index == 0)
      .set("name", other.name)
      .set("from", other.from)
      .set("source", fenced(other.source))
      .set("difference", difference(other.difference))
      .set("measures", measures(other.cross_entropy, other.max_vio));
  optional_line(out, "ideas", "idea", other.idea);
  return out;
}

Values result_values(const Result& result) {
  Values out;
  out.set("name", result.name)
      .set("op", result.op)
      .set("outcome", result.outcome)
      .set("difference", difference(result.difference))
      .set("change", difference(result.change))
      .set("measures", measures(result.cross_entropy, result.max_vio))
      .set("source", fenced(result.source));
  optional_line(out, "ideas", "idea", result.idea);
  optional_line(out, "reasons", "reason", result.reason);
  return out;
}

std::vector<Values> text_item(const std::string& text) {
  std::vector<Values> out;
  if (!text.empty()) out.push_back(Values().set("text", text));
  return out;
}

}  // namespace

std::string system_prompt(const Task& task) {
  static const std::string kOps = candidate::op_table();
  return find_template("system").render(Values()
                                            .set("model", task.model)
                                            .set("layers", std::to_string(task.layers))
                                            .set("experts", std::to_string(task.experts))
                                            .set("top_k", std::to_string(task.top_k))
                                            .set("tokens", std::to_string(task.tokens))
                                            .set("objective", objective_of(task))
                                            .set("reference", task.reference)
                                            .flag("bias", task.bias_allowed)
                                            .set("ops", kOps));
}

std::string facts_prompt(const Facts& facts) {
  Values values;
  values.list("notes", text_item(facts.notes))
      .list("inspirations", all_of(facts.inspirations, inspiration_values))
      .list("failures", all_of(facts.failures,
                               [&](const FailedAttempt& failed, size_t i) {
                                 return Values()
                                     .flag("first", i == 0)
                                     .flag("last", i + 1 == facts.failures.size())
                                     .set("op", failed.op)
                                     .set("idea", after(": ", failed.idea))
                                     .set("outcome", failed.outcome)
                                     .set("reason", line_of(failed.reason));
                               }))
      .list("parents", all_of(facts.parents, [&](const ParentFacts& parent, size_t i) {
              return parent_values(parent, i, facts.parents.size());
            }));
  optional_line(values, "suggestions", "suggestion", facts.suggestion);
  return find_template("facts").render(values);
}

std::string results_prompt(const std::string& previous_notes, const std::vector<Result>& results) {
  Values values;
  values.list("previous", text_item(previous_notes))
      .list("results",
            all_of(results, [](const Result& result, size_t) { return result_values(result); }));
  return find_template("notes").render(values);
}

}  // namespace ballast::prompts
