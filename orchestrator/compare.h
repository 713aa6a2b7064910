// Strategies of search against each other, at equal training tokens, on a surrogate of training.
//
// A search that does not beat plain ones is not one. All strategies have the same operators, texts
// to start from, contract probes and tests of novelty; what they decide differs:
//   random     a random operator on a random text to start from
//   hillclimb  a random operator on the best text so far, which a better child replaces; starts at
//              a random text, and elsewhere when nothing new is found
//   genetic    elitist: parents are drawn alike from the ten best, operators by the configuration's
//              weights; starts with ten random texts
//   full       the real search: its parents, its operators' weights or bandit, its halving
// Each text of the first three costs what a researcher without a scheduler would spend: the trials
// of its coefficient at the first rung, then all seeds of the second. Each hands in the text with
// the lowest measured difference (full: at its highest rung).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "evaluator/statistics.h"
#include "orchestrator/search_config.h"
#include "orchestrator/surrogate_sandbox.h"

namespace ballast::orchestrator {

struct StrategyRun {
  std::string pick;       // name or short identity of what it hands in
  double truth = 0;       // its difference from the reference, without noise
  double measured = 0;    // what the strategy believes
  int64_t texts = 0;      // measured at all
  int64_t proposals = 0;  // made, new or not
  int64_t tokens = 0;     // charged
};

// What a strategy works with; all borrowed.
struct Arena {
  const Surrogate& surrogate;
  ProbeMemory& memory;
  const SearchConfig& config;  // rungs, operators, texts to start from, ...; its seed is ignored
  std::map<std::string, double> builtins;  // but the reference: difference from it, by name
  int64_t budget = 0;                      // training tokens
};

std::vector<std::string_view> strategy_names();
// One search with that seed. REQUIRES: a known name.
StrategyRun run_strategy(std::string_view name, const Arena& arena, uint64_t seed,
                         std::stop_token stop);
StrategyRun run_full(const Arena& arena, uint64_t seed, std::stop_token stop);  // compare_full.cpp

// What a text costs the strategies without halving.
int64_t tokens_per_text(const SearchConfig& config);

struct StrategyResult {
  std::string name;
  std::vector<StrategyRun> runs;  // one per search seed
  evaluator::Estimate truth;      // mean over search seeds
  evaluator::Estimate against;    // paired difference to the first strategy; pairs 0: itself
};

// Runs all of them on search seeds 1 to `seeds`. Stops early when told to: only seeds that every
// strategy finished count.
std::vector<StrategyResult> compare_strategies(
    const std::vector<std::string>& names, const Arena& arena, int seeds,
    const std::function<void(int done, int all)>& on_progress, std::stop_token stop);

}  // namespace ballast::orchestrator
