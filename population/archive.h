// The archive: one SQLite file that holds everything a run knows (docs/design.md, section 8).
//
// One writing connection, one thread: not thread-safe. Every write is one BEGIN IMMEDIATE
// transaction with synchronous=FULL: when a call returns, its rows survive kill -9. Errors are
// thrown as Error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/job.h"
#include "common/outcome.h"
#include "population/calls.h"

namespace ballast::population {

struct RunRow {
  std::string config;  // the whole effective configuration, TOML
  std::string config_hash;
  uint64_t seed = 1;
  std::string build;  // git revision and compiler
  std::string spec;   // canonical JSON of TrainSpec
  std::string spec_hash;
  std::string objective;  // "constrained"
  double mu = 0.1, target = 0.3;
  std::string reference;  // identity of the reference, "builtin:global_lbl"
};

struct CandidateRow {
  std::string identity;  // 64 hexadecimal digits, or "builtin:NAME"
  std::string name;      // for people: a shipped text's or built-in's name, else "mutate-000123"
  std::string source;    // canonical print; empty for built-ins
  std::string track;     // "loss", "loss+bias", "bias", or "none"
  double unit = 1;
  bool order_dependent = false;
  std::vector<float> fingerprint;  // empty for built-ins
};

// One attempt to make a child, whatever became of it.
struct ProposalRow {
  std::string op;                    // "seed", "tune", "mutate", ...
  std::vector<std::string> parents;  // identities, the first is the main one
  std::string identity;              // the child's; empty when it is not even a candidate
  Outcome outcome = Outcome::kOk;    // kOk unless the text itself was found wanting
  // "accepted", "identity", "fingerprint", "static", "contract"; of a draft also "embedding" (too
  // near in meaning), "reply" (no reply held a text), "call" (no reply came).
  std::string reason;
  std::string detail;  // message for people
  std::string source;  // the child's text as proposed
  // Rows of the model calls it came from: read from the last that is no "embed" and no "judge".
  std::vector<int64_t> calls = {};
};

// What makes an evaluation unique; finished rows are never repeated.
struct EvaluationKey {
  std::string identity;
  std::string spec_hash;
  int rung = 1;
  uint64_t seed = 1;
  std::string coefficient;  // as text, "%.6g"
  std::string build;
  std::string device_class;  // "cpu"
  auto operator<=>(const EvaluationKey&) const = default;
};

struct EvaluationRow {
  int64_t id = 0;
  EvaluationKey key;
  std::string purpose;  // "coefficient", "estimate", "champion", "reference", "train"
  int64_t tokens = 0;
  int64_t attempt = 1;
  std::optional<Outcome> outcome;  // nullopt: started, not finished
  std::string message;
  Metrics metrics;
  double seconds = 0;
  std::string sandbox_level;
};

// Where a candidate stands at one rung against the reference.
struct EstimateRow {
  std::string identity;
  int rung = 1;
  std::string coefficient;
  int64_t pairs = 0;                     // paired seeds
  double mean_difference = 0;            // objective, candidate - reference; negative is better
  std::optional<double> standard_error;  // nullopt below two pairs
};

// A candidate on an island of a search with several.
struct MembershipRow {
  std::string identity;
  int island = 0;
  std::optional<int> origin;  // the island it migrated from; nullopt: it began here
  int64_t since = 0;          // proposals there were when it came
  bool operator==(const MembershipRow&) const = default;
};

class Archive {
 public:
  // Opens or creates. A foreign, corrupt or newer file, and a second daemon on the same archive,
  // are Errors that say so. An older schema is backed up beside the file, then migrated.
  Archive(const std::filesystem::path& path, const Clock& clock);
  ~Archive();
  // What opening did to an older file, for people; "" when nothing had to be done.
  std::string migration() const;
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  // The run of this archive: stored on the first call; on a later one compared with what is stored,
  // Error naming the difference when spec, objective, reference or seed changed.
  int64_t begin_run(const RunRow& run);
  std::optional<RunRow> run() const;
  void end_run(std::string_view reason);  // "max_evaluations", "max_seconds", "interrupted", ...

