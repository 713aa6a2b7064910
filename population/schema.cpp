#include "population/schema.h"

#include "population/schema_views.h"

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

-- What was sent to language models: each text once, however often it was sent.
CREATE TABLE llm_text (
  id   INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,  -- SHA-256
  text TEXT NOT NULL
) STRICT;

-- One question to a model. The row is there before the first request leaves.
CREATE TABLE llm_call (
  id          INTEGER PRIMARY KEY,
  model       TEXT    NOT NULL,  -- its name in the configuration
  provider    TEXT    NOT NULL,
  remote      TEXT    NOT NULL,  -- the provider's name of it
  operator    TEXT    NOT NULL,  -- who asked: 'edit', 'repair', ...
  variant     TEXT    NOT NULL,  -- of the prompt's template
  prompt_hash TEXT    NOT NULL,
  ordinal     INTEGER CHECK (ordinal >= 0),  -- among the calls of one prompt and model; NULL: lost
                                             -- or cancelled, so that it may be asked again
  system      INTEGER NOT NULL REFERENCES llm_text (id),
  user        INTEGER NOT NULL REFERENCES llm_text (id),
  sampling    TEXT    NOT NULL,  -- JSON
  outcome     TEXT    CHECK (outcome IN (  -- NULL: under way, or the process died
                'OK', 'TRUNCATED', 'REFUSED', 'FILTERED', 'EMPTY', 'MALFORMED', 'TOO_LARGE',
                'RATE_LIMITED', 'OVERLOADED', 'NETWORK', 'STALLED', 'TIMEOUT', 'AUTH', 'QUOTA',
                'BAD_REQUEST', 'UNTRUSTED', 'BUDGET', 'CANCELLED', 'LOST')),
  message     TEXT    NOT NULL,
  reply       TEXT    NOT NULL,  -- the raw text
  request_id  TEXT    NOT NULL,
  attempts    INTEGER NOT NULL,
  seconds     REAL    NOT NULL,  -- from question to answer
  answered    INTEGER UNIQUE,    -- place in the order of answers; NULL: none came
  started_ns  INTEGER NOT NULL,
  finished_ns INTEGER,           -- NULL: as outcome
  UNIQUE (prompt_hash, model, ordinal),
  CHECK ((outcome IS NULL) = (finished_ns IS NULL))
) STRICT;

-- One request to a provider. The row, with the most it can cost, is there before the request leaves.
CREATE TABLE llm_attempt (
  id             INTEGER PRIMARY KEY,
  call           INTEGER NOT NULL REFERENCES llm_call (id),
  number         INTEGER NOT NULL CHECK (number >= 1),
  worst_usd      REAL    NOT NULL CHECK (worst_usd >= 0),
  worst_tokens   INTEGER NOT NULL CHECK (worst_tokens >= 0),
  outcome        TEXT    CHECK (outcome IN (  -- NULL: under way, or the process died
                   'OK', 'TRUNCATED', 'REFUSED', 'FILTERED', 'EMPTY', 'MALFORMED', 'TOO_LARGE',
                   'RATE_LIMITED', 'OVERLOADED', 'NETWORK', 'STALLED', 'TIMEOUT', 'AUTH', 'QUOTA',
                   'BAD_REQUEST', 'UNTRUSTED', 'CANCELLED', 'LOST')),
  message        TEXT    NOT NULL,
  request_id     TEXT    NOT NULL,
  status         INTEGER NOT NULL,  -- HTTP; 0: no answer
  input          INTEGER NOT NULL,  -- tokens; none is in two columns, but reasoning, part of output
  cache_read     INTEGER NOT NULL,
  cache_write    INTEGER NOT NULL,
  cache_write_1h INTEGER NOT NULL,
  output         INTEGER NOT NULL,
  reasoning      INTEGER NOT NULL,
  usd            REAL    CHECK (usd >= 0),  -- NULL: not known, so it counts as worst_usd
  seconds        REAL    NOT NULL,
  started_ns     INTEGER NOT NULL,
  finished_ns    INTEGER,           -- NULL: as outcome
  UNIQUE (call, number),
  CHECK ((outcome IS NULL) = (finished_ns IS NULL))
) STRICT;

-- The calls that a proposal came from, in their order: the child was read from the last one's reply.
CREATE TABLE proposal_call (
  proposal INTEGER NOT NULL REFERENCES proposal (id),
  position INTEGER NOT NULL CHECK (position >= 0),
  call     INTEGER NOT NULL REFERENCES llm_call (id),
  PRIMARY KEY (proposal, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX proposal_call_call ON proposal_call (call);
)sql";

constexpr std::string_view kVersion3 = R"sql(
-- A proposal that waits on a model: what its calls (llm_call.draft) are about. When it ends it becomes
-- a proposal, but for the operator 'notes'. After a crash those that have not ended are gone on with.
-- Proposals that came of a draft know three more reasons: 'embedding' (too near in meaning to another,
-- or judged the same), 'reply' (no reply held a text), 'call' (no reply came).
CREATE TABLE draft (
  number   INTEGER PRIMARY KEY CHECK (number >= 1),  -- counts over the whole run
  operator TEXT    NOT NULL,
  model    TEXT    NOT NULL,  -- its name in the configuration
  variant  TEXT    NOT NULL,  -- of the prompt's template
  parents  TEXT    NOT NULL,  -- identities, the main one first; JSON
  island   INTEGER CHECK (island >= 0),  -- NULL: the search has one
  asked_ns INTEGER NOT NULL,
  ended_ns INTEGER,           -- NULL: it waits
  proposal INTEGER UNIQUE REFERENCES proposal (id)  -- what became of it; NULL: it waits, or notes
) STRICT;

ALTER TABLE llm_call ADD COLUMN
  draft INTEGER REFERENCES draft (number);  -- NULL: not asked for a draft
ALTER TABLE llm_call ADD COLUMN
  handled_ns INTEGER CHECK (handled_ns IS NULL OR finished_ns IS NOT NULL);  -- when the search used
                                                                             -- it; NULL: not yet
CREATE INDEX llm_call_draft ON llm_call (draft);

-- What came to the search from outside, in the order in which it was used: results of evaluations and
-- answers of models. A replay gives them in this order, each after so many decisions.
CREATE TABLE arrival (
  id         INTEGER PRIMARY KEY,
  session    INTEGER NOT NULL REFERENCES session (id),
  evaluation INTEGER UNIQUE REFERENCES evaluation (id),
  call       INTEGER UNIQUE REFERENCES llm_call (id),
  steps      INTEGER NOT NULL CHECK (steps >= 0),  -- decisions of this session before it
  CHECK ((evaluation IS NULL) <> (call IS NULL))
) STRICT;
)sql";

}  // namespace

const Schema& current_schema() {
  static const Schema schema{{kVersion1, kVersion2, kVersion3}, schema_views()};
  return schema;
}

}  // namespace ballast::population
