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

struct Known {
  int64_t id = 0;
  bool finished = false;
};

std::optional<Known> find(Db& db, int64_t candidate, const EvaluationKey& key) {
  Statement row(
      db,
      "SELECT id, outcome IS NOT NULL FROM evaluation WHERE candidate = ?1 AND "
      "spec_hash = ?2 AND rung = ?3 AND seed = ?4 AND coefficient = ?5 AND build = ?6 AND "
      "device_class = ?7");
  row.bind(candidate, key.spec_hash, key.rung, seed_to_sql(key.seed), key.coefficient, key.build,
           key.device_class);
  if (!row.step()) return std::nullopt;
  return Known{row.integer(0), row.integer(1) != 0};
}

}  // namespace

int64_t Archive::begin_evaluation(const EvaluationKey& key, std::string_view purpose,
                                  int64_t tokens) {
  Db& db = *impl_->db;
  Transaction tx(db);
  const int64_t candidate = impl_->candidate_id(key.identity);
  const std::optional<Known> known = find(db, candidate, key);
  int64_t id = 0;
  if (!known) {
    Statement(
        db,
        "INSERT INTO evaluation (candidate, spec_hash, rung, seed, coefficient, build, "
        "device_class, purpose, tokens, attempt, message, seconds, sandbox_level, started_ns) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, '', 0, '', ?10)")
        .bind(candidate, key.spec_hash, key.rung, seed_to_sql(key.seed), key.coefficient, key.build,
              key.device_class, purpose, tokens, impl_->now())
        .run();
    id = db.last_id();
  } else if (known->finished) {
    throw Error("beginning an " + describe(key) + " in archive " + db.path() +
                ", which is finished already: read its result instead");
  } else {
    id = known->id;
    Statement(db,
              "UPDATE evaluation SET purpose = ?1, tokens = ?2, attempt = attempt + 1, "
              "started_ns = ?3 WHERE id = ?4")
        .bind(purpose, tokens, impl_->now(), id)
        .run();
  }
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

std::optional<EvaluationRow> Archive::evaluation_scalars(const EvaluationKey& key) const {
  return read_evaluation(*impl_->db, key, Arrays::kNo);
}

std::vector<EvaluationRow> Archive::evaluations() const { return read_evaluations(*impl_->db); }

std::vector<EvaluationRow> Archive::evaluations(std::string_view identity) const {
  return read_evaluations(*impl_->db, identity);
}

}  // namespace ballast::population
