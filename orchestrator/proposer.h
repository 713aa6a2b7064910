// Makes one proposal: an operator on a parent, then the funnel that throws away what is not new.
//
// A proposal is a function of the run's seed, its number and what the ledger holds; nothing is
// stored here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "candidate/graph.h"
#include "evaluator/sandbox.h"
#include "orchestrator/bandit.h"
#include "orchestrator/elites.h"
#include "orchestrator/ledger.h"
#include "orchestrator/novelty.h"
#include "orchestrator/search_config.h"
#include "population/archive.h"

namespace ballast::orchestrator {

struct Proposal {
  population::ProposalRow row;
  std::optional<population::CandidateRow> candidate;  // set exactly when it is accepted
};

class Proposer {
 public:
  // Borrows all; the index of a fingerprint in `known` is that of its entry in `ledger`.
  Proposer(const SearchConfig& config, const Ledger& ledger, const FingerprintIndex& known,
           evaluator::Sandbox& probes)
      : config_(config), ledger_(ledger), known_(known), probes_(probes) {}

  // `bandit`: what is known of the operators (operator_choice.h). REQUIRES: parents not empty.
  Proposal make(int64_t number, const std::vector<Elite>& parents, const Bandit& bandit);
  // A text to start from.
  Proposal seed(int64_t number, const SeedText& text);

 private:
  struct Draft;
  Draft draft(int64_t number, const std::vector<Elite>& parents, const Bandit& bandit);
  Proposal judge(int64_t number, Draft draft);
  ProbeResult probe(int64_t number, const std::string& source);

  const SearchConfig& config_;
  const Ledger& ledger_;
  const FingerprintIndex& known_;
  evaluator::Sandbox& probes_;
};

}  // namespace ballast::orchestrator
