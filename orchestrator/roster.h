// Lists that the ledger keeps of its entries, so that no decision has to look at all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "evaluator/statistics.h"
#include "orchestrator/entry.h"
#include "orchestrator/ranking.h"
#include "orchestrator/search_config.h"

namespace ballast::orchestrator {

class Roster {
 public:
  using Indices = std::set<size_t>;

  // Estimates at one rung, by entry.
  struct Estimates {
    std::vector<size_t> entries;  // ascending
    std::vector<evaluator::Summary> summaries;
  };

  // All of it is about candidates but where built-ins are named.
  struct Rung {
    Indices climbers;     // not failed, on the way to the rung above this one or there
    Indices climbing;     // of these, who has a seed of that rung still to be measured
    Indices finished;     // who counts here: complete, failed here or climbed from here
    Indices ready;        // complete, and has not begun to climb
    Estimates estimates;  // also of those that failed further up
    Estimates complete;   // of those that have not failed and are complete
    Estimates builtins;   // of built-ins other than the reference and the one without balance
    uint64_t estimates_changed = 0, finished_changed = 0;  // so often
  };

  explicit Roster(const SearchConfig& config);

  // After any change of an entry. `reference`: the entry is it.
  void update(size_t index, const Entry& entry, bool reference);

  const Rung& rung(int rung) const { return rungs_[static_cast<size_t>(rung - 1)]; }
  // Changes of estimates above the first rung.
  uint64_t upper_changes() const;

  const std::vector<size_t>& builtins() const { return builtins_; }
  const Indices& between_trials() const { return between_trials_; }  // of the ladder; none runs
  const Indices& at_the_top() const { return at_the_top_; }  // begun at the last rung, not failed

  // Nothing has been begun for them: texts to evaluate before anything else, with their place in
  // the configured order; other texts to start from; children.
  const std::set<std::pair<size_t, size_t>>& first_texts() const { return first_texts_; }
  const Indices& texts() const { return texts_; }
  const Indices& children() const { return children_; }
  size_t texts_begun() const { return texts_begun_.size(); }  // without the first ones
  size_t children_begun() const { return children_begun_.size(); }

  // By the mean difference at the first rung: everyone measured there; of these, who is measured
  // nowhere else and has not failed; who is ready to climb from there; who has climbed.
  const Ranking& first_rung() const { return first_rung_; }
  const Ranking& first_rung_only() const { return first_rung_only_; }
  const Ranking& first_rung_ready() const { return first_rung_ready_; }
  const Ranking& first_rung_climbed() const { return first_rung_climbed_; }

  // Measured at a rung, and not failed since; ascending.
  const std::vector<size_t>& measured() const { return measured_; }

 private:
  void update_rung(size_t index, const Entry& entry, int rung);
  void update_newcomer(size_t index, const Entry& entry);
  void update_first_rung(size_t index, const Entry& entry);

  std::vector<RungConfig> config_;
  std::vector<std::string> first_names_;
  std::vector<Rung> rungs_;
  std::vector<size_t> builtins_;
  Indices between_trials_, at_the_top_;
  std::set<std::pair<size_t, size_t>> first_texts_;
  Indices texts_, children_, texts_begun_, children_begun_;
  Ranking first_rung_, first_rung_only_, first_rung_ready_, first_rung_climbed_;
  std::vector<size_t> measured_;
};

}  // namespace ballast::orchestrator
