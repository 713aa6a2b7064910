#include "orchestrator/replay_player.h"

#include <algorithm>
#include <utility>

#include "common/json.h"
#include "evaluator/coefficient.h"

namespace ballast::orchestrator {

using evaluator::EvaluationResult;

Player::Player(const population::Record& record,
               const std::function<void(const ReplayProgress&)>& on_progress, std::stop_token user)
    : record_(record), on_progress_(on_progress), user_(std::move(user)) {
  for (size_t i = 0; i < record.evaluations.size(); ++i)
    if (record.evaluations[i].outcome && record.evaluations[i].purpose != "train")
      results_.push_back({i, 0});
  std::stable_sort(results_.begin(), results_.end(), [&](const Result& a, const Result& b) {
    return record.finished_ns[a.row] < record.finished_ns[b.row];
  });
  for (Result& result : results_)
    result.proposals =
        std::count_if(record.proposed_ns.begin(), record.proposed_ns.end(),
                      [&](int64_t at) { return at < record.finished_ns[result.row]; });
  find_parts();
}

void Player::find_parts() {
  const auto place_before = [&](int64_t ns) {
    Place place;
    for (const int64_t at : record_.proposed_ns) place.proposals += at < ns;
    for (const Result& result : results_) place.results += record_.finished_ns[result.row] < ns;
    return place;
  };
  for (size_t i = 0; i < record_.sessions.size(); ++i) {
    const bool last = i + 1 == record_.sessions.size();
    const int64_t start = record_.sessions[i].started_ns;
    const int64_t end = last ? INT64_MAX : record_.sessions[i + 1].started_ns;
    Part part;
    part.end = place_before(end);
    for (const population::EventRow& event : record_.events) {
      if (event.kind != "stopping" || event.at_ns < start || event.at_ns >= end) continue;
      const Json json = parse_json(event.detail, "event \"stopping\"");
      ObjectReader in(json, "event \"stopping\"");
      part.stop =
          Part::Stop{place_before(event.at_ns), in.integer("running"), in.boolean("filled")};
    }
    parts_.push_back(part);
  }
}

void Player::begin(size_t part, int workers) {
  part_ = parts_[part];
  workers_ = workers;
  stop_ = std::stop_source();
  cancelled_ = false;
  begun_.clear();
  flights_.clear();
  running_ = 0;
}

bool Player::at_stop(bool waiting) const {
  if (user_.stop_requested()) return true;
  if (part_.stop && place_.proposals >= part_.stop->place.proposals &&
      place_.results >= part_.stop->place.results && running_ == part_.stop->running &&
      waiting == part_.stop->filled)
    return true;
  return place_.proposals >= part_.end.proposals && place_.results >= part_.end.results;
}

void Player::event(const SearchEvent& event) {
  switch (event.kind) {
    case SearchEventKind::kProposed:
      ++place_.proposals;
      break;
    case SearchEventKind::kStarted:
      begun_[event.number] = {event.identity, event.rung, event.seed,
                              evaluator::coefficient_text(event.coefficient)};
      ++running_;
      break;
    case SearchEventKind::kFinished:
      --running_;
      break;
    default:
      return;
  }
  on_progress_({place_.proposals, static_cast<int64_t>(record_.proposals.size()), place_.results,
                static_cast<int64_t>(results_.size())});
  if (at_stop(/*waiting=*/false)) stop_.request_stop();
}

void Player::submit(evaluator::EvaluationRequest request) {
  flights_[request.id] = {begun_.at(request.id), request.attempt};
  begun_.erase(request.id);
}

// The next one of the record, when it is in flight and this start saw it.
std::optional<EvaluationResult> Player::next_result() {
  if (place_.results >= part_.end.results) return std::nullopt;
  const population::EvaluationRow& row =
      record_.evaluations[results_[static_cast<size_t>(place_.results)].row];
  const Key key{row.key.identity, row.key.rung, row.key.seed, row.key.coefficient};
  const auto flight = std::find_if(flights_.begin(), flights_.end(),
                                   [&](const auto& f) { return f.second.key == key; });
  if (flight == flights_.end()) return std::nullopt;
  EvaluationResult result;
  result.id = flight->first;
  result.attempt = flight->second.attempt;
  result.outcome = *row.outcome;
  result.message = row.message;
  result.metrics = row.metrics;
  result.seconds = row.seconds;
  result.sandbox_level = row.sandbox_level;
  flights_.erase(flight);
  ++place_.results;
  return result;
}

// wait(0) is asked between two proposals: there is a result only if there was one then.
std::optional<EvaluationResult> Player::wait(double seconds) {
  if (seconds <= 0) {
    const bool later = static_cast<size_t>(place_.results) >= results_.size() ||
                       place_.proposals < results_[static_cast<size_t>(place_.results)].proposals;
    return later ? std::nullopt : next_result();
  }
  if (!cancelled_ && at_stop(/*waiting=*/true)) {
    stop_.request_stop();
    return std::nullopt;
  }
  if (auto result = next_result()) return result;
  if (cancelled_) {
    EvaluationResult result;
    if (flights_.empty()) return std::nullopt;
    result.id = flights_.begin()->first;
    result.attempt = flights_.begin()->second.attempt;
    result.outcome = Outcome::kCancelled;
    flights_.erase(flights_.begin());
    return result;
  }
  // The search waits for something else than what came next.
  if (place_.results < part_.end.results) {
    const population::EvaluationRow& row =
        record_.evaluations[results_[static_cast<size_t>(place_.results)].row];
    parted_ = "evaluation " + std::to_string(row.id) + " (rung " + std::to_string(row.key.rung) +
              ", seed " + std::to_string(row.key.seed) + ", coefficient " + row.key.coefficient +
              ") came next in the archive, and the replay does not ask for it";
  } else {
    parted_ = "proposal " + std::to_string(place_.proposals + 1) +
              " came next in the archive, and the replay does not make it";
  }
  stop_.request_stop();
  return std::nullopt;
}

}  // namespace ballast::orchestrator
