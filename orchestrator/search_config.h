// What one search is told: plain data, made by the command line from the configuration.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/spec.h"
#include "evaluator/sandbox.h"

namespace ballast::orchestrator {

// Whose seeds a rung uses (docs/design.md, section 5): coefficients are chosen on A, differences
// estimated on B, champions measured again on C.
enum class SeedBlock : uint8_t { kA, kB, kC };

// One training budget. Rung numbers in the archive start at 1: rungs[0] is rung 1.
struct RungConfig {
  int64_t tokens = 0;  // training tokens of one evaluation
  int seeds = 1;       // paired seeds of a complete estimate
  SeedBlock block = SeedBlock::kB;
  bool operator==(const RungConfig&) const = default;
};

// A built-in balancer and the coefficient it runs at (normalised units), found beforehand by a
// command that the configuration names.
struct BuiltinConfig {
  std::string name;  // "none", "micro_lbl", "global_lbl", "loss_free"
  double coefficient = 1;
};

// What makes children: an operator, in the hands of a language model or on its own. An arm of the
// bandit.
struct OperatorConfig {
  std::string name;        // "tune", "mutate", "splice", "drop"; "edit", "rewrite", ... of a model
  double weight = 1;       // its share of the proposals (bandit "fixed"); 0: never asked
  std::string model = {};  // its name; empty: a genetic operator
};

// Language models of the search, by name; empty: none.
struct ModelConfig {
  int64_t in_flight = 8;      // drafts that wait on models at a time
  std::string notes = {};     // who distils notes
  std::string embedder = {};  // who embeds texts
  std::string judge = {};     // who decides whether a close text is new
  std::string summary = {};   // JSON, stored with each start, that a replay reads the models from
};

// A text to start from.
struct SeedText {
  std::string name, source;
};

struct SearchConfig {
  // What is trained, and on what; part of every evaluation's key.
  TrainSpec spec;
  std::string build;  // of trainer and daemon
  std::string device_class = "cpu";

  // Stored with the run, for people.
  std::string config_text;  // the whole effective configuration, TOML
  std::string config_hash;

  uint64_t seed = 1;  // everything random follows from it
  int workers = 1;    // trainings at once. REQUIRES: that of the evaluator

  // Budgets of the whole run, over all its starts. 0: none.
  double max_seconds = 0;       // of searching
  int64_t max_evaluations = 0;  // finished ones, failed ones included
  double drain_seconds = 30;    // how long running evaluations may go on after max_seconds

  // The funnel. The first rung chooses coefficients (block A, one seed), the second estimates
  // (block B), an optional third measures champions again (block C).
  std::vector<RungConfig> rungs = {
      {160'000, 1, SeedBlock::kA}, {480'000, 3, SeedBlock::kB}, {480'000, 4, SeedBlock::kC}};
  double eta = 3;               // asynchronous halving: the best 1/eta of a rung climb
  int coefficient_trials = 3;   // at most, per candidate, at rung 1
  double coefficient_step = 4;  // factor between neighbouring trials
  // More trials at rung 1, by factors of sqrt 2, of a candidate that climbs; the reference gets as
  // many as the champion had before that is called better.
  int coefficient_refinements = 2;

  // The objective, lower is better; recomputed from stored metrics.
  std::string objective = "constrained";
  double mu = 0.1;      // nats per unit of MaxVio above the target
  double target = 0.3;  // MaxVio

  // Built-ins run first, on `builtin_seeds` seeds of block B at rung 2. REQUIRES: the reference is
  // one of them.
  std::vector<BuiltinConfig> builtins = {
      {"global_lbl", 0.1}, {"none", 0}, {"micro_lbl", 0.1}, {"loss_free", 1}};
  std::string reference = "global_lbl";
  int builtin_seeds = 3;

  // Texts to start from, beside all that are shipped (candidate/shipped.h) if `use_shipped`. Those
  // named in `first_seeds` are evaluated before anything else, in that order; the others follow
  // between proposals.
  std::vector<SeedText> seeds;
  bool use_shipped = true;
  std::vector<std::string> first_seeds;

  // Proposals.
  std::vector<OperatorConfig> operators = {{"tune", 2}, {"mutate", 4}, {"splice", 1}, {"drop", 1}};
  ModelConfig models;
  int repair_turns = 2;                  // a model is asked so often to mend what it wrote
  int64_t notes_every = 20;              // accepted children between two notes; 0: none
  std::string text_novelty = "default";  // rule of embedding.h: "default", "paper", "code"
  double usd_tokens = 1e8;            // training tokens that the bandit takes one USD of calls for
  std::string bandit = "posterior";   // or "ucb_paper", "ucb_code", "fixed": asks an operator
  double bandit_floor = 0.1;          // share of the proposals that every operator gets at least
  std::string parents = "posterior";  // or "power_law", "weighted_paper", "weighted_code"
  int64_t elites = 40;                // so many of an island's best can become parents
  int islands = 2;                    // groups that find their parents among themselves
  int64_t migration_every = 10;       // accepted children; 0: never
  int64_t migration_size = 2;         // so many of each island's best go to the next one
  int resamples = 100;                // rejected proposals in a row before waiting for a result
  double max_flops = 1e9;             // static bound of one evaluation of a text on one micro-batch
  double max_bytes = 4e9;
  evaluator::JobLimits probe_limits{20, 20, int64_t{2} << 30};  // of one contract probe

  // Trouble of the machine, not of a candidate (INFRA): the same evaluation runs again after
  // infra_delay * 2^n seconds, at most infra_retries times in a row.
  int infra_retries = 5;
  double infra_delay = 1;
};

}  // namespace ballast::orchestrator
