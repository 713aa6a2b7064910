// A running search on a terminal: the progress line, and what is said above it.
#pragma once

#include <optional>
#include <string>

#include "orchestrator/search_status.h"
#include "orchestrator/terminal.h"

namespace ballast::orchestrator {

// One line: budget, counts, the best so far, what runs now.
std::string progress_text(const SearchStatus& status);

// Share of the budget that is used up; none without a budget.
std::optional<double> budget_used(const SearchStatus& status);

class SearchDisplay final : public SearchObserver {
 public:
  explicit SearchDisplay(ProgressLine& line) : line_(line) {}

  void status(const SearchStatus& status) override;
  void event(const SearchEvent& event) override;

 private:
  ProgressLine& line_;
  std::string phase_;
  std::string best_;  // identity of the best candidate that was announced
  int best_rung_ = 0;
};

}  // namespace ballast::orchestrator
