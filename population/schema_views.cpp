#include "population/schema_views.h"

namespace ballast::population {
namespace {

constexpr std::string_view kViews = R"sql(
-- The finished, successful evaluations that a candidate's figures at one rung are means of: those at
-- the estimate's coefficient, and only fresh seeds (all but the purpose 'coefficient') once there are
-- any, since the coefficient was chosen to look good on the others.
CREATE VIEW measured AS
  SELECT candidate, rung, evaluation, seed, sandbox_level
  FROM (
    SELECT s.candidate, s.rung, e.id AS evaluation, e.seed, e.sandbox_level,
           e.purpose <> 'coefficient' AS fresh,
           max(e.purpose <> 'coefficient') OVER (PARTITION BY s.candidate, s.rung) AS any_fresh
    FROM estimate s
    JOIN evaluation e ON e.candidate = s.candidate AND e.rung = s.rung AND
                         e.coefficient = s.coefficient
    WHERE e.outcome = 'OK' AND e.purpose <> 'train')
  WHERE fresh = any_fresh;

-- One row per candidate that has an estimate, at its highest rung; the best first.
CREATE VIEW leaderboard AS
  WITH
    top AS (SELECT candidate, max(rung) AS rung FROM estimate GROUP BY candidate),
    means AS (
      SELECT m.candidate, m.rung,
             count(DISTINCT m.evaluation) AS evaluations, min(m.sandbox_level) AS sandbox_level,
             avg(v.value) FILTER (WHERE v.name = 'cross_entropy') AS cross_entropy,
             avg(v.value) FILTER (WHERE v.name = 'max_vio_global') AS max_vio_global,
             avg(v.value) FILTER (WHERE v.name = 'max_vio_batch') AS max_vio_batch,
             avg(v.value) FILTER (WHERE v.name = 'domain_expert_mi') AS domain_expert_mi
      FROM top
      JOIN measured m USING (candidate, rung)
      LEFT JOIN metric v ON v.evaluation = m.evaluation AND
        v.name IN ('cross_entropy', 'max_vio_global', 'max_vio_batch', 'domain_expert_mi')
      GROUP BY m.candidate, m.rung),
    effort AS (
      SELECT candidate, count(DISTINCT coefficient) AS coefficients_tried,
             count(*) FILTER (WHERE outcome <> 'OK') AS failures, sum(seconds) AS seconds
      FROM evaluation WHERE outcome IS NOT NULL GROUP BY candidate)
  SELECT
    c.identity, c.name, c.track, s.rung,
    ifnull(m.evaluations, 0) AS evaluations,
    iif(c.identity = r.reference, 0.0, s.mean_difference) AS mean_difference,
    iif(c.identity = r.reference, NULL, s.standard_error) AS standard_error,
    m.cross_entropy, m.max_vio_global,
    CAST(s.coefficient AS REAL) AS coefficient,
    s.pairs, m.max_vio_batch, m.domain_expert_mi,
    ifnull(w.seconds, 0.0) AS seconds,
    ifnull(w.coefficients_tried, 0) AS coefficients_tried,
    ifnull(w.failures, 0) AS failures,
    m.sandbox_level,  -- the lowest of those evaluations
    (SELECT p.operator FROM proposal p
      WHERE p.identity = c.identity AND p.reason = 'accepted' ORDER BY p.id LIMIT 1) AS operator
  FROM top
  JOIN estimate s USING (candidate, rung)
  JOIN candidate c ON c.id = s.candidate
  JOIN run r
  LEFT JOIN means m USING (candidate, rung)
  LEFT JOIN effort w USING (candidate)
  ORDER BY mean_difference, c.identity;

-- Who comes from whom: one row per candidate and parent; a candidate without parents has one row
-- with NULLs. Generation 0 has no parents, every other is one more than its main parent's.
CREATE VIEW lineage AS
  WITH RECURSIVE
    birth AS (  -- the proposal that made a candidate: the first that was accepted
      SELECT c.id AS candidate, min(p.id) AS proposal
      FROM candidate c LEFT JOIN proposal p ON p.identity = c.identity AND p.reason = 'accepted'
      GROUP BY c.id),
    edge AS (
      SELECT b.candidate, b.proposal, q.position, q.parent
      FROM birth b LEFT JOIN proposal_parent q ON q.proposal = b.proposal),
    age (candidate, generation) AS (
      SELECT candidate, 0 FROM edge WHERE parent IS NULL
      UNION ALL
      SELECT edge.candidate, age.generation + 1
      FROM age JOIN edge ON edge.parent = age.candidate AND edge.position = 0)
  SELECT c.identity, c.name, age.generation, p.operator, e.position, d.identity AS parent,
         d.name AS parent_name, e.proposal
  FROM edge e
  JOIN candidate c ON c.id = e.candidate
  JOIN age ON age.candidate = e.candidate
  LEFT JOIN proposal p ON p.id = e.proposal
  LEFT JOIN candidate d ON d.id = e.parent
  ORDER BY c.id, e.position;

-- Candidates that none of the same track and rung beats: not worse in cross_entropy (lower),
-- max_vio_global (lower) and domain_expert_mi (higher), and better in one of them.
CREATE VIEW pareto AS
  WITH figures AS MATERIALIZED (
    SELECT * FROM leaderboard
    WHERE cross_entropy IS NOT NULL AND max_vio_global IS NOT NULL
      AND domain_expert_mi IS NOT NULL)
  SELECT track, rung, identity, name, cross_entropy, max_vio_global, domain_expert_mi,
         mean_difference, standard_error, coefficient
  FROM figures a
  WHERE NOT EXISTS (
    SELECT 1 FROM figures b
    WHERE b.track = a.track AND b.rung = a.rung
      AND b.cross_entropy <= a.cross_entropy AND b.max_vio_global <= a.max_vio_global
      AND b.domain_expert_mi >= a.domain_expert_mi
      AND (b.cross_entropy < a.cross_entropy OR b.max_vio_global < a.max_vio_global
           OR b.domain_expert_mi > a.domain_expert_mi))
  ORDER BY track, rung, cross_entropy;

-- What the language models have cost and brought, one row per model and operator. What nobody knows
-- the cost of counts at its worst case. A proposal is the work of the call it was read from: the last
-- of its calls that only embedded or judged no text. One that was accepted is an improvement when its
-- estimate is better than its main parent's at the highest rung that both have reached.
CREATE VIEW costs AS
  WITH
    spent AS (
      SELECT call, count(*) AS attempts, sum(input) AS input, sum(cache_read) AS cache_read,
             sum(cache_write + cache_write_1h) AS cache_write, sum(output) AS output,
             sum(reasoning) AS reasoning, total(ifnull(usd, worst_usd)) AS usd,
             total(iif(usd IS NULL, worst_usd, 0)) AS usd_uncertain
      FROM llm_attempt GROUP BY call),
    standing AS (
      SELECT e.candidate, e.rung,
             iif(c.identity = r.reference, 0.0, e.mean_difference) AS mean_difference
      FROM estimate e JOIN candidate c ON c.id = e.candidate LEFT JOIN run r),
    source AS (
      SELECT q.proposal, q.call, max(q.position)
      FROM proposal_call q JOIN llm_call k ON k.id = q.call
      WHERE k.operator NOT IN ('embed', 'judge') GROUP BY q.proposal),
    improvement AS (
      SELECT proposal, max(rung), better
      FROM (
        SELECT s.proposal, child.rung, child.mean_difference < parent.mean_difference AS better
        FROM source s
        JOIN proposal p ON p.id = s.proposal AND p.reason = 'accepted'
        JOIN candidate c ON c.identity = p.identity
        JOIN proposal_parent q ON q.proposal = p.id AND q.position = 0
        JOIN standing child ON child.candidate = c.id
        JOIN standing parent ON parent.candidate = q.parent AND parent.rung = child.rung)
      GROUP BY proposal),
    made AS (
      SELECT s.call, count(*) AS proposals, sum(p.reason = 'accepted') AS accepted,
             sum(ifnull(i.better, 0)) AS improvements
      FROM source s JOIN proposal p ON p.id = s.proposal
      LEFT JOIN improvement i ON i.proposal = s.proposal
      GROUP BY s.call)
  SELECT
    c.model, c.operator,
    count(*) AS calls,
    sum(ifnull(c.outcome = 'OK', 0)) AS answers,  -- usable ones
    ifnull(sum(a.attempts), 0) AS attempts,
    ifnull(sum(a.input), 0) AS input_tokens, ifnull(sum(a.cache_read), 0) AS cache_read_tokens,
    ifnull(sum(a.cache_write), 0) AS cache_write_tokens,
    ifnull(sum(a.output), 0) AS output_tokens, ifnull(sum(a.reasoning), 0) AS reasoning_tokens,
    total(a.usd) AS usd, total(a.usd_uncertain) AS usd_uncertain,
    total(c.seconds) AS seconds,
    ifnull(sum(m.proposals), 0) AS proposals, ifnull(sum(m.accepted), 0) AS accepted,
    ifnull(sum(m.improvements), 0) AS improvements,
    iif(sum(m.improvements) > 0, total(a.usd) / sum(m.improvements), NULL) AS usd_per_improvement
  FROM llm_call c
  LEFT JOIN spent a ON a.call = c.id
  LEFT JOIN made m ON m.call = c.id
  GROUP BY c.model, c.operator
  ORDER BY usd DESC, c.model, c.operator;
)sql";

}  // namespace

std::string_view schema_views() { return kViews; }

}  // namespace ballast::population
