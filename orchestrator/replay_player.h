// The evaluator, the language models and the observer of a search that is repeated: gives every
// result and every answer when the record says, and stops each start where it stopped. Inside of
// replay_run.cpp.
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
#include "orchestrator/llm/replay_llm.h"
#include "orchestrator/replay_run.h"
#include "orchestrator/search_status.h"
#include "population/reader.h"

namespace ballast::orchestrator {

// A place in the record: so many proposals and drafts had been stored, so many evaluations begun,
// and so many results and answers had arrived.
struct Place {
  int64_t proposals = 0, drafts = 0, evaluations = 0, arrivals = 0;
};

// One start of the search.
struct Part {
  Place end;  // all that it stored
  // Where it began nothing new any more, when it was stopped and not killed.
  struct Stop {
    int64_t arrivals = 0, steps = 0;
    int64_t running = 0;  // evaluations that ran then
    bool filled = true;   // it was waiting for a result
  };
  std::optional<Stop> stop;
};

class Player final : public evaluator::Evaluator, public SearchObserver {
 public:
  // `out`: the archive that the repeated run writes.
  Player(const population::Record& record, population::Archive& out,
         const std::function<void(const ReplayProgress&)>& on_progress, std::stop_token user);

  size_t parts() const { return parts_.size(); }
  const Part& part(size_t index) const { return parts_[index]; }
  void begin(size_t part, int workers);
  std::stop_token token() const { return stop_.get_token(); }
  bool interrupted() const { return user_.stop_requested(); }
  // From the record: what came next there, which the search did not ask for. Empty: it did not.
  const std::string& parted() const { return parted_; }
  Place place() const { return place_; }
  int64_t results() const { return results_; }

  // Of the evaluator.
  void submit(evaluator::EvaluationRequest request) override;
  std::optional<evaluator::EvaluationResult> wait(double seconds) override;
  void wake() override {}
  int pending() const override { return static_cast<int>(flights_.size()); }
  int running() const override { return pending(); }
  int workers() const override { return workers_; }
  std::vector<Running> now() const override { return {}; }
  void cancel() override { cancelled_ = true; }

  // For the search, as its models.
  Llm& llm() { return llm_; }

  // Of the observer.
  void event(const SearchEvent& event) override;

 private:
  using Key = std::tuple<std::string, int, uint64_t, std::string>;  // without spec, build, device
  struct Flight {
    Key key;
    int64_t attempt = 1;
  };

  void find_parts();
  bool at_stop(bool waiting) const;
  const population::ArrivalRow* next() const;  // null: this start saw nothing more
  bool due(const population::ArrivalRow* arrival) const {
    return arrival != nullptr && arrival->steps == steps_;
  }
  std::optional<evaluator::EvaluationResult> result_of(const population::ArrivalRow& arrival);
  void part(const population::ArrivalRow* arrival);

  // Answers of the record, each when it is due.
  class Models final : public Llm {
   public:
    Models(Player& player, population::Archive& out)
        : player_(player), replay_(player.record_.calls, out) {}
    int64_t submit(const LlmCall& call) override { return replay_.submit(call); }
    std::optional<LlmAnswer> wait(double seconds) override;
    void cancel(int64_t ticket) override { replay_.cancel(ticket); }
    int64_t pending() const override { return replay_.pending(); }

   private:
    Player& player_;
    ReplayLlm replay_;
  };

  const population::Record& record_;
  const std::function<void(const ReplayProgress&)>& on_progress_;
  const std::stop_token user_;
  std::map<int64_t, size_t> evaluations_;  // by id: row of record.evaluations
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
  int64_t steps_ = 0;    // of this start, as the search counts them
  int64_t results_ = 0;
  int64_t arrived_before_ = 0;  // this start
  Models llm_;
};

}  // namespace ballast::orchestrator
