// Looking into an archive while a search writes it, or when nobody has it open.
//
// Read-only: never blocks the writer, never changes the file, and each call sees one moment. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "population/archive.h"

namespace ballast::population {

class Db;

// A row of the view `leaderboard` (docs/archive.md); nullopt where nothing was measured.
struct LeaderboardRow {
  std::string identity, name, track;
  int rung = 0;
  int64_t evaluations = 0;
  double mean_difference = 0;
  std::optional<double> standard_error;
  std::optional<double> cross_entropy;  // nats per token
  std::optional<double> max_vio_global;
  double coefficient = 0;
  int64_t pairs = 0;
  std::optional<double> max_vio_batch, domain_expert_mi;
  double seconds = 0;  // of all its evaluations
  int64_t coefficients_tried = 0, failures = 0;
  std::string sandbox_level;  // the lowest of the evaluations
  std::string op;             // the operator that made it; "" for built-ins
};

// A row of the view `lineage`: a candidate and one of its parents, or none.
struct LineageRow {
  std::string identity, name;
  int64_t generation = 0;
  std::string op;
  int64_t position = 0;             // 0 is the main parent
  std::string parent, parent_name;  // "" for a candidate without parents
};

// A row of the view `costs`: what a model has cost and brought in the hands of one operator.
struct CostRow {
  std::string model, op;
  int64_t calls = 0, answers = 0, attempts = 0;
  int64_t input_tokens = 0, cache_read_tokens = 0, cache_write_tokens = 0;
  int64_t output_tokens = 0, reasoning_tokens = 0;
  double usd = 0, usd_uncertain = 0;  // the latter is the part counted at its worst case
  double seconds = 0;
  int64_t proposals = 0, accepted = 0, improvements = 0;
  std::optional<double> usd_per_improvement;
};

struct SessionRow {
  int64_t id = 0;
  int64_t started_ns = 0;
  std::optional<int64_t> ended_ns;  // nullopt: at work, or killed
  std::string reason, build, config;
  int64_t pid = 0;
};

struct EventRow {
  int64_t at_ns = 0;
  std::string kind, detail;
};

struct Counts {
  int64_t candidates = 0;                      // built-ins included
  int64_t estimates = 0;                       // candidates that have one
  std::map<std::string, int64_t> proposals;    // by reason
  std::map<std::string, int64_t> accepted;     // by operator
  std::map<std::string, int64_t> evaluations;  // finished, by outcome
  int64_t unfinished = 0;                      // evaluations begun and not finished
  double seconds = 0;                          // of finished evaluations
};

// All of an archive at one moment: what a run can be repeated from and compared with.
struct Record {
  std::optional<RunRow> run;
  std::vector<CandidateRow> candidates;  // each list in order of arrival
  std::vector<ProposalRow> proposals;
  std::vector<MembershipRow> memberships;
  std::vector<EvaluationRow> evaluations;  // finished and not, in order of their first start
  std::vector<EstimateRow> estimates;
  std::vector<DraftRow> drafts;  // by number
  std::vector<CallRow> calls;
  std::vector<ArrivalRow> arrivals;  // in their order
  std::vector<SessionRow> sessions;
  std::vector<EventRow> events;
  std::vector<int64_t> proposed_ns;  // one per proposal
  std::vector<int64_t> finished_ns;  // one per evaluation; 0: not finished
};

struct BlobCell {
  std::string bytes;
  bool operator==(const BlobCell&) const = default;
};
using Cell =
    std::variant<std::monostate, int64_t, double, std::string, BlobCell>;  // monostate: NULL
struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<Cell>> rows;
  bool cut = false;  // there were more rows than asked for
};

class Reader {
 public:
  // Throws Error for a missing, foreign, damaged or newer file. A query that takes longer than
  // `seconds` is an Error, since the writer's log cannot be folded back while somebody reads.
  explicit Reader(const std::filesystem::path& path, double seconds = 30);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // The process that has the archive open for writing.
  std::optional<int> writer_pid() const;

  std::optional<RunRow> run() const;
  std::vector<SessionRow> sessions() const;
  Counts counts() const;
  std::vector<EventRow> events(int64_t last) const;  // the last so many, oldest first
  std::optional<std::string> state(std::string_view key) const;

  std::vector<LeaderboardRow> leaderboard() const;  // best first
  std::vector<CandidateRow> candidates() const;
  std::optional<CandidateRow> candidate(std::string_view identity) const;
  std::vector<std::string> identities(std::string_view prefix) const;  // that start so, sorted
  std::vector<EvaluationRow> evaluations(std::string_view identity) const;
  std::vector<EstimateRow> estimates(std::string_view identity) const;  // by rung
  // The candidate's own rows, then its ancestors', each candidate once, nearest first.
  std::vector<LineageRow> lineage(std::string_view identity) const;
  // Rows of every candidate that comes from it, nearest first, each candidate's rows together.
  std::vector<LineageRow> descendants(std::string_view identity) const;

  Record record() const;
  // What is wrong with the file itself: SQLite's integrity check and rows that point to nothing.
  // Empty when it is sound.
  std::vector<std::string> damage() const;

  std::vector<CostRow> costs() const;  // the dearest first
  // The calls that the proposals of one identity came from, prompts and replies included.
  std::vector<CallRow> calls(std::string_view identity) const;
  std::vector<CallRow> calls() const;
  // What one proposal (its row) came from.
  std::vector<CallRow> calls_of_proposal(int64_t proposal) const;
  std::vector<AttemptRow> attempts_of_proposal(int64_t proposal) const;

  // Any one reading statement; writing is an Error.
  Table sql(std::string_view query, size_t max_rows) const;

 private:
  Db& ready() const;          // with the time limit set, for a file of this build's schema
  Db& ready_for_sql() const;  // for any known schema

  std::filesystem::path path_;
  double seconds_;
  std::unique_ptr<Db> db_;
};

}  // namespace ballast::population
