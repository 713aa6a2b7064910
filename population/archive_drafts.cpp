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

void Archive::end_draft(int64_t number, std::optional<int64_t> proposal) {
  Transaction tx(*impl_->db);
  Statement(*impl_->db,
            "UPDATE draft SET ended_ns = ?2, proposal = ?3 WHERE number = ?1 AND ended_ns IS NULL")
      .bind(number, impl_->now(), proposal)
      .run();
  require(impl_->db->changes() == 1,
          "ending draft " + std::to_string(number) + ", which does not wait");
  impl_->commit(tx);
}

void Archive::add_arrival(const ArrivalRow& arrival) {
  require(impl_->session.has_value(), "noting an arrival before the run has begun");
  Transaction tx(*impl_->db);
  if (arrival.call) {
    Statement(*impl_->db,
              "UPDATE llm_call SET handled_ns = ?2 WHERE id = ?1 AND outcome IS NOT NULL AND "
              "handled_ns IS NULL")
        .bind(*arrival.call, impl_->now())
        .run();
    require(impl_->db->changes() == 1, "noting that the answer of call " +
                                           std::to_string(*arrival.call) +
                                           " is used, which has not ended or was used before");
  }
  Statement(*impl_->db,
            "INSERT INTO arrival (session, evaluation, call, steps) VALUES (?1, ?2, ?3, ?4)")
      .bind(*impl_->session, arrival.evaluation, arrival.call, arrival.steps)
      .run();
  impl_->commit(tx);
}

std::vector<ArrivalRow> Archive::arrivals() const { return read_arrivals(*impl_->db); }

std::vector<std::pair<int64_t, std::string>> Archive::last_replies(std::string_view op) const {
  std::vector<std::pair<int64_t, std::string>> out;
  Statement rows(*impl_->db,
                 "SELECT d.proposal, c.reply, max(c.id) FROM llm_call c JOIN draft d ON d.number = "
                 "c.draft WHERE c.operator = ?1 AND c.outcome = 'OK' AND d.proposal IS NOT NULL "
                 "GROUP BY d.proposal ORDER BY d.proposal");
  rows.bind(op);
  while (rows.step()) out.emplace_back(rows.integer(0), rows.text(1));
  return out;
}

std::vector<std::string> Archive::models_of(std::string_view op) const {
  std::vector<std::string> out;
  Statement rows(*impl_->db,
                 "SELECT DISTINCT provider || ' ' || remote FROM llm_call WHERE operator = ?1 AND "
                 "outcome = 'OK' ORDER BY 1");
  rows.bind(op);
  while (rows.step()) out.push_back(rows.text(0));
  return out;
}

std::vector<DraftRow> Archive::drafts() const { return read_drafts(*impl_->db); }

std::vector<CallRow> Archive::calls_of_draft(int64_t number) const {
  return read_calls_of_draft(*impl_->db, number);
}

}  // namespace ballast::population
