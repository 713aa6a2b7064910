#include "orchestrator/roster.h"

#include <algorithm>
#include <numeric>

namespace ballast::orchestrator {
namespace {

// True when that changed it.
bool put(Roster::Indices& list, size_t index, bool in) {
  return in ? list.insert(index).second : list.erase(index) > 0;
}

bool put(std::vector<size_t>& list, size_t index, bool in) {
  const auto place = std::ranges::lower_bound(list, index);
  const bool there = place != list.end() && *place == index;
  if (in && !there) list.insert(place, index);
  if (!in && there) list.erase(place);
  return in != there;
}

bool put(Roster::Estimates& list, size_t index, const std::optional<evaluator::Summary>& summary) {
  const auto place = std::ranges::lower_bound(list.entries, index) - list.entries.begin();
  const auto value = list.summaries.begin() + place;
  const bool there =
      value != list.summaries.end() && list.entries[static_cast<size_t>(place)] == index;
  if (there && summary && *value == *summary) return false;
  if (there && summary) {
    *value = *summary;
  } else if (summary) {
    list.entries.insert(list.entries.begin() + place, index);
    list.summaries.insert(value, *summary);
  } else if (there) {
    list.entries.erase(list.entries.begin() + place);
    list.summaries.erase(value);
  }
  return there || summary.has_value();
}

}  // namespace

Roster::Roster(const SearchConfig& config)
    : config_(config.rungs), first_names_(config.first_seeds), rungs_(config.rungs.size()) {}

uint64_t Roster::upper_changes() const {
  return std::accumulate(rungs_.begin() + 1, rungs_.end(), uint64_t{0},
                         [](uint64_t sum, const Rung& r) { return sum + r.estimates_changed; });
}

void Roster::update(size_t index, const Entry& entry, bool reference) {
  if (entry.builtin) {
    put(builtins_, index, true);
    if (reference || entry.track == "none") return;
    for (size_t r = 0; r < rungs_.size(); ++r)
      if (put(rungs_[r].builtins, index, entry.estimates[r])) ++rungs_[r].estimates_changed;
    return;
  }
  for (size_t r = 0; r < rungs_.size(); ++r) update_rung(index, entry, static_cast<int>(r + 1));
  update_newcomer(index, entry);
  update_first_rung(index, entry);
  put(between_trials_, index,
      !entry.trials.empty() && entry.ladder == 0 && entry.next_trial && entry.running.empty());
  put(at_the_top_, index, !entry.failed && entry.begun.back() > 0);
  put(measured_, index, !entry.failed && entry.highest_rung() > 0);
}

void Roster::update_rung(size_t index, const Entry& entry, int rung) {
  const auto r = static_cast<size_t>(rung - 1);
  Rung& list = rungs_[r];
  if (rung > 1) {
    const auto seeds = entry.scores[r].begin() + config_[r].seeds;
    const bool climbs = !entry.failed && entry.climbs_from(rung - 1);
    put(list.climbers, index, climbs);
    put(list.climbing, index,
        climbs && std::find(entry.scores[r].begin(), seeds, std::nullopt) != seeds);
  }
  const bool complete = entry.complete(rung, config_[r].seeds);
  const bool climbed = rung < static_cast<int>(rungs_.size()) && entry.climbs_from(rung);
  const bool finished = complete || climbed || entry.failed_rung == rung;
  const bool changed = put(list.estimates, index, entry.estimates[r]);
  if (changed) ++list.estimates_changed;
  put(list.complete, index, complete ? entry.estimates[r] : std::nullopt);
  const bool moved = put(list.finished, index, finished);
  if (put(list.ready, index, complete && !climbed) || moved || changed) ++list.finished_changed;
}

void Roster::update_newcomer(size_t index, const Entry& entry) {
  const bool text = entry.op == "seed", begun = entry.started();
  const auto name = std::find(first_names_.begin(), first_names_.end(), entry.name);
  if (text && name != first_names_.end()) {
    const std::pair place(static_cast<size_t>(name - first_names_.begin()), index);
    if (begun)
      first_texts_.erase(place);
    else
      first_texts_.insert(place);
    return;
  }
  put(text ? texts_ : children_, index, !begun);
  put(text ? texts_begun_ : children_begun_, index, begun);
}

void Roster::update_first_rung(size_t index, const Entry& entry) {
  const auto& estimate = entry.estimates[0];
  const auto value = [&](bool in) {
    return estimate && in ? std::optional(estimate->mean) : std::nullopt;
  };
  const bool climbed = entry.climbs_from(1);
  first_rung_.set(index, value(true));
  first_rung_only_.set(index, value(!entry.failed && entry.highest_rung() == 1));
  first_rung_climbed_.set(index, value(climbed));
  first_rung_ready_.set(index, value(entry.complete(1, 1) && !climbed));
}

}  // namespace ballast::orchestrator
