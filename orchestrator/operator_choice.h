// Which operator makes the next child: the bandit over operators, fed from what is known.
//
// The bandit's state is worked out anew from the proposals, in their order, and the ledger: a child
// that was measured again since is paid by what is known of it now, and nothing depends on the
// order in which results arrived or on restarts between them. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/rng.h"
#include "orchestrator/bandit.h"
#include "orchestrator/ledger.h"

namespace ballast::orchestrator {

// One proposal: who made it, and the indices of its child (none when it was rejected) and of its
// main parent among Ledger::entries().
struct Made {
  std::string op;
  std::optional<size_t> child = {}, parent = {};
  std::string model = {};   // empty: a genetic operator, or a text to start from
  std::string reason = {};  // as in the archive: "accepted", "identity", ...
  std::string detail = {};  // of a model's accepted child: its idea; of a rejected one: why
  Outcome outcome = Outcome::kOk;
  double usd = 0;  // of its calls
};

std::vector<std::string_view> bandit_rules();  // "posterior", "ucb_paper", "ucb_code", "fixed"

// What became of one proposal, by the measurements alone.
struct ProposalResult {
  bool ended = true;  // false while its child is still to be measured at the first rung
  // Child - parent, on the seeds that both have at the highest rung where there are any; from the
  // reference where there are none (its parent failed). None of a rejected proposal, and of a child
  // that failed.
  std::optional<evaluator::Summary> change = {};
  double from_reference = 0;  // child - reference, there
  // In tokens: of the ladder at the first rung (how far a child climbs after that is the search's
  // choice), and money, `config.usd_tokens` a dollar.
  double cost = 0;
};
ProposalResult result_of(const Ledger& ledger, const Made& made);

// What the bandit is told of it; nullopt before it has ended. A rejected proposal and a child that
// failed count as hopeless: at the error of one pair of seeds.
std::optional<ArmOutcome> outcome_of(const ProposalResult& result,
                                     const std::optional<evaluator::VariancePrior>& prior);

// One arm per operator of the configuration, in its order.
Bandit bandit_of(const Ledger& ledger, std::span<const Made> made);

// The same again and again while a search goes on: results are worked out anew only where parent or
// child have changed.
class ArmHistory {
 public:
  // `made`: of the last call and more, with the same ledger and more in it.
  Bandit bandit(const Ledger& ledger, std::span<const Made> made);

 private:
  struct Past {
    std::optional<size_t> arm = {};  // none of a text to start from
    std::optional<std::pair<uint64_t, uint64_t>> versions =
        {};  // of child and parent; `result` is of them
    ProposalResult result = {};
  };
  static const ProposalResult& result(const Ledger& ledger, const Made& made, Past& past);

  std::vector<Past> past_;  // as `made`
  size_t first_open_ = 0;   // of the proposals: all before it have ended
  Bandit ended_;            // counts of those
};

// Index among the configuration's operators of the one to ask next, by the rule `config.bandit`;
// never one of weight 0, nor one that is `closed` (its model cannot be asked now): nullopt when
// none is left. Those that found nothing to change in this proposal's parents (`tried`) are left
// out while there are others. "fixed" draws by the weights. The other rules first ask an operator
// that has had less than its floor of the proposals so far, the one furthest behind; the floor is
// `config.bandit_floor`, and less in proportion where there are more arms than kFloorArms.
constexpr double kFloorArms = 4;
std::optional<size_t> choose_operator(const SearchConfig& config, const Bandit& bandit,
                                      const std::vector<bool>& tried,
                                      const std::vector<bool>& closed, Rng& rng);

std::string arm_name(const OperatorConfig& arm);  // "edit small", "tune"

// For people.
struct ArmStatus {
  std::string name;
  int64_t submitted = 0;              // proposals
  int64_t completed = 0;              // of those, rejected, failed or measured
  std::optional<double> mean_reward;  // as the rule pays it ("fixed": as "posterior"); lately
  double share = 0;                   // of all proposals
};
std::vector<ArmStatus> arm_status(const SearchConfig& config, const Bandit& bandit);

}  // namespace ballast::orchestrator
