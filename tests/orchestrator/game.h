// A ledger without an archive, for tests of pure decisions: candidates by name, results at once.
#pragma once

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "orchestrator/plan.h"

namespace ballast::orchestrator {

inline SearchConfig config_of() {
  SearchConfig config;
  config.build = "test";
  config.builtins = {{"global_lbl", 0.1}, {"none", 0}};
  config.builtin_seeds = 2;
  config.rungs = {{10, 1, SeedBlock::kA}, {20, 2, SeedBlock::kB}, {20, 3, SeedBlock::kC}};
  config.eta = 3;
  config.coefficient_refinements = 0;
  config.islands = 1;
  return config;
}

inline population::CandidateRow row(const std::string& identity,
                                    const std::string& track = "loss") {
  population::CandidateRow out;
  out.identity = identity;
  out.name = identity.starts_with("builtin:") ? identity.substr(8) : identity;
  out.track = track;
  return out;
}

// A ledger and evaluations that finish at once, with an objective of the test's choice.
struct Game {
  explicit Game(const SearchConfig& config) : ledger(config) {
    ledger.add(row("builtin:global_lbl"), "");
    ledger.add(row("builtin:none", "none"), "");
  }
  size_t add(const std::string& name, const std::string& op = "mutate") {
    return ledger.add(row(name), op);
  }
  const Entry& entry(size_t i) const { return ledger.entries()[i]; }
  // "name rung/seed@coefficient" of what would run next; "" for nothing.
  std::string next() const {
    const auto want = next_want(ledger);
    return want ? text(*want) : "";
  }
  std::string text(const Want& want) const {
    return entry(want.entry).name + " " + std::to_string(want.rung) + "/" +
           std::to_string(want.seed) + "@" + want.coefficient;
  }
  std::string begin() {
    const auto want = next_want(ledger);
    if (!want) return "";
    ledger.begin(*want);
    return text(*want);
  }
  // Runs until nothing is left or `most` have run; returns what ran.
  std::vector<std::string> run(int most = 1000) {
    std::vector<std::string> out;
    while (static_cast<int>(out.size()) < most) {
      const auto want = next_want(ledger);
      if (!want) break;
      out.push_back(text(*want));
      ledger.begin(*want);
      const double value = objective(*want);
      ledger.finish(*want, std::isnan(value) ? Outcome::kDiverged : Outcome::kOk, value);
    }
    return out;
  }

  Ledger ledger;
  std::function<double(const Want&)> objective = [](const Want&) { return 2.0; };
};

}  // namespace ballast::orchestrator
