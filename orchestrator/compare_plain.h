// What the plain strategies share: texts that were measured, and what it costs to measure one.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "candidate/graph.h"
#include "common/rng.h"
#include "orchestrator/compare.h"
#include "orchestrator/novelty.h"

namespace ballast::orchestrator {

class Bench {
 public:
  struct Text {
    std::string name;
    candidate::Program program;
    std::string identity;
    ProbedText probed;
    double measured = 0;  // mean difference over the second rung's seeds
  };

  Bench(const Arena& arena, uint64_t seed);

  Rng& rng() { return rng_; }
  size_t starts() const { return starts_.size(); }
  const candidate::Program& start(size_t index) const { return starts_[index].program; }

  // Whether there is money for another text.
  bool open() const { return ledger_.spent() + cost_ <= arena_.budget; }

  // Measures a text to start from, once; nullopt: it was, or it is none.
  std::optional<size_t> measure_start(size_t index);
  // A child by an operator (any when the name is empty: all alike), then the funnel, then its
  // measurement; nullopt when it is nothing new.
  std::optional<size_t> measure_child(const candidate::Program& parent,
                                      const candidate::Program& donor, bool weighted);

  const std::vector<Text>& texts() const { return texts_; }
  StrategyRun finish() const;

 private:
  std::optional<size_t> judge(std::string name, const candidate::Program& program);
  double measure(const Text& text);

  const Arena& arena_;
  const uint64_t seed_;
  const int64_t cost_;
  Rng rng_;
  TokenLedger ledger_;
  struct Start {
    std::string name;
    candidate::Program program;
  };
  std::vector<Start> starts_;
  std::vector<Text> texts_;  // measured
  std::set<std::string> identities_;
  FingerprintIndex fingerprints_;
  int64_t proposals_ = 0;
};

// Where trials of a coefficient begin: the built-in of the same kind.
double centre_of(const SearchConfig& config, bool only_bias);

}  // namespace ballast::orchestrator
