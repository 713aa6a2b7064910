#include "orchestrator/search_display.h"

#include <algorithm>

namespace ballast::orchestrator {
namespace {

std::string plural(int64_t n, const char* word) {
  return count(n) + " " + word + (n == 1 ? "" : "s");
}

std::string best_text(const BestSoFar& best) {
  return best.name + " " + with_sign(best.mean_difference, 4) +
         (best.standard_error ? " ± " + fixed(*best.standard_error, 4) : "") + " (rung " +
         std::to_string(best.rung) + ")";
}

std::string running_text(const SearchStatus& status) {
  std::string out;
  for (const RunningEvaluation& one : status.running) {
    out += (out.empty() ? "" : ", ") + one.name;
    if (one.steps > 0) out += " " + std::to_string(100 * one.step / one.steps) + " %";
  }
  return out;
}

}  // namespace

std::optional<double> budget_used(const SearchStatus& status) {
  std::optional<double> used;
  if (status.max_seconds > 0) used = status.seconds / status.max_seconds;
  if (status.max_evaluations > 0) {
    const double share =
        static_cast<double>(status.evaluations) / static_cast<double>(status.max_evaluations);
    used = std::max(used.value_or(0), share);
  }
  return used;
}

std::string progress_text(const SearchStatus& status) {
  std::string out = duration(status.seconds);
  if (status.max_seconds > 0) out += " of " + duration(status.max_seconds);
  if (status.phase == "stopping") out += ", stopping";
  out +=
      " | " + plural(status.measured, "candidate") + ", " + plural(status.evaluations, "training");
  if (status.max_evaluations > 0) out += " of " + count(status.max_evaluations);
  if (status.failed_evaluations > 0) out += " (" + count(status.failed_evaluations) + " failed)";
  if (status.asked > 0)
    out += " | " + plural(status.drafts, "draft") + " of " + count(status.asked) +
           " with models, $" + fixed(status.usd, 2);
  if (status.best) out += " | best " + best_text(*status.best);
  if (!status.running.empty()) out += " | now " + running_text(status);
  return out;
}

void SearchDisplay::status(const SearchStatus& status) {
  if (!opening_.empty()) line_.say(opening_);
  opening_.clear();
  if (status.phase != phase_ && status.phase == "search" && phase_ == "built-ins") {
    line_.say("built-in balancers measured after " + duration(status.seconds) + "; searching");
  }
  phase_ = status.phase;
  // One seed is no news.
  if (status.best && status.best->standard_error &&
      (status.best->identity != best_ || status.best->rung != best_rung_)) {
    best_ = status.best->identity;
    best_rung_ = status.best->rung;
    line_.say(duration(status.seconds) + ": best so far " + best_text(*status.best));
  }
  line_.update(budget_used(status), progress_text(status));
}

void SearchDisplay::event(const SearchEvent& event) {
  if (event.kind == SearchEventKind::kRetried) {
    line_.say("trouble on this machine, trying " + event.name + " again: " + event.text);
  } else if (event.kind == SearchEventKind::kClosed) {
    line_.say("the model " + event.name + " is not asked any more: " + event.text);
  }
}

}  // namespace ballast::orchestrator
