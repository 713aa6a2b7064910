// Ledger, archive and proposals of a search that is not there, for tests of what models are told.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/plan.h"
#include "orchestrator/prompt_facts.h"
#include "prompts/request.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/orchestrator/game.h"

namespace ballast::orchestrator {

inline Metrics metrics_of(double cross_entropy, double max_vio) {
  Metrics out;
  out.scalars = {{"cross_entropy", cross_entropy}, {"max_vio_global", max_vio}};
  out.arrays = {{"layer_max_vio_global", {max_vio, max_vio + 0.5}},
                {"layer_load", {0.5, 0.25, 0.125, 0.125, 0.25, 0.25, 0.25, 0.25}},
                {"layer_load_cv", {0.75, 0}},
                {"train_curve_tokens", {1024, 2048}},
                {"train_curve_cross_entropy", {5, cross_entropy}},
                {"train_curve_max_vio_global", {3, max_vio}},
                {"train_curve_balance_grad_norm", {0.5, 0.25}}};
  return out;
}

// What a search knows, without one: everything that the ledger wants is evaluated at once, and the
// archive gets a row of each. All candidates climb to the second rung.
class World {
 public:
  // `width`: evaluations at a time; with `last_first`, the one begun last ends first.
  explicit World(size_t width = 1, bool last_first = false)
      : width_(width), last_first_(last_first) {
    add_row(row("builtin:global_lbl"), "");
    add_row(row("builtin:none", "none"), "");
  }
  static SearchConfig config_of_test() {
    SearchConfig config = config_of();
    config.spec = preset("small");
    config.eta = 1 + 1e-12;  // all of them climb
    config.rungs.pop_back();
    config.objective = "cross_entropy";
    return config;
  }
  size_t add(const std::string& name, std::optional<size_t> parent = std::nullopt,
             const std::string& model = "small", const std::string& idea = "") {
    population::CandidateRow candidate = row(name);
    candidate.identity = std::string(60, '0') + std::to_string(1000 + ledger.entries().size());
    candidate.source = "def balance_loss(r):\n    return (r.probs * " + name + ").sum()\n";
    const size_t child = add_row(candidate, parent ? "edit" : "seed");
    made.push_back({.op = parent ? "edit" : "seed",
                    .child = child,
                    .parent = parent,
                    .model = parent ? model : "",
                    .reason = "accepted",
                    .detail = idea.empty() ? "idea of " + name : idea});
    return child;
  }
  void reject(const std::string& reason, Outcome outcome, const std::string& detail,
              const std::string& model = "small") {
    made.push_back({.op = "rewrite",
                    .parent = 2,
                    .model = model,
                    .reason = reason,
                    .detail = detail,
                    .outcome = outcome});
  }
  void run(const std::function<void()>& after_each = [] {}) {
    std::vector<Want> flights;
    for (;;) {
      auto want = next_want(ledger);
      if (want && flights.size() < width_) {
        ledger.begin(*want);
        flights.push_back(*want);
        archive.begin_evaluation(ledger.key(*want), ledger.purpose(*want), 10);
        continue;
      }
      if (flights.empty()) return;
      const auto done = last_first_ ? flights.end() - 1 : flights.begin();
      finish(*done);
      flights.erase(done);
      after_each();
    }
  }
  // A row beside those of the search.
  void store(const population::EvaluationKey& key, std::string_view purpose) {
    const int64_t id = archive.begin_evaluation(key, purpose, 10);
    archive.finish_evaluation(id, 1, Outcome::kOk, "", metrics_of(99, 99), 1, "full");
  }
  FactsSource source() const { return {config, ledger, made, archive, memory, "Hinges work.", {}}; }
  prompts::Facts facts(const std::vector<size_t>& parents, uint64_t seed = 1) const {
    Rng rng(seed, "test");
    return facts_for(source(), parents, rng);
  }
  std::string prompt(const std::vector<size_t>& parents, uint64_t seed = 1) const {
    return prompts::make_request(task_of(config), "edit", "default", facts(parents, seed)).user;
  }

  const SearchConfig config = config_of_test();
  const fakes::TemporaryFolder folder;
  fakes::ManualClock clock;
  population::Archive archive{folder / "a.db", clock};
  Ledger ledger{config};
  std::vector<Made> made;
  mutable FactsMemory memory;
  std::function<Metrics(const Want&)> metrics = [](const Want&) { return metrics_of(2, 0.5); };
  std::function<Outcome(const Want&)> outcome = [](const Want&) { return Outcome::kOk; };

 private:
  size_t add_row(const population::CandidateRow& candidate, const std::string& op) {
    archive.add_candidate(candidate);
    return ledger.add(candidate, op);
  }
  void finish(const Want& want) {
    const Outcome ended = outcome(want);
    const bool ok = ended == Outcome::kOk;
    const Metrics measured = ok ? metrics(want) : Metrics{};
    const auto id = archive.evaluation(ledger.key(want))->id;
    archive.finish_evaluation(id, 1, ended, ok ? "" : "it ended\nbadly", measured, 1, "full");
    ledger.finish(want, ended, ok ? *ledger.objective(measured) : 0);
  }
  size_t width_;
  bool last_first_;
};

}  // namespace ballast::orchestrator
