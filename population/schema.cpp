#include "population/schema.h"

namespace ballast::population {
namespace {

// Conventions: STRICT tables; NOT NULL but where NULL has a meaning of its own (said beside it);
// times are nanoseconds since 1970 UTC, for display only; seeds are unsigned and stored as the
// signed number of the same bits; text is UTF-8. CHECKs use
// no JSON functions: SQLite refuses those in a schema to whoever opens the file with
// trusted_schema=OFF.
constexpr std::string_view kVersion1 = R"sql(
-- The search this archive belongs to; one row.
CREATE TABLE run (
  id          INTEGER PRIMARY KEY CHECK (id = 1),
  config      TEXT    NOT NULL,  -- the effective configuration at the first start, TOML
  config_hash TEXT    NOT NULL,
  seed        INTEGER NOT NULL,
  build       TEXT    NOT NULL,  -- git revision and compiler at the first start
  spec        TEXT    NOT NULL,  -- model, schedule, data; JSON
  spec_hash   TEXT    NOT NULL,
  objective   TEXT    NOT NULL,
  mu          REAL    NOT NULL,
  target      REAL    NOT NULL,
  reference   TEXT    NOT NULL,  -- identity of what every candidate is compared with
  created_ns  INTEGER NOT NULL
) STRICT;

-- One row per start of the daemon on this archive.
CREATE TABLE session (
  id          INTEGER PRIMARY KEY,
  config      TEXT    NOT NULL,
  config_hash TEXT    NOT NULL,
  build       TEXT    NOT NULL,
  pid         INTEGER NOT NULL,
  started_ns  INTEGER NOT NULL,
  ended_ns    INTEGER,           -- NULL: at work, or killed
  reason      TEXT,              -- why it ended; NULL: at work, or killed
  CHECK ((ended_ns IS NULL) = (reason IS NULL))
) STRICT;

-- Everything that was found worth training: candidates and built-in balancers.
CREATE TABLE candidate (
  id              INTEGER PRIMARY KEY,  -- order of arrival
  identity        TEXT    NOT NULL UNIQUE CHECK (
                    (length(identity) = 64 AND identity NOT GLOB '*[^0-9a-f]*') OR
                    identity GLOB 'builtin:?*'),
  name            TEXT    NOT NULL,     -- for people
  source          TEXT    NOT NULL,     -- canonical print; '' for built-ins
  track           TEXT    NOT NULL CHECK (track IN ('loss', 'loss+bias', 'bias', 'none')),
  unit            REAL    NOT NULL,     -- what one unit of coefficient multiplies
  order_dependent INTEGER NOT NULL CHECK (order_dependent IN (0, 1)),
  fingerprint     BLOB    NOT NULL CHECK (length(fingerprint) % 4 = 0),  -- float32, little-endian
  created_ns      INTEGER NOT NULL
) STRICT;

-- Every attempt to make a child, whatever became of it.
CREATE TABLE proposal (
  id         INTEGER PRIMARY KEY,
  operator   TEXT    NOT NULL,          -- 'seed', 'tune', 'mutate', ...
  identity   TEXT    CHECK (identity <> ''),  -- of the child; NULL: it is not even a candidate
  outcome    TEXT    NOT NULL CHECK (outcome IN (
               'OK', 'STATIC_REJECT', 'CONTRACT_VIOLATION', 'NONFINITE', 'DIVERGED', 'TIMEOUT', 'OOM',
               'CRASH', 'SANDBOX_VIOLATION', 'INFRA', 'CANCELLED')),
  reason     TEXT    NOT NULL,          -- 'accepted', 'identity', 'fingerprint', 'static', 'contract'
  detail     TEXT    NOT NULL,
  source     TEXT    NOT NULL,          -- the child as proposed
  created_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX proposal_identity ON proposal (identity);

CREATE TABLE proposal_parent (
  proposal INTEGER NOT NULL REFERENCES proposal (id),
  position INTEGER NOT NULL CHECK (position >= 0),  -- 0 is the main parent
  parent   INTEGER NOT NULL REFERENCES candidate (id),
  PRIMARY KEY (proposal, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX proposal_parent_parent ON proposal_parent (parent);

-- One training and its score. Its key is UNIQUE, so nothing finished is ever begun again.
CREATE TABLE evaluation (
  id            INTEGER PRIMARY KEY,
  candidate     INTEGER NOT NULL REFERENCES candidate (id),
  spec_hash     TEXT    NOT NULL,
  rung          INTEGER NOT NULL CHECK (rung >= 0),
  seed          INTEGER NOT NULL,
  coefficient   TEXT    NOT NULL,  -- "%.6g"
  build         TEXT    NOT NULL,
  device_class  TEXT    NOT NULL,
  purpose       TEXT    NOT NULL CHECK (purpose IN (
                  'coefficient', 'estimate', 'champion', 'reference', 'train')),
  tokens        INTEGER NOT NULL CHECK (tokens >= 0),
  attempt       INTEGER NOT NULL CHECK (attempt >= 1),
  -- NULL: started, not finished. Trouble outside (INFRA, CANCELLED) leaves it NULL.
  outcome       TEXT    CHECK (outcome IN (
                  'OK', 'STATIC_REJECT', 'CONTRACT_VIOLATION', 'NONFINITE', 'DIVERGED', 'TIMEOUT',
                  'OOM', 'CRASH', 'SANDBOX_VIOLATION')),
  message       TEXT    NOT NULL,
  seconds       REAL    NOT NULL,
  sandbox_level TEXT    NOT NULL,
  started_ns    INTEGER NOT NULL,  -- of the last attempt
  finished_ns   INTEGER,           -- NULL: as outcome
  UNIQUE (candidate, spec_hash, rung, seed, coefficient, build, device_class),
  CHECK ((outcome IS NULL) = (finished_ns IS NULL))
) STRICT;

-- What was measured. A number that is not finite has its row in metric_nonfinite instead, so that it
-- is neither NULL nor 0 in anybody's average.
CREATE TABLE metric (
  evaluation INTEGER NOT NULL REFERENCES evaluation (id),
  name       TEXT    NOT NULL,
  value      REAL    NOT NULL,
  PRIMARY KEY (evaluation, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE metric_nonfinite (
  evaluation INTEGER NOT NULL REFERENCES evaluation (id),
  name       TEXT    NOT NULL,
  value      TEXT    NOT NULL CHECK (value IN ('nan', 'inf', '-inf')),
  PRIMARY KEY (evaluation, name)
) STRICT, WITHOUT ROWID;

-- Per layer, per domain, curves: JSON arrays of numbers ("nan", "inf", "-inf" where not finite).
-- With row ids: long rows of a table without them would take a page each.
CREATE TABLE metric_array (
  evaluation INTEGER NOT NULL REFERENCES evaluation (id),
  name       TEXT    NOT NULL,
  value      TEXT    NOT NULL,
  UNIQUE (evaluation, name)
) STRICT;

-- Where a candidate stands at one rung against the reference.
CREATE TABLE estimate (
  candidate       INTEGER NOT NULL REFERENCES candidate (id),
  rung            INTEGER NOT NULL CHECK (rung >= 0),
  coefficient     TEXT    NOT NULL,
  pairs           INTEGER NOT NULL CHECK (pairs >= 0),  -- paired seeds
  mean_difference REAL    NOT NULL,  -- of the objective, candidate - reference; negative is better
  standard_error  REAL    CHECK (standard_error >= 0),  -- NULL below two pairs
  updated_ns      INTEGER NOT NULL,
  PRIMARY KEY (candidate, rung),
  CHECK (pairs >= 2 OR standard_error IS NULL)
) STRICT, WITHOUT ROWID;

-- Small state of the search that must survive.
CREATE TABLE state (
  key        TEXT    PRIMARY KEY NOT NULL,
  value      TEXT    NOT NULL,  -- JSON
  updated_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What happened, for people; only ever added to.
CREATE TABLE event (
  id     INTEGER PRIMARY KEY,
  at_ns  INTEGER NOT NULL,
  kind   TEXT    NOT NULL,
  detail TEXT    NOT NULL
) STRICT;
)sql";

constexpr std::string_view kVersion2 = R"sql(
-- Who lives on which island of a search with several; a candidate may live on more than one.
CREATE TABLE membership (
  candidate INTEGER NOT NULL REFERENCES candidate (id),
  island    INTEGER NOT NULL CHECK (island >= 0),
  origin    INTEGER CHECK (origin >= 0 AND origin <> island),  -- whence it migrated; NULL: it began here
  since     INTEGER NOT NULL CHECK (since >= 0),  -- proposals there were when it came
  PRIMARY KEY (candidate, island)
) STRICT, WITHOUT ROWID;
)sql";

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
)sql";

}  // namespace

const Schema& current_schema() {
  static const Schema schema{{kVersion1, kVersion2}, kViews};
  return schema;
}

}  // namespace ballast::population
