// Drafts: stored before their first call is, ended when they become a proposal.
#include "common/error.h"
#include "common/json.h"
#include "population/archive_impl.h"
#include "population/rows.h"

namespace ballast::population {

void Archive::add_draft(const DraftRow& draft) {
  Transaction tx(*impl_->db);
  for (const std::string& parent : draft.parents) impl_->candidate_id(parent);  // throws
  Statement(*impl_->db,
            "INSERT INTO draft (number, operator, model, variant, parents, island, asked_ns) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (number) DO NOTHING")
      .bind(draft.number, draft.op, draft.model, draft.variant, Json(draft.parents).dump(),
            draft.island, impl_->now())
      .run();
  require(impl_->db->changes() == 1,
          "storing draft " + std::to_string(draft.number) + ", whose number is taken");
  impl_->commit(tx);
}

void Archive::end_draft(int64_t number) {
  Transaction tx(*impl_->db);
  Statement(*impl_->db, "UPDATE draft SET ended_ns = ?2 WHERE number = ?1 AND ended_ns IS NULL")
      .bind(number, impl_->now())
      .run();
  require(impl_->db->changes() == 1,
          "ending draft " + std::to_string(number) + ", which does not wait");
  impl_->commit(tx);
}

void Archive::mark_handled(int64_t call) {
  Transaction tx(*impl_->db);
  Statement(*impl_->db,
            "UPDATE llm_call SET handled_ns = ?2 WHERE id = ?1 AND outcome IS NOT NULL AND "
            "handled_ns IS NULL")
      .bind(call, impl_->now())
      .run();
  require(impl_->db->changes() == 1, "marking call " + std::to_string(call) +
                                         " as handled, which has not ended or is handled already");
  impl_->commit(tx);
}

std::vector<DraftRow> Archive::drafts() const { return read_drafts(*impl_->db); }

std::vector<CallRow> Archive::calls_of_draft(int64_t number) const {
  return read_calls_of_draft(*impl_->db, number);
}

}  // namespace ballast::population