  bool add_candidate(const CandidateRow& candidate);  // false: the identity is known already
  std::optional<CandidateRow> candidate(std::string_view identity) const;
  std::vector<CandidateRow> candidates() const;  // in order of arrival

  int64_t add_proposal(const ProposalRow& proposal);
  std::vector<ProposalRow> proposals() const;

  // Records that an evaluation is about to start and gives its id. An unfinished row of the same
  // key (its process died) is taken over with attempt + 1. Error when the key is already finished.
  int64_t begin_evaluation(const EvaluationKey& key, std::string_view purpose, int64_t tokens);
  // Finishes it, once: a late result of an older attempt is dropped (returns false). kCancelled and
  // kInfra leave the row unfinished.
  bool finish_evaluation(int64_t id, int64_t attempt, Outcome outcome, std::string_view message,
                         const Metrics& metrics, double seconds, std::string_view sandbox_level);
  int64_t attempt(int64_t id) const;
  std::optional<EvaluationRow> evaluation(const EvaluationKey& key) const;
  // Without arrays, which take most of the time.
  std::optional<EvaluationRow> evaluation_scalars(const EvaluationKey& key) const;
  std::vector<EvaluationRow> evaluations() const;  // finished and not
  std::vector<EvaluationRow> evaluations(std::string_view identity) const;

  void put_estimate(const EstimateRow& estimate);             // replaces that of (identity, rung)
  void remove_estimate(std::string_view identity, int rung);  // no error when there is none
  std::vector<EstimateRow> estimates() const;

  void add_membership(const MembershipRow& membership);  // no error when it is there already
  std::vector<MembershipRow> memberships() const;        // by candidate, then island

  // Language models. A call's row comes before its first attempt's; an attempt's, with the most it
  // can cost, before the request leaves.
  int64_t begin_call(const CallRow& call);  // of which prompt, model, operator, ... are read
  int64_t begin_attempt(int64_t call, int64_t number, double worst_usd, int64_t worst_tokens);
  void finish_attempt(int64_t id, const AttemptEnd& end);  // once, else Error
  void finish_call(int64_t id, const CallEnd& end);        // once, else Error
  // On a start: what an earlier process left under way is LOST. Gives the number of calls.
  int64_t lose_open_calls();
  Spending llm_spending() const;
  std::vector<CallRow> calls() const;  // in the order asked
  std::vector<AttemptRow> attempts() const;

  // Drafts: proposals that wait on a model. One is stored before its first call.
  void add_draft(const DraftRow& draft);  // Error when the number is taken
  // Once, else Error. `proposal`: the row that it became; nullopt for notes.
  void end_draft(int64_t number, std::optional<int64_t> proposal);
  std::vector<DraftRow> drafts() const;                       // by number, ended ones too
  std::vector<CallRow> calls_of_draft(int64_t number) const;  // in the order asked
  // Of each proposal that came of a draft, by its row: the last good answer of this operator
  // ("embed").
  std::vector<std::pair<int64_t, std::string>> last_replies(std::string_view op) const;

  // "provider model" of all who gave a good answer to this operator, each once.
  std::vector<std::string> models_of(std::string_view op) const;

  // A result, or an answer, which counts as used from now on. Once each, of what has ended, and
  // after begin_run; else Error.
  void add_arrival(const ArrivalRow& arrival);
  std::vector<ArrivalRow> arrivals() const;  // in their order

  // Small state of the search that must survive: key -> JSON text.
  void put_state(std::string_view key, std::string_view json);
  std::optional<std::string> state(std::string_view key) const;

  void add_event(std::string_view kind, std::string_view detail);

  // Runs `writes` as one transaction: after a crash all of its rows are there, or none; when it
  // throws, none. May be nested. Nothing inside it is stored before it returns.
  void together(const std::function<void()>& writes);
  // Calls `then` as soon as everything written so far is stored: at once outside together(), else
  // after its outermost; never when that throws. What must not happen before its row is stored.
  void when_stored(std::function<void()> then);

  // Folds the write-ahead log back; called when idle.
  void checkpoint();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ballast::population
