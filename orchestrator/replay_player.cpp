#include "orchestrator/replay_player.h"

#include <algorithm>
#include <utility>

#include "common/json.h"
#include "evaluator/coefficient.h"

namespace ballast::orchestrator {

using evaluator::EvaluationResult;

Player::Player(const population::Record& record, population::Archive& out,
               const std::function<void(const ReplayProgress&)>& on_progress, std::stop_token user)
    : record_(record), on_progress_(on_progress), user_(std::move(user)), llm_(*this, out) {
  for (size_t i = 0; i < record.evaluations.size(); ++i) evaluations_[record.evaluations[i].id] = i;
  find_parts();
}

void Player::find_parts() {
  const auto count = [](const auto& rows, const auto& is) {
    return static_cast<int64_t>(std::count_if(rows.begin(), rows.end(), is));
  };
  for (size_t i = 0; i < record_.sessions.size(); ++i) {
    const bool last = i + 1 == record_.sessions.size();
    const int64_t start = record_.sessions[i].started_ns;
    const int64_t end = last ? INT64_MAX : record_.sessions[i + 1].started_ns;
    Part part;
    part.end.proposals = count(record_.proposed_ns, [&](int64_t at) { return at < end; });
    part.end.drafts = count(record_.drafts, [&](const auto& row) { return row.asked_ns < end; });
    part.end.arrivals = count(record_.arrivals, [&](const population::ArrivalRow& row) {
      return row.session <= record_.sessions[i].id;
    });
    bool next_start = false;
    for (const population::EventRow& event : record_.events) {
      if (event.kind == "start" && event.at_ns >= end && !next_start) {
        next_start = true;
        const Json json = parse_json(event.detail, "event \"start\"");
        ObjectReader in(json, "event \"start\"");
        part.end.evaluations = in.integer("evaluations");
      }
      if (event.kind != "stopping" || event.at_ns < start || event.at_ns >= end) continue;
      const Json json = parse_json(event.detail, "event \"stopping\"");
      ObjectReader in(json, "event \"stopping\"");
      Part::Stop stop;
      stop.running = in.integer("running");
      stop.filled = in.boolean("filled");
      stop.steps = in.integer("steps");
      stop.arrivals = in.integer("arrivals");
      part.stop = stop;
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
  steps_ = 0;
  arrived_before_ = place_.arrivals;
}

// Where the search began to stop (what arrived after that is no part of the place), or had stored
// all that it did.
bool Player::at_stop(bool waiting) const {
  if (user_.stop_requested()) return true;
  if (part_.stop && place_.arrivals - arrived_before_ >= part_.stop->arrivals &&
      steps_ >= part_.stop->steps && running_ == part_.stop->running &&
      waiting == part_.stop->filled)
    return true;
  return place_.proposals >= part_.end.proposals && place_.drafts >= part_.end.drafts &&
         place_.evaluations >= part_.end.evaluations && place_.arrivals >= part_.end.arrivals;
}

void Player::event(const SearchEvent& event) {
  switch (event.kind) {
    case SearchEventKind::kProposed:
      ++place_.proposals;
      ++steps_;
      break;
    case SearchEventKind::kAsked:
      ++place_.drafts;
      ++steps_;
      break;
    case SearchEventKind::kPaused:
      ++steps_;
      break;
    case SearchEventKind::kAnswered:
      break;
    case SearchEventKind::kStarted:
      begun_[event.number] = {event.identity, event.rung, event.seed,
                              evaluator::coefficient_text(event.coefficient)};
      place_.evaluations = std::max(place_.evaluations, event.number);  // rows of this replay
      ++running_;
      ++steps_;
      break;
    case SearchEventKind::kFinished:
      --running_;
      break;
    default:
      return;
  }
  on_progress_({place_.proposals, static_cast<int64_t>(record_.proposals.size()), results_,
                static_cast<int64_t>(record_.arrivals.size())});
  if (at_stop(/*waiting=*/false)) stop_.request_stop();
}

void Player::submit(evaluator::EvaluationRequest request) {
  flights_[request.id] = {begun_.at(request.id), request.attempt};
  begun_.erase(request.id);
}

const population::ArrivalRow* Player::next() const {
  return place_.arrivals < part_.end.arrivals
             ? &record_.arrivals[static_cast<size_t>(place_.arrivals)]
             : nullptr;
}

// When it is in flight.
std::optional<EvaluationResult> Player::result_of(const population::ArrivalRow& arrival) {
  const population::EvaluationRow& row =
      record_.evaluations[evaluations_.at(arrival.evaluation.value())];
  const Key key{row.key.identity, row.key.rung, row.key.seed, row.key.coefficient};
  const auto flight = std::find_if(flights_.begin(), flights_.end(),
                                   [&](const auto& f) { return f.second.key == key; });
  if (flight == flights_.end()) return std::nullopt;
  EvaluationResult result;
  result.id = flight->first;
  result.attempt = flight->second.attempt;
  result.outcome = row.outcome.value_or(Outcome::kInfra);
  result.message = row.message;
  result.metrics = row.metrics;
  result.seconds = row.seconds;
  result.sandbox_level = row.sandbox_level;
  flights_.erase(flight);
  ++place_.arrivals;
  ++results_;
  return result;
}

std::optional<LlmAnswer> Player::Models::wait(double) {
  if (const auto cancelled = replay_.wait(0)) return cancelled;
  const population::ArrivalRow* next = player_.next();
  if (!player_.due(next) || !next->call || player_.cancelled_ || !replay_.give(*next->call))
    return std::nullopt;
  ++player_.place_.arrivals;
  return replay_.wait(0);
}

// Called with 0 between two decisions: there is a result only if there was one then.
std::optional<EvaluationResult> Player::wait(double seconds) {
  const population::ArrivalRow* arrival = next();
  if (seconds <= 0) return due(arrival) && arrival->evaluation ? result_of(*arrival) : std::nullopt;
  if (!cancelled_ && at_stop(/*waiting=*/true)) {
    stop_.request_stop();
    return std::nullopt;
  }
  if (cancelled_) {
    // Results of the time in which the search stopped, then the rest.
    while (arrival != nullptr && !arrival->evaluation) {
      ++place_.arrivals;
      arrival = next();
    }
    if (arrival != nullptr)
      if (auto result = result_of(*arrival)) return result;
    if (flights_.empty()) return std::nullopt;
    EvaluationResult result;
    result.id = flights_.begin()->first;
    result.attempt = flights_.begin()->second.attempt;
    result.outcome = Outcome::kCancelled;
    flights_.erase(flights_.begin());
    return result;
  }
  if (due(arrival)) {
    if (arrival->call) return std::nullopt;  // the models give it
    if (auto result = result_of(*arrival)) return result;
  }
  part(arrival);
  return std::nullopt;
}

// The search waits for something else than what came next.
void Player::part(const population::ArrivalRow* arrival) {
  if (arrival == nullptr) {
    parted_ = "proposal " + std::to_string(place_.proposals + 1) +
              " came next in the archive, and the replay does not make it";
  } else if (arrival->call) {
    parted_ = "the answer of call " + std::to_string(*arrival->call) +
              " came next in the archive, after " + std::to_string(arrival->steps) +
              " decisions, and the replay has made " + std::to_string(steps_);
  } else {
    const population::EvaluationRow& row =
        record_.evaluations[evaluations_.at(arrival->evaluation.value())];
    parted_ = "evaluation " + std::to_string(row.id) + " (rung " + std::to_string(row.key.rung) +
              ", seed " + std::to_string(row.key.seed) + ", coefficient " + row.key.coefficient +
              ") came next in the archive, and the replay does not ask for it";
  }
  stop_.request_stop();
}

}  // namespace ballast::orchestrator
