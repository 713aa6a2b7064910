// The inside of Search, shared by search*.cpp: nothing else includes this.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/draft.h"
#include "orchestrator/embedding.h"
#include "orchestrator/ledger.h"
#include "orchestrator/novelty.h"
#include "orchestrator/operator_choice.h"
#include "orchestrator/proposer.h"
#include "orchestrator/replay.h"
#include "orchestrator/search.h"

namespace ballast::orchestrator {

// An evaluation that the evaluator has, or that waits to be handed to it again.
struct Flight {
  Want want;
  int64_t id = 0;
  int64_t attempt = 1;
  int troubles = 0;       // INFRA results in a row
  double not_before = 0;  // monotonic seconds
};

constexpr double kPoll = 0.25;          // seconds between two looks at stop and budget
constexpr double kBanditSeconds = 0.5;  // between two looks that people get at the bandit

struct Search::State {
  State(SearchConfig given, population::Archive& archive_, evaluator::Evaluator& evaluator_,
        evaluator::Sandbox& probes, const Clock& clock_, SearchObserver& observer_, Llm* llm_);

  // search_load.cpp: from the archive to memory.
  void load();
  void check_rungs();
  void load_candidates();
  void load_islands(const std::vector<population::ProposalRow>& rows);
  void load_evaluations();
  void store_differing_estimates();
  void add_builtins();
  void add_seeds();
  void load_drafts();
  void know(const population::CandidateRow& candidate, std::string_view op,
            std::span<const float> embedding = {});

  // search_step.cpp: one thing at a time. The first two return false when there is nothing to do.
  bool submit_one();
  bool propose_one();
  std::vector<population::MembershipRow> memberships_after(const Proposal& proposal) const;
  std::vector<int> islands_of(int64_t number, std::string_view op, std::string_view name,
                              int64_t seeds) const;
  void store(const Proposal& proposal, const Draft* draft = nullptr);
  int64_t next_turn() const;
  void handle(const evaluator::EvaluationResult& result);
  void store_result(const Flight& flight, const evaluator::EvaluationResult& result,
                    Outcome outcome, std::string_view message, double objective);
  void put_estimate(const Ledger::Changed& changed);
  void put_bandit();  // for people: nothing reads it back
  void hand_over(const Flight& flight);
  void hand_over_retries();
  bool fruitless() const;
  void check_reference() const;  // throws Error when it failed

  // search_drafts.cpp: what waits on language models.
  void ask(const Question& question, std::optional<int> island, int attempt = 1);
  void begin_draft(Draft draft, const Asking& asking);
  void submit(Draft& draft, const Asking& asking);
  bool notes_due() const;
  void ask_for_notes();
  void take_notes(const Draft& draft, int64_t call, const LlmReply& reply);
  bool take_answers();  // all that are there; true when there was one
  void handle(const LlmAnswer& answer);
  void use(Draft& draft, int64_t call, const LlmReply& reply, double cost);
  void end_draft(int64_t number, Proposal proposal);
  void take_up_drafts();
  void drop(const std::vector<int64_t>& numbers);
  void cancel_drafts();
  void judge_model(const std::string& model, const LlmReply& reply);
  bool may_ask(const std::string& model) const;
  bool drafts_full() const;
  std::vector<bool> closed_arms() const;
  Dialogue dialogue();

  // search.cpp: the loop and its ends.
  std::string loop(std::stop_token stop);
  std::string turn(const std::optional<evaluator::EvaluationResult>& result, std::stop_token stop);
  void store_together(const std::function<void()>& turn);
  void fill(std::stop_token stop);
  bool take_what_came();  // true when something did
  void note_stop();
  void drain(double most, std::stop_token stop);
  void cancel();
  bool out_of_evaluations() const;
  double seconds() const { return seconds_before + clock.monotonic() - started; }
  void save_seconds();

  // search_status.cpp
  SearchStatus status() const;
  void show_status(bool now);
  void tell(SearchEventKind kind, const Flight& flight, Outcome outcome, double took,
            std::string text) const;

  const SearchConfig config;
  population::Archive& archive;
  evaluator::Evaluator& evaluator;
  const Clock& clock;
  SearchObserver& observer;
  Llm* const llm;
  std::string phase = "built-ins";
  bool filled = true;  // all has been decided that the results so far allow

  Ledger ledger;
  FingerprintIndex known;  // one index per ledger entry
  EmbeddingIndex texts;    // the same; empty where a text was not embedded
  Proposer proposer;
  std::vector<Made> made;             // every proposal, in order
  ArmHistory history;                 // of these
  FactsMemory memory;                 // of the above
  std::map<int64_t, Flight> flights;  // by evaluation id
  std::deque<Want> unfinished;        // begun before this start, in order

  // Decisions of this start: evaluations begun, proposals stored, questions asked, pauses. What
  // arrives is stored with their number, so that a replay knows when.
  int64_t steps = 0;
  int64_t arrivals = 0;  // results and answers of this start

  // What waits on models.
  std::map<int64_t, Draft> drafts;              // by number
  std::map<int64_t, int64_t> draft_of;          // by the Llm's ticket
  std::map<std::string, ModelStanding> models;  // as its answers of this start show it
  bool money_spent = false;                     // a ceiling left no room for a call
  Scratchpad scratchpad;

  // Of the whole run.
  Spent spent;
  std::map<std::string, OperatorCount> operators;
  std::set<std::string> seed_sources;  // proposed already
  int64_t proposals = 0;
  int64_t drafts_asked = 0, drafts_ended = 0;  // notes left out
  int64_t last_draft = 0;                      // its number
  double usd = 0;
  int64_t seeds_known = 0, children_known = 0;  // accepted ones
  int64_t rejected_in_row = 0;
  // Number of proposals and of finished evaluations when proposing was last given up for a while.
  int64_t paused_proposals = 0, paused_evaluations = -1;

  double started = 0, seconds_before = 0, seconds_saved = 0;
  double status_shown = -1;
  double bandit_stored = -1e9;
};

}  // namespace ballast::orchestrator
