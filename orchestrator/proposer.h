// Makes one proposal: an operator on a parent, then the funnel that throws away what is not new.
// Or, where a model is to make it, says which and from what.
//
// A proposal is a function of the run's seed, its number and what the ledger holds; nothing is
// stored here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "candidate/graph.h"
#include "evaluator/sandbox.h"
#include "orchestrator/bandit.h"
#include "orchestrator/elites.h"
#include "orchestrator/ledger.h"
#include "orchestrator/novelty.h"
#include "orchestrator/recent.h"
#include "orchestrator/search_config.h"
#include "population/archive.h"

namespace ballast::orchestrator {

struct Proposal {
  population::ProposalRow row;
  std::optional<population::CandidateRow> candidate;  // set exactly when it is accepted
  std::optional<int> island = {};                     // where it was made
};

// A child before it is judged.
struct Child {
  std::string op, name;
  std::vector<std::string> parents;           // identities
  std::optional<candidate::Program> program;  // none: there is none, and `detail` says why
  std::string source;                         // what was given, when there is no program
  std::string detail;                         // what was changed, or is tried
};

// What a model is to be asked.
struct Question {
  size_t arm = 0;               // of SearchConfig::operators
  std::vector<size_t> parents;  // entries of the ledger, the main one first
};

// The so-manieth decision to make a child; its random choices follow from it. Models' answers come
// later than their questions, so it is not the number of a proposal.
struct Turn {
  int64_t number = 0;
  std::string suffix;  // of a child's name: "-000012"
};

std::string child_suffix(int64_t number);

class Proposer {
 public:
  // Borrows all; the index of a fingerprint in `known` is that of its entry in `ledger`.
  Proposer(const SearchConfig& config, const Ledger& ledger, const FingerprintIndex& known,
           evaluator::Sandbox& probes)
      : config_(config), ledger_(ledger), known_(known), probes_(probes) {}

  // `bandit`: what is known of the operators; `closed`: those not to be asked (operator_choice.h).
  // Nothing when all are closed. REQUIRES: parents not empty.
  std::optional<std::variant<Proposal, Question>> make(const Turn& turn,
                                                       const std::vector<Elite>& parents,
                                                       const Bandit& bandit,
                                                       const std::vector<bool>& closed);
  // A text to start from.
  Proposal seed(int64_t number, const SeedText& text);
  // The funnel, cheapest test first (docs/design.md, section 5). `number` names the probe.
  Proposal judge(int64_t number, Child child);
  // Of an accepted proposal that had to wait: turns it down when its like has come since.
  void judge_again(Proposal& proposal) const;
  // What the text of an entry of the ledger is; null for one of an older version of the language.
  // Valid until kPrograms - 1 others were asked for, here or by make().
  const candidate::Program* program(size_t entry);
  static constexpr size_t kPrograms = 128;  // more than can be parents by default

 private:
  std::optional<std::variant<Child, Question>> draw(const Turn& turn,
                                                    const std::vector<Elite>& parents,
                                                    const Bandit& bandit,
                                                    const std::vector<bool>& closed);
  ProbeResult probe(int64_t number, const std::string& source);

  const SearchConfig& config_;
  const Ledger& ledger_;
  const FingerprintIndex& known_;
  evaluator::Sandbox& probes_;
  Recent<std::string, std::optional<candidate::Program>> programs_{kPrograms};  // by identity
};

}  // namespace ballast::orchestrator
