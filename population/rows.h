// Reading rows back: shared by Archive and Reader.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "population/archive.h"
#include "population/db.h"

namespace ballast::population {

std::optional<RunRow> read_run(Db& db);

std::vector<CandidateRow> read_candidates(Db& db);
std::optional<CandidateRow> read_candidate(Db& db, std::string_view identity);

std::vector<ProposalRow> read_proposals(Db& db);

std::vector<CallRow> read_calls(Db& db);
// Those that the proposals of one identity came from, in their order.
std::vector<CallRow> read_calls(Db& db, std::string_view identity);
std::vector<CallRow> read_calls_of_draft(Db& db, int64_t number);  // in the order asked
std::vector<ArrivalRow> read_arrivals(Db& db);
std::vector<DraftRow> read_drafts(Db& db);                              // by number
std::vector<CallRow> read_calls_of_proposal(Db& db, int64_t proposal);  // in their order
std::vector<AttemptRow> read_attempts(Db& db);
std::vector<AttemptRow> read_attempts_of_proposal(Db& db, int64_t proposal);

// In order of their first start, metrics included.
std::vector<EvaluationRow> read_evaluations(Db& db);
std::vector<EvaluationRow> read_evaluations(Db& db, std::string_view identity);
enum class Arrays : uint8_t { kNo, kYes };  // of the metrics
std::optional<EvaluationRow> read_evaluation(Db& db, const EvaluationKey& key,
                                             Arrays arrays = Arrays::kYes);

std::vector<EstimateRow> read_estimates(Db& db);
std::vector<MembershipRow> read_memberships(Db& db);  // by candidate, then island

// Metrics as rows: finite scalars, scalars that are not finite, arrays as JSON (schema.cpp says
// why).
void write_metrics(Db& db, int64_t evaluation, const Metrics& metrics);

// Seeds are unsigned, SQLite's integers are not: the bits are kept.
inline int64_t seed_to_sql(uint64_t seed) { return static_cast<int64_t>(seed); }
inline uint64_t seed_from_sql(int64_t seed) { return static_cast<uint64_t>(seed); }

}  // namespace ballast::population
