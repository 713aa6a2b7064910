#include "population/reader.h"

#include <deque>
#include <limits>
#include <set>

#include "common/error.h"
#include "population/lock.h"
#include "population/open.h"
#include "population/rows.h"

namespace ballast::population {
namespace {

// Several statements that see one moment.
class Snapshot {
 public:
  explicit Snapshot(Db& db) : db_(db) { db.exec("BEGIN"); }
  ~Snapshot() { db_.end_reading(); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

 private:
  Db& db_;
};

std::map<std::string, int64_t> count_by(Db& db, std::string_view sql) {
  std::map<std::string, int64_t> out;
  Statement rows(db, sql);
  while (rows.step()) out[rows.text(0)] = rows.integer(1);
  return out;
}

std::map<std::string, std::vector<LineageRow>> read_lineage(Db& db) {
  std::map<std::string, std::vector<LineageRow>> out;
  Statement rows(db,
                 "SELECT identity, name, generation, operator, position, parent, parent_name "
                 "FROM lineage");
  while (rows.step())
    out[rows.text(0)].push_back({rows.text(0), rows.text(1), rows.integer(2), rows.text(3),
                                 rows.integer(4), rows.text(5), rows.text(6)});
  return out;
}

std::vector<int64_t> read_integers(Db& db, std::string_view sql) {
  std::vector<int64_t> out;
  Statement rows(db, sql);
  while (rows.step()) out.push_back(rows.integer(0));
  return out;
}

std::vector<SessionRow> read_sessions(Db& db) {
  std::vector<SessionRow> out;
  Statement rows(
      db, "SELECT id, started_ns, ended_ns, reason, build, config, pid FROM session ORDER BY id");
  while (rows.step()) {
    SessionRow s{rows.integer(0), rows.integer(1), std::nullopt,   rows.text(3),
                 rows.text(4),    rows.text(5),    rows.integer(6)};
    if (!rows.is_null(2)) s.ended_ns = rows.integer(2);
    out.push_back(std::move(s));
  }
  return out;
}

std::vector<EventRow> read_events(Db& db, int64_t last) {
  std::vector<EventRow> out;
  Statement rows(db,
                 "SELECT at_ns, kind, detail FROM (SELECT * FROM event ORDER BY id DESC LIMIT ?1) "
                 "ORDER BY id");
  rows.bind(last);
  while (rows.step()) out.push_back({rows.integer(0), rows.text(1), rows.text(2)});
  return out;
}

Cell cell_of(const Statement& row, int column) {
  switch (row.type(column)) {
    case 'i':
      return row.integer(column);
    case 'r':
      return row.real(column);
    case 't':
      return row.text(column);
    case 'b':
      return BlobCell{row.text(column)};
    default:
      return std::monostate();
  }
}

}  // namespace

Reader::Reader(const std::filesystem::path& path, double seconds)
    : path_(path), seconds_(seconds), db_(open_for_reading(path)) {}

Reader::~Reader() = default;

Db& Reader::ready_for_sql() const {
  db_->time_limit(seconds_);
  return *db_;
}

Db& Reader::ready() const {
  Db& db = ready_for_sql();
  const int64_t version = db.integer("PRAGMA user_version");
  const int known = current_schema().version();
  if (version != known)
    throw Error("reading archive " + path_.string() + ": it has the older schema " +
                std::to_string(version) + ", this build reads " + std::to_string(known) +
                ": `ballast backup FILE NEW` makes a copy that this build reads; `ballast search` "
                "on FILE migrates it after a backup");
  return db;
}

std::optional<int> Reader::writer_pid() const { return lock_holder_pid(path_); }

std::optional<RunRow> Reader::run() const { return read_run(ready()); }

std::vector<SessionRow> Reader::sessions() const { return read_sessions(ready()); }

Counts Reader::counts() const {
  Db& db = ready();
  const Snapshot snapshot(db);
  Counts c;
  c.candidates = db.integer("SELECT count(*) FROM candidate");
  c.estimates = db.integer("SELECT count(DISTINCT candidate) FROM estimate");
  c.proposals = count_by(db, "SELECT reason, count(*) FROM proposal GROUP BY reason");
  c.accepted = count_by(
      db, "SELECT operator, count(*) FROM proposal WHERE reason = 'accepted' GROUP BY operator");
  c.evaluations = count_by(
      db, "SELECT outcome, count(*) FROM evaluation WHERE outcome IS NOT NULL GROUP BY outcome");
  c.unfinished = db.integer("SELECT count(*) FROM evaluation WHERE outcome IS NULL");
  Statement sum(db, "SELECT total(seconds) FROM evaluation WHERE outcome IS NOT NULL");
  sum.step();
  c.seconds = sum.real(0);
  return c;
}

std::vector<EventRow> Reader::events(int64_t last) const { return read_events(ready(), last); }

std::optional<std::string> Reader::state(std::string_view key) const {
  Statement row(ready(), "SELECT value FROM state WHERE key = ?1");
  if (!row.bind(key).step()) return std::nullopt;
  return row.text(0);
}

std::vector<LeaderboardRow> Reader::leaderboard() const {
  std::vector<LeaderboardRow> out;
  Statement r(ready(),
              "SELECT identity, name, track, rung, evaluations, mean_difference, standard_error, "
              "cross_entropy, max_vio_global, coefficient, pairs, max_vio_batch, domain_expert_mi, "
              "seconds, coefficients_tried, failures, sandbox_level, operator FROM leaderboard");
  while (r.step())
    out.push_back({.identity = r.text(0),
                   .name = r.text(1),
                   .track = r.text(2),
                   .rung = static_cast<int>(r.integer(3)),
                   .evaluations = r.integer(4),
                   .mean_difference = r.real(5),
                   .standard_error = r.optional_real(6),
                   .cross_entropy = r.optional_real(7),
                   .max_vio_global = r.optional_real(8),
                   .coefficient = r.real(9),
                   .pairs = r.integer(10),
                   .max_vio_batch = r.optional_real(11),
                   .domain_expert_mi = r.optional_real(12),
                   .seconds = r.real(13),
                   .coefficients_tried = r.integer(14),
                   .failures = r.integer(15),
                   .sandbox_level = r.text(16),
                   .op = r.text(17)});
  return out;
}

std::vector<CandidateRow> Reader::candidates() const { return read_candidates(ready()); }

std::optional<CandidateRow> Reader::candidate(std::string_view identity) const {
  return read_candidate(ready(), identity);
}

std::vector<std::string> Reader::identities(std::string_view prefix) const {
  std::vector<std::string> out;
  Statement rows(ready(),
                 "SELECT identity FROM candidate WHERE substr(identity, 1, length(?1)) = ?1 "
                 "ORDER BY identity");
  rows.bind(prefix);
  while (rows.step()) out.push_back(rows.text(0));
  return out;
}

std::vector<EvaluationRow> Reader::evaluations(std::string_view identity) const {
  Db& db = ready();
  const Snapshot snapshot(db);
  return read_evaluations(db, identity);
}

std::vector<EstimateRow> Reader::estimates(std::string_view identity) const {
  std::vector<EstimateRow> all = read_estimates(ready());
  std::erase_if(all, [&](const EstimateRow& e) { return e.identity != identity; });
  return all;
}

std::vector<LineageRow> Reader::lineage(std::string_view identity) const {
  const auto all = read_lineage(ready());
  std::vector<LineageRow> out;
  std::deque<std::string> waiting{std::string(identity)};
  std::set<std::string> seen{std::string(identity)};
  while (!waiting.empty()) {
    const auto it = all.find(waiting.front());
    waiting.pop_front();
    if (it == all.end()) continue;
    for (const LineageRow& row : it->second) {
      out.push_back(row);
      if (!row.parent.empty() && seen.insert(row.parent).second) waiting.push_back(row.parent);
    }
  }
  return out;
}

std::vector<LineageRow> Reader::descendants(std::string_view identity) const {
  const auto all = read_lineage(ready());
  std::map<std::string, std::vector<std::string>> children;
  for (const auto& [child, rows] : all)
    for (const LineageRow& row : rows)
      if (!row.parent.empty()) children[row.parent].push_back(child);
  std::vector<LineageRow> out;
  std::deque<std::string> waiting{std::string(identity)};
  std::set<std::string> seen{std::string(identity)};
  while (!waiting.empty()) {
    const std::string parent = waiting.front();
    waiting.pop_front();
    for (const std::string& child : children[parent]) {
      if (!seen.insert(child).second) continue;
      out.insert(out.end(), all.at(child).begin(), all.at(child).end());
      waiting.push_back(child);
    }
  }
  return out;
}

std::vector<std::string> Reader::damage() const {
  constexpr size_t kMost = 20;  // of each kind: more say nothing new
  std::vector<std::string> out;
  Db& db = ready();
  Statement check(db, "PRAGMA integrity_check(20)");
  while (check.step())
    if (check.text(0) != "ok") out.push_back(check.text(0));
  Statement rows(db, "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check");
  for (size_t i = 0; i < kMost && rows.step(); ++i)
    out.push_back("row " + rows.text(1) + " of table " + rows.text(0) +
                  " points to a row of table " + rows.text(2) + " that is not there");
  return out;
}

Record Reader::record() const {
  Db& db = ready();
  const Snapshot snapshot(db);
  Record r;
  r.run = read_run(db);
  r.candidates = read_candidates(db);
  r.proposals = read_proposals(db);
  r.memberships = read_memberships(db);
  r.evaluations = read_evaluations(db);
  r.estimates = read_estimates(db);
  r.drafts = read_drafts(db);
  r.arrivals = read_arrivals(db);
  r.calls = read_calls(db);
  r.sessions = read_sessions(db);
  r.events = read_events(db, std::numeric_limits<int64_t>::max());
  r.proposed_ns = read_integers(db, "SELECT created_ns FROM proposal ORDER BY id");
  r.finished_ns = read_integers(db, "SELECT ifnull(finished_ns, 0) FROM evaluation ORDER BY id");
  return r;
}

std::vector<CostRow> Reader::costs() const {
  std::vector<CostRow> out;
  Statement r(ready(),
              "SELECT model, operator, calls, answers, attempts, input_tokens, cache_read_tokens, "
              "cache_write_tokens, output_tokens, reasoning_tokens, usd, usd_uncertain, seconds, "
              "proposals, accepted, improvements, usd_per_improvement FROM costs");
  while (r.step())
    out.push_back({.model = r.text(0),
                   .op = r.text(1),
                   .calls = r.integer(2),
                   .answers = r.integer(3),
                   .attempts = r.integer(4),
                   .input_tokens = r.integer(5),
                   .cache_read_tokens = r.integer(6),
                   .cache_write_tokens = r.integer(7),
                   .output_tokens = r.integer(8),
                   .reasoning_tokens = r.integer(9),
                   .usd = r.real(10),
                   .usd_uncertain = r.real(11),
                   .seconds = r.real(12),
                   .proposals = r.integer(13),
                   .accepted = r.integer(14),
                   .improvements = r.integer(15),
                   .usd_per_improvement = r.optional_real(16)});
  return out;
}

std::vector<CallRow> Reader::calls(std::string_view identity) const {
  return read_calls(ready(), identity);
}

std::vector<CallRow> Reader::calls() const { return read_calls(ready()); }

std::vector<CallRow> Reader::calls_of_proposal(int64_t proposal) const {
  return read_calls_of_proposal(ready(), proposal);
}

std::vector<AttemptRow> Reader::attempts_of_proposal(int64_t proposal) const {
  return read_attempts_of_proposal(ready(), proposal);
}

Table Reader::sql(std::string_view query, size_t max_rows) const {
  Table out;
  Db& db = ready_for_sql();
  Statement row(db, query);
  if (row.columns() == 0)  // BEGIN, ATTACH, INSERT
    throw Error("an archive is only read here, and this statement gives no rows: \"" +
                std::string(query) + "\"");
  for (int i = 0; i < row.columns(); ++i) out.columns.push_back(row.name(i));
  while (row.step()) {
    if (out.rows.size() == max_rows) {
      out.cut = true;
      break;
    }
    std::vector<Cell> cells;
    for (int i = 0; i < row.columns(); ++i) cells.push_back(cell_of(row, i));
    out.rows.push_back(std::move(cells));
  }
  return out;
}

}  // namespace ballast::population
