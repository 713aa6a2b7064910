// Calls to language models: each is stored before it is made, each answer before it is used.
#include "common/error.h"
#include "common/hash.h"
#include "common/json.h"
#include "population/archive_impl.h"
#include "population/rows.h"

namespace ballast::population {
namespace {

// Row of a text, stored once however often it is sent.
int64_t text_id(Db& db, std::string_view hash, std::string_view text) {
  Statement known(db, "SELECT id FROM llm_text WHERE hash = ?1");
  if (known.bind(hash).step()) return known.integer(0);
  Statement(db, "INSERT INTO llm_text (hash, text) VALUES (?1, ?2)").bind(hash, text).run();
  return db.last_id();
}

std::string hash_of(std::string_view system_hash, std::string_view user_hash) {
  return sha256_hex(std::string(system_hash).append(user_hash));
}

// The smallest number that no call of this prompt and model has: that of a lost one is free again.
int64_t free_ordinal(Db& db, std::string_view hash, std::string_view model) {
  Statement rows(db,
                 "SELECT ordinal FROM llm_call WHERE prompt_hash = ?1 AND model = ?2 AND ordinal "
                 "IS NOT NULL ORDER BY ordinal");
  rows.bind(hash, model);
  int64_t ordinal = 0;
  while (rows.step() && rows.integer(0) == ordinal) ++ordinal;
  return ordinal;
}

bool has_answer(std::string_view outcome) { return outcome != "CANCELLED" && outcome != "LOST"; }

}  // namespace

std::string prompt_hash(std::string_view system, std::string_view user) {
  return hash_of(sha256_hex(system), sha256_hex(user));
}

int64_t Archive::begin_call(const CallRow& call) {
  Db& db = *impl_->db;
  parse_json(call.sampling, "the sampling of a call");  // throws when it is not
  Transaction tx(db);
  const std::string system = sha256_hex(call.system), user = sha256_hex(call.user);
  const std::string hash = hash_of(system, user);
  Statement(db,
            "INSERT INTO llm_call (model, provider, remote, operator, variant, prompt_hash, "
            "ordinal, system, user, sampling, draft, message, reply, request_id, attempts, "
            "seconds, started_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, '', '', "
            "'', 0, 0, ?12)")
      .bind(call.model, call.provider, call.remote, call.op, call.variant, hash,
            free_ordinal(db, hash, call.model), text_id(db, system, call.system),
            text_id(db, user, call.user), call.sampling, call.draft, impl_->now())
      .run();
  const int64_t id = db.last_id();
  impl_->commit(tx);
  return id;
}

int64_t Archive::begin_attempt(int64_t call, int64_t number, double worst_usd,
                               int64_t worst_tokens) {
  Transaction tx(*impl_->db);
  Statement(*impl_->db,
            "INSERT INTO llm_attempt (call, number, worst_usd, worst_tokens, message, request_id, "
            "status, input, cache_read, cache_write, cache_write_1h, output, reasoning, seconds, "
            "started_ns) VALUES (?1, ?2, ?3, ?4, '', '', 0, 0, 0, 0, 0, 0, 0, 0, ?5)")
      .bind(call, number, worst_usd, worst_tokens, impl_->now())
      .run();
  const int64_t id = impl_->db->last_id();
  impl_->commit(tx);
  return id;
}

void Archive::finish_attempt(int64_t id, const AttemptEnd& end) {
  Transaction tx(*impl_->db);
  const TokenCounts& t = end.tokens;
  Statement(*impl_->db,
            "UPDATE llm_attempt SET outcome = ?2, message = ?3, request_id = ?4, status = ?5, "
            "input = ?6, cache_read = ?7, cache_write = ?8, cache_write_1h = ?9, output = ?10, "
            "reasoning = ?11, usd = ?12, seconds = ?13, finished_ns = ?14 "
            "WHERE id = ?1 AND outcome IS NULL")
      .bind(id, end.outcome, end.message, end.request_id, end.status, t.input, t.cache_read,
            t.cache_write, t.cache_write_1h, t.output, t.reasoning, end.usd, end.seconds,
            impl_->now())
      .run();
  require(impl_->db->changes() == 1,
          "ending attempt " + std::to_string(id) + " of a call, which is not under way");
  impl_->commit(tx);
}

void Archive::finish_call(int64_t id, const CallEnd& end) {
  Transaction tx(*impl_->db);
  const bool answered = has_answer(end.outcome);
  Statement(*impl_->db,
            "UPDATE llm_call SET outcome = ?2, message = ?3, reply = ?4, request_id = ?5, "
            "attempts = ?6, seconds = ?7, finished_ns = ?8, "
            "ordinal = iif(?9, ordinal, NULL), "
            "answered = iif(?9, (SELECT ifnull(max(answered), 0) + 1 FROM llm_call), NULL) "
            "WHERE id = ?1 AND outcome IS NULL")
      .bind(id, end.outcome, end.message, end.reply, end.request_id, end.attempts, end.seconds,
            impl_->now(), answered)
      .run();
  require(impl_->db->changes() == 1,
          "ending call " + std::to_string(id) + ", which is not under way");
  impl_->commit(tx);
}

int64_t Archive::lose_open_calls() {
  Transaction tx(*impl_->db);
  Statement(*impl_->db,
            "UPDATE llm_attempt SET outcome = 'LOST', finished_ns = ?1 WHERE outcome IS NULL")
      .bind(impl_->now())
      .run();
  Statement(*impl_->db,
            "UPDATE llm_call SET outcome = 'LOST', ordinal = NULL, finished_ns = ?1 WHERE outcome "
            "IS NULL")
      .bind(impl_->now())
      .run();
  const int64_t lost = impl_->db->changes();
  impl_->commit(tx);
  return lost;
}

Spending Archive::llm_spending() const {
  Statement row(*impl_->db,
                "SELECT total(ifnull(usd, worst_usd)), ifnull(sum(iif(usd IS NULL, worst_tokens, "
                "input + cache_read + cache_write + cache_write_1h + output)), 0), count(*) "
                "FROM llm_attempt");
  row.step();
  return {.usd = row.real(0), .tokens = row.integer(1), .requests = row.integer(2)};
}

std::vector<CallRow> Archive::calls() const { return read_calls(*impl_->db); }
std::vector<AttemptRow> Archive::attempts() const { return read_attempts(*impl_->db); }

}  // namespace ballast::population
