// Calls to language models, read back.
#include "common/json.h"
#include "population/rows.h"

namespace ballast::population {
namespace {

constexpr std::string_view kCallColumns =
    "SELECT c.id, c.model, c.provider, c.remote, c.operator, c.variant, s.text, u.text, "
    "c.sampling, c.prompt_hash, c.ordinal, c.outcome, c.message, c.reply, c.request_id, "
    "c.attempts, c.seconds, c.answered, c.draft, c.handled_ns, (SELECT total(ifnull(a.usd, "
    "a.worst_usd)) FROM llm_attempt a WHERE a.call = c.id) FROM llm_call c JOIN llm_text s ON s.id "
    "= c.system JOIN llm_text u ON u.id = c.user ";

std::optional<int64_t> optional_integer(const Statement& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.integer(column));
}

std::vector<CallRow> calls_of(Statement& r) {
  std::vector<CallRow> out;
  while (r.step())
    out.push_back({.id = r.integer(0),
                   .model = r.text(1),
                   .provider = r.text(2),
                   .remote = r.text(3),
                   .op = r.text(4),
                   .variant = r.text(5),
                   .system = r.text(6),
                   .user = r.text(7),
                   .sampling = r.text(8),
                   .draft = optional_integer(r, 18),
                   .prompt_hash = r.text(9),
                   .ordinal = optional_integer(r, 10),
                   .outcome = r.text(11),
                   .message = r.text(12),
                   .reply = r.text(13),
                   .request_id = r.text(14),
                   .attempts = r.integer(15),
                   .seconds = r.real(16),
                   .answered = optional_integer(r, 17),
                   .handled_ns = optional_integer(r, 19),
                   .usd = r.real(20)});
  return out;
}

constexpr std::string_view kAttemptColumns =
    "SELECT a.id, a.call, a.number, a.worst_usd, a.worst_tokens, a.outcome, a.message, "
    "a.request_id, a.status, a.input, a.cache_read, a.cache_write, a.cache_write_1h, a.output, "
    "a.reasoning, a.usd, a.seconds FROM llm_attempt a ";

std::vector<AttemptRow> attempts_of(Statement& r) {
  std::vector<AttemptRow> out;
  while (r.step())
    out.push_back({.id = r.integer(0),
                   .call = r.integer(1),
                   .number = r.integer(2),
                   .worst_usd = r.real(3),
                   .worst_tokens = r.integer(4),
                   .end = {.outcome = r.text(5),
                           .message = r.text(6),
                           .request_id = r.text(7),
                           .status = r.integer(8),
                           .tokens = {.input = r.integer(9),
                                      .cache_read = r.integer(10),
                                      .cache_write = r.integer(11),
                                      .cache_write_1h = r.integer(12),
                                      .output = r.integer(13),
                                      .reasoning = r.integer(14)},
                           .usd = r.optional_real(15),
                           .seconds = r.real(16)}});
  return out;
}

}  // namespace

std::vector<CallRow> read_calls(Db& db) {
  Statement rows(db, std::string(kCallColumns) + "ORDER BY c.id");
  return calls_of(rows);
}

std::vector<CallRow> read_calls(Db& db, std::string_view identity) {
  Statement rows(db, std::string(kCallColumns) +
                         "JOIN proposal_call q ON q.call = c.id JOIN proposal p ON p.id = "
                         "q.proposal WHERE p.identity = ?1 ORDER BY p.id, q.position");
  rows.bind(identity);
  return calls_of(rows);
}

std::vector<CallRow> read_calls_of_draft(Db& db, int64_t number) {
  Statement rows(db, std::string(kCallColumns) + "WHERE c.draft = ?1 ORDER BY c.id");
  rows.bind(number);
  return calls_of(rows);
}

std::vector<ArrivalRow> read_arrivals(Db& db) {
  std::vector<ArrivalRow> out;
  Statement r(db, "SELECT evaluation, call, steps, session FROM arrival ORDER BY id");
  while (r.step())
    out.push_back({.evaluation = optional_integer(r, 0),
                   .call = optional_integer(r, 1),
                   .steps = r.integer(2),
                   .session = r.integer(3)});
  return out;
}

std::vector<DraftRow> read_drafts(Db& db) {
  std::vector<DraftRow> out;
  Statement r(db,
              "SELECT number, operator, model, variant, parents, island, asked_ns, ended_ns, "
              "proposal, (SELECT total(ifnull(a.usd, a.worst_usd)) FROM llm_call c JOIN "
              "llm_attempt a ON a.call = c.id WHERE c.draft = number AND c.handled_ns IS NOT NULL) "
              "FROM draft ORDER BY number");
  while (r.step()) {
    DraftRow draft{.number = r.integer(0),
                   .op = r.text(1),
                   .model = r.text(2),
                   .variant = r.text(3),
                   .asked_ns = r.integer(6),
                   .ended_ns = optional_integer(r, 7),
                   .proposal = optional_integer(r, 8),
                   .usd = r.real(9)};
    const Json parents = parse_json(r.bytes(4), "the parents of a draft");
    for (const Json& parent : parents) draft.parents.push_back(parent.get<std::string>());
    if (!r.is_null(5)) draft.island = static_cast<int>(r.integer(5));
    out.push_back(std::move(draft));
  }
  return out;
}

std::vector<CallRow> read_calls_of_proposal(Db& db, int64_t proposal) {
  Statement rows(db, std::string(kCallColumns) +
                         "JOIN proposal_call q ON q.call = c.id WHERE q.proposal = ?1 ORDER BY "
                         "q.position");
  rows.bind(proposal);
  return calls_of(rows);
}

std::vector<AttemptRow> read_attempts(Db& db) {
  Statement rows(db, std::string(kAttemptColumns) + "ORDER BY a.id");
  return attempts_of(rows);
}

std::vector<AttemptRow> read_attempts_of_proposal(Db& db, int64_t proposal) {
  Statement rows(db, std::string(kAttemptColumns) +
                         "JOIN proposal_call q ON q.call = a.call WHERE q.proposal = ?1 ORDER BY "
                         "a.id");
  rows.bind(proposal);
  return attempts_of(rows);
}

}  // namespace ballast::population
