// What prompts are made of: plain data, filled in by the search, rendered here.
//
// Scores are the objective's: lower is better, in nats per byte. A difference is candidate minus
// reference (or minus its parent, where it says so) over paired seeds: negative is better.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/job.h"

namespace ballast::prompts {

// The same for the whole run, and all that the system prompt depends on.
struct Task {
  std::string model;  // preset: "tiny"
  int64_t layers = 0, experts = 0, top_k = 0;
  int64_t tokens = 0;                     // of the longest training
  std::string objective = "constrained";  // as in evaluator/objective.h
  double mu = 0.1, target = 0.3;          // "constrained" only
  std::string reference;                  // its name: "global_lbl"
  bool bias_allowed = true;               // whether selection_bias is searched too
};

struct Difference {
  double mean = 0;
  std::optional<double> standard_error;  // none: not known from so few pairs
  int64_t pairs = 0;                     // seeds
};

// One MoE layer, on held-out tokens unless it says training.
struct LayerFacts {
  double max_vio = 0;
  std::optional<double> train_max_vio;  // mean over training after the first 10 %
  double load_cv = 0;
  double dead_experts = 0;
  double router_entropy = 0;    // nats
  double domain_expert_mi = 0;  // nats: how much experts specialise on kinds of text
  std::vector<double> load;     // (E) share of assignments
};

struct CurvePoint {
  int64_t tokens = 0;
  double cross_entropy = 0;  // nats per byte, training
  double max_vio = 0;        // of one step's window
  double balance_gradient = 0;
};

// A step of the line that led to a candidate.
struct Ancestor {
  std::string op;                        // that made it
  std::string idea;                      // what was tried; may be empty
  std::optional<Difference> difference;  // minus reference
  std::optional<Difference> change;      // minus its own parent
  std::string outcome;                   // "OK", or how it ended
};

struct ParentFacts {
  std::string name;
  std::string source;
  std::string track;        // "loss", "loss+bias" or "bias"
  std::string coefficient;  // as stored
  std::optional<Difference> difference;
  std::optional<double> cross_entropy, max_vio;  // means over seeds
  std::vector<LayerFacts> layers;
  std::vector<CurvePoint> curve;
  std::vector<Ancestor> ancestors;  // the nearest first
};

struct Inspiration {
  std::string name;
  std::string from;  // "top" or "archive"
  std::string source;
  std::string idea;  // may be empty
  std::optional<Difference> difference;
  std::optional<double> cross_entropy, max_vio;
};

// A proposal that came to nothing.
struct FailedAttempt {
  std::string op;
  std::string idea;     // may be empty
  std::string outcome;  // "STATIC_REJECT", "DIVERGED", "fingerprint", ...
  std::string reason;   // one line
};

struct Facts {
  std::vector<ParentFacts> parents;       // two for crossover, else one
  std::vector<Inspiration> inspirations;  // rendered in this order: put the best last
  std::vector<FailedAttempt> failures;
  std::string notes;       // distilled from earlier candidates; may be empty
  std::string suggestion;  // one of the notes' recommendations; may be empty
};

// A finished candidate, for the notes.
struct Result {
  std::string name, op, idea, source;
  std::string outcome;                   // "OK", or how it ended
  std::string reason;                    // of what is not OK
  std::optional<Difference> difference;  // minus reference
  std::optional<Difference> change;      // minus its parent
  std::optional<double> cross_entropy, max_vio;
};

// From an evaluation's metrics (common/job.h); layers without their loads, or a curve without one
// of its columns, are left out, and so are loads or tokens that are not all finite.
std::vector<LayerFacts> layers_of(const Metrics& metrics);
std::vector<CurvePoint> curve_of(const Metrics& metrics, size_t most = 8);

}  // namespace ballast::prompts
