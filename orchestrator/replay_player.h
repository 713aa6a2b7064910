// The evaluator and the observer of a search that is repeated: gives every result when the record
// says, and stops each start where it stopped. Inside of replay_run.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

#include "evaluator/evaluator.h"
#include "orchestrator/replay_run.h"
#include "orchestrator/search_status.h"
#include "population/reader.h"

namespace ballast::orchestrator {

// A place in the record: so many proposals and results had been stored.
struct Place {
  int64_t proposals = 0, results = 0;
};

// One start of the search.
struct Part {
  Place end;  // all that it stored
  // Where it began nothing new any more, when it was stopped and not killed.
  struct Stop {
    Place place;
    int64_t running = 0;  // evaluations that ran then
    bool filled = true;   // it was waiting for a result
  };
  std::optional<Stop> stop;
};

class Player final : public evaluator::Evaluator, public SearchObserver {
 public:
  Player(const population::Record& record,
         const std::function<void(const ReplayProgress&)>& on_progress, std::stop_token user);

  size_t parts() const { return parts_.size(); }
  const Part& part(size_t index) const { return parts_[index]; }
  void begin(size_t part, int workers);
  std::stop_token token() const { return stop_.get_token(); }
  bool interrupted() const { return user_.stop_requested(); }
  // From the record: what came next there, which the search did not ask for. Empty: it did not.
  const std::string& parted() const { return parted_; }
  Place place() const { return place_; }

  // Of the evaluator.
  void submit(evaluator::EvaluationRequest request) override;
  std::optional<evaluator::EvaluationResult> wait(double seconds) override;
  int pending() const override { return static_cast<int>(flights_.size()); }
  int running() const override { return pending(); }
  int workers() const override { return workers_; }
  std::vector<Running> now() const override { return {}; }
  void cancel() override { cancelled_ = true; }

  // Of the observer.
  void event(const SearchEvent& event) override;

 private:
  using Key = std::tuple<std::string, int, uint64_t, std::string>;  // without spec, build, device
  struct Result {
    size_t row = 0;         // of record.evaluations
    int64_t proposals = 0;  // stored before it
  };
  struct Flight {
    Key key;
    int64_t attempt = 1;
  };

  void find_parts();
  bool at_stop(bool waiting) const;
  std::optional<evaluator::EvaluationResult> next_result();

  const population::Record& record_;
  const std::function<void(const ReplayProgress&)>& on_progress_;
  const std::stop_token user_;
  std::vector<Result> results_;  // in order of arrival
  std::vector<Part> parts_;

  Part part_;
  int workers_ = 1;
  std::stop_source stop_;
  bool cancelled_ = false;
  std::string parted_;
  Place place_;
  std::map<int64_t, Key> begun_;  // announced by kStarted, not yet submitted
  std::map<int64_t, Flight> flights_;
  int64_t running_ = 0;  // as the search counts them
};

}  // namespace ballast::orchestrator
