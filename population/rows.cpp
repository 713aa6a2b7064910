#include "population/rows.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <map>

#include "common/json.h"

namespace ballast::population {
namespace {

static_assert(std::endian::native == std::endian::little, "fingerprints are stored little-endian");

constexpr std::string_view kCandidateColumns =
    "SELECT identity, name, source, track, unit, order_dependent, fingerprint FROM candidate ";

CandidateRow candidate_of(const Statement& row) {
  CandidateRow c;
  c.identity = row.text(0);
  c.name = row.text(1);
  c.source = row.text(2);
  c.track = row.text(3);
  c.unit = row.real(4);
  c.order_dependent = row.integer(5) != 0;
  const std::string_view bytes = row.bytes(6);
  c.fingerprint.resize(bytes.size() / sizeof(float));
  if (!bytes.empty()) std::memcpy(c.fingerprint.data(), bytes.data(), bytes.size());
  return c;
}

Outcome outcome_of(std::string_view text) {
  const std::optional<Outcome> outcome = parse_outcome(text);
  if (!outcome) throw Error("the archive holds an unknown outcome \"" + std::string(text) + "\"");
  return *outcome;
}

constexpr std::string_view kEvaluationColumns =
    "SELECT e.id, c.identity, e.spec_hash, e.rung, e.seed, e.coefficient, e.build, e.device_class, "
    "e.purpose, e.tokens, e.attempt, e.outcome, e.message, e.seconds, e.sandbox_level "
    "FROM evaluation e JOIN candidate c ON c.id = e.candidate ";

EvaluationRow evaluation_of(const Statement& row) {
  EvaluationRow e;
  e.id = row.integer(0);
  e.key = {row.text(1),
           row.text(2),
           static_cast<int>(row.integer(3)),
           seed_from_sql(row.integer(4)),
           row.text(5),
           row.text(6),
           row.text(7)};
  e.purpose = row.text(8);
  e.tokens = row.integer(9);
  e.attempt = row.integer(10);
  if (!row.is_null(11)) e.outcome = outcome_of(row.bytes(11));
  e.message = row.text(12);
  e.seconds = row.real(13);
  e.sandbox_level = row.text(14);
  return e;
}

std::vector<double> numbers_of(std::string_view json, const std::string& name) {
  std::vector<double> out;
  const Json list = parse_json(json, name);
  out.reserve(list.size());
  for (const Json& x : list) out.push_back(number_from(x, name));
  return out;
}

// Adds the metrics of every row, or of the one with id `only`.
void add_metrics(Db& db, std::vector<EvaluationRow>& rows, std::optional<int64_t> only,
                 Arrays wanted = Arrays::kYes) {
  std::map<int64_t, EvaluationRow*> by_id;
  for (EvaluationRow& row : rows) by_id[row.id] = &row;
  const auto metrics = [&](int64_t id) -> Metrics* {
    const auto it = by_id.find(id);
    return it == by_id.end() ? nullptr : &it->second->metrics;
  };
  Statement scalars(db, only ? "SELECT evaluation, name, value FROM metric WHERE evaluation = ?1 "
                               "UNION ALL SELECT evaluation, name, value FROM metric_nonfinite "
                               "WHERE evaluation = ?1"
                             : "SELECT evaluation, name, value FROM metric "
                               "UNION ALL SELECT evaluation, name, value FROM metric_nonfinite");
  if (only) scalars.bind(*only);
  while (scalars.step())
    if (Metrics* m = metrics(scalars.integer(0))) {
      const std::string name = scalars.text(1);
      m->scalars[name] =
          scalars.type(2) == 'r' ? scalars.real(2) : number_from(Json(scalars.text(2)), name);
    }
  if (wanted == Arrays::kNo) return;
  Statement arrays(db,
                   only ? "SELECT evaluation, name, value FROM metric_array WHERE evaluation = ?1"
                        : "SELECT evaluation, name, value FROM metric_array");
  if (only) arrays.bind(*only);
  while (arrays.step())
    if (Metrics* m = metrics(arrays.integer(0)))
      m->arrays[arrays.text(1)] = numbers_of(arrays.bytes(2), arrays.text(1));
}

}  // namespace

std::optional<RunRow> read_run(Db& db) {
  Statement row(db,
                "SELECT config, config_hash, seed, build, spec, spec_hash, objective, mu, target, "
                "reference FROM run");
  if (!row.step()) return std::nullopt;
  return RunRow{row.text(0), row.text(1), seed_from_sql(row.integer(2)),
                row.text(3), row.text(4), row.text(5),
                row.text(6), row.real(7), row.real(8),
                row.text(9)};
}

std::vector<CandidateRow> read_candidates(Db& db) {
  std::vector<CandidateRow> out;
  Statement rows(db, std::string(kCandidateColumns) + "ORDER BY id");
  while (rows.step()) out.push_back(candidate_of(rows));
  return out;
}

std::optional<CandidateRow> read_candidate(Db& db, std::string_view identity) {
  Statement row(db, std::string(kCandidateColumns) + "WHERE identity = ?1");
  if (!row.bind(identity).step()) return std::nullopt;
  return candidate_of(row);
}

std::vector<ProposalRow> read_proposals(Db& db) {
  std::vector<ProposalRow> out;
  std::map<int64_t, size_t> place;
  Statement rows(db,
                 "SELECT id, operator, identity, outcome, reason, detail, source FROM proposal "
                 "ORDER BY id");
  while (rows.step()) {
    place[rows.integer(0)] = out.size();
    out.push_back({rows.text(1),
                   {},
                   rows.text(2),
                   outcome_of(rows.bytes(3)),
                   rows.text(4),
                   rows.text(5),
                   rows.text(6)});
  }
  Statement parents(db,
                    "SELECT p.proposal, c.identity FROM proposal_parent p "
                    "JOIN candidate c ON c.id = p.parent ORDER BY p.proposal, p.position");
  while (parents.step()) {
    const auto it = place.find(parents.integer(0));
    if (it != place.end()) out[it->second].parents.push_back(parents.text(1));
  }
  Statement calls(db, "SELECT proposal, call FROM proposal_call ORDER BY proposal, position");
  while (calls.step()) {
    const auto it = place.find(calls.integer(0));
    if (it != place.end()) out[it->second].calls.push_back(calls.integer(1));
  }
  return out;
}

std::vector<EvaluationRow> read_evaluations(Db& db) {
  std::vector<EvaluationRow> out;
  Statement rows(db, std::string(kEvaluationColumns) + "ORDER BY e.id");
  while (rows.step()) out.push_back(evaluation_of(rows));
  add_metrics(db, out, std::nullopt);
  return out;
}

std::vector<EvaluationRow> read_evaluations(Db& db, std::string_view identity) {
  std::vector<EvaluationRow> out;
  Statement rows(db, std::string(kEvaluationColumns) + "WHERE c.identity = ?1 ORDER BY e.id");
  rows.bind(identity);
  while (rows.step()) out.push_back(evaluation_of(rows));
  for (EvaluationRow& row : out) {
    std::vector<EvaluationRow> one{std::move(row)};
    add_metrics(db, one, one[0].id);
    row = std::move(one[0]);
  }
  return out;
}

std::optional<EvaluationRow> read_evaluation(Db& db, const EvaluationKey& key, Arrays arrays) {
  Statement row(db, std::string(kEvaluationColumns) +
                        "WHERE c.identity = ?1 AND e.spec_hash = ?2 AND e.rung = ?3 AND "
                        "e.seed = ?4 AND e.coefficient = ?5 AND e.build = ?6 AND "
                        "e.device_class = ?7");
  row.bind(key.identity, key.spec_hash, key.rung, seed_to_sql(key.seed), key.coefficient, key.build,
           key.device_class);
  if (!row.step()) return std::nullopt;
  std::vector<EvaluationRow> one{evaluation_of(row)};
  add_metrics(db, one, one[0].id, arrays);
  return std::move(one[0]);
}

std::vector<EstimateRow> read_estimates(Db& db) {
  std::vector<EstimateRow> out;
  Statement rows(db,
                 "SELECT c.identity, s.rung, s.coefficient, s.pairs, s.mean_difference, "
                 "s.standard_error FROM estimate s JOIN candidate c ON c.id = s.candidate "
                 "ORDER BY s.candidate, s.rung");
  while (rows.step())
    out.push_back({rows.text(0), static_cast<int>(rows.integer(1)), rows.text(2), rows.integer(3),
                   rows.real(4), rows.optional_real(5)});
  return out;
}

std::vector<MembershipRow> read_memberships(Db& db) {
  std::vector<MembershipRow> out;
  Statement rows(db,
                 "SELECT c.identity, m.island, m.origin, m.since FROM membership m "
                 "JOIN candidate c ON c.id = m.candidate ORDER BY m.candidate, m.island");
  while (rows.step()) {
    MembershipRow row{rows.text(0), static_cast<int>(rows.integer(1)), std::nullopt,
                      rows.integer(3)};
    if (rows.type(2) == 'i') row.origin = static_cast<int>(rows.integer(2));
    out.push_back(std::move(row));
  }
  return out;
}

void write_metrics(Db& db, int64_t evaluation, const Metrics& metrics) {
  Statement finite(db, "INSERT INTO metric VALUES (?1, ?2, ?3)");
  Statement nonfinite(db, "INSERT INTO metric_nonfinite VALUES (?1, ?2, ?3)");
  for (const auto& [name, value] : metrics.scalars) {
    if (std::isfinite(value))
      finite.bind(evaluation, name, value).run();
    else
      nonfinite.bind(evaluation, name, json_number(value).get<std::string>()).run();
  }
  Statement arrays(db, "INSERT INTO metric_array VALUES (?1, ?2, ?3)");
  for (const auto& [name, values] : metrics.arrays)
    arrays.bind(evaluation, name, number_array(values)).run();
}

}  // namespace ballast::population
