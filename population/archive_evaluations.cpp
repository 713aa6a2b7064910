// Evaluations of an Archive: each begins before its training starts and finishes once.
#include "common/error.h"
#include "population/archive_impl.h"
#include "population/rows.h"

namespace ballast::population {
namespace {

std::string describe(const EvaluationKey& key) {
  return "evaluation of " + key.identity + " (rung " + std::to_string(key.rung) + ", seed " +
         std::to_string(key.seed) + ", coefficient " + key.coefficient + ", device " +
         key.device_class + ", build " + key.build + ")";
}

}  // namespace

int64_t Archive::begin_evaluation(const EvaluationKey& key, std::string_view purpose,
                                  int64_t tokens) {
  Transaction tx(*impl_->db);
  Statement row(
      *impl_->db,
      "INSERT INTO evaluation (candidate, spec_hash, rung, seed, coefficient, build, "
      "device_class, purpose, tokens, attempt, message, seconds, sandbox_level, started_ns) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, '', 0, '', ?10) "
      "ON CONFLICT (candidate, spec_hash, rung, seed, coefficient, build, device_class) "
      "DO UPDATE SET purpose = excluded.purpose, tokens = excluded.tokens, "
      "attempt = attempt + 1, started_ns = excluded.started_ns WHERE outcome IS NULL "
      "RETURNING id");
  row.bind(impl_->candidate_id(key.identity), key.spec_hash, key.rung, seed_to_sql(key.seed),
           key.coefficient, key.build, key.device_class, purpose, tokens, impl_->now());
  if (!row.step())
    throw Error("beginning an " + describe(key) + " in archive " + impl_->db->path() +
                ", which is finished already: read its result instead");
  const int64_t id = row.integer(0);
  row.run();
  impl_->commit(tx);
  return id;
}

bool Archive::finish_evaluation(int64_t id, int64_t attempt, Outcome outcome,
                                std::string_view message, const Metrics& metrics, double seconds,
                                std::string_view sandbox_level) {
  const bool finished = outcome != Outcome::kInfra && outcome != Outcome::kCancelled;
  std::optional<std::string_view> text;
  std::optional<int64_t> at;
  if (finished) {
    text = to_string(outcome);
    at = impl_->now();
  }
  Transaction tx(*impl_->db);
  Statement(*impl_->db,
            "UPDATE evaluation SET outcome = ?1, message = ?2, seconds = ?3, sandbox_level = ?4, "
            "finished_ns = ?5 WHERE id = ?6 AND attempt = ?7 AND outcome IS NULL")
      .bind(text, message, seconds, sandbox_level, at, id, attempt)
      .run();
  const bool ours = impl_->db->changes() > 0;
  if (ours && finished) write_metrics(*impl_->db, id, metrics);
  if (ours && outcome == Outcome::kInfra)
    add_event("infra", "evaluation " + std::to_string(id) + ", attempt " + std::to_string(attempt) +
                           ": " + std::string(message));
  impl_->commit(tx);
  return ours;
}

int64_t Archive::attempt(int64_t id) const {
  Statement row(*impl_->db, "SELECT attempt FROM evaluation WHERE id = ?1");
  if (!row.bind(id).step())
    throw Error("archive " + impl_->db->path() + " has no evaluation " + std::to_string(id));
  return row.integer(0);
}

std::optional<EvaluationRow> Archive::evaluation(const EvaluationKey& key) const {
  return read_evaluation(*impl_->db, key);
}

std::vector<EvaluationRow> Archive::evaluations() const { return read_evaluations(*impl_->db); }

std::vector<EvaluationRow> Archive::evaluations(std::string_view identity) const {
  return read_evaluations(*impl_->db, identity);
}

}  // namespace ballast::population
