// Candidates, proposals and estimates of an Archive.
#include "common/error.h"
#include "population/archive_impl.h"
#include "population/rows.h"

namespace ballast::population {

bool Archive::add_candidate(const CandidateRow& c) {
  Transaction tx(*impl_->db);
  const std::string_view fingerprint(reinterpret_cast<const char*>(c.fingerprint.data()),
                                     c.fingerprint.size() * sizeof(float));
  Statement(*impl_->db,
            "INSERT INTO candidate (identity, name, source, track, unit, order_dependent, "
            "fingerprint, created_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
            "ON CONFLICT (identity) DO NOTHING")
      .bind(c.identity, c.name, c.source, c.track, c.unit, c.order_dependent, Bytes{fingerprint},
            impl_->now())
      .run();
  const bool is_new = impl_->db->changes() > 0;
  impl_->commit(tx);
  return is_new;
}

std::optional<CandidateRow> Archive::candidate(std::string_view identity) const {
  return read_candidate(*impl_->db, identity);
}

std::vector<CandidateRow> Archive::candidates() const { return read_candidates(*impl_->db); }

int64_t Archive::add_proposal(const ProposalRow& p) {
  Transaction tx(*impl_->db);
  const std::optional<std::string> identity =
      p.identity.empty() ? std::nullopt : std::optional(p.identity);
  Statement(
      *impl_->db,
      "INSERT INTO proposal (operator, identity, outcome, reason, detail, source, created_ns) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
      .bind(p.op, identity, to_string(p.outcome), p.reason, p.detail, p.source, impl_->now())
      .run();
  const int64_t id = impl_->db->last_id();
  int64_t position = 0;
  for (const std::string& parent : p.parents)
    Statement(*impl_->db, "INSERT INTO proposal_parent VALUES (?1, ?2, ?3)")
        .bind(id, position++, impl_->candidate_id(parent))
        .run();
  impl_->commit(tx);
  return id;
}

std::vector<ProposalRow> Archive::proposals() const { return read_proposals(*impl_->db); }

void Archive::put_estimate(const EstimateRow& e) {
  Transaction tx(*impl_->db);
  Statement(*impl_->db,
            "INSERT INTO estimate VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
            "ON CONFLICT (candidate, rung) DO UPDATE SET coefficient = excluded.coefficient, "
            "pairs = excluded.pairs, mean_difference = excluded.mean_difference, "
            "standard_error = excluded.standard_error, updated_ns = excluded.updated_ns")
      .bind(impl_->candidate_id(e.identity), e.rung, e.coefficient, e.pairs, e.mean_difference,
            e.standard_error, impl_->now())
      .run();
  impl_->commit(tx);
}

void Archive::remove_estimate(std::string_view identity, int rung) {
  Transaction tx(*impl_->db);
  Statement(*impl_->db, "DELETE FROM estimate WHERE candidate = ?1 AND rung = ?2")
      .bind(impl_->candidate_id(identity), rung)
      .run();
  impl_->commit(tx);
}

void Archive::add_membership(const MembershipRow& m) {
  Transaction tx(*impl_->db);
  std::optional<int64_t> origin;
  if (m.origin) origin = *m.origin;
  Statement(*impl_->db, "INSERT INTO membership VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")
      .bind(impl_->candidate_id(m.identity), m.island, origin, m.since)
      .run();
  impl_->commit(tx);
}

std::vector<MembershipRow> Archive::memberships() const { return read_memberships(*impl_->db); }

std::vector<EstimateRow> Archive::estimates() const { return read_estimates(*impl_->db); }

}  // namespace ballast::population
