#include "population/archive.h"

#include <unistd.h>

#include <utility>

#include "common/json.h"
#include "population/archive_impl.h"
#include "population/open.h"
#include "population/rows.h"
#include "population/run_difference.h"

namespace ballast::population {
namespace {

// Pages (of 4 KiB) of log after which a commit also copies it back: 4 MiB.
constexpr int64_t kWalPages = 1024;

}  // namespace

int64_t Archive::Impl::candidate_id(std::string_view identity) {
  Statement row(*db, "SELECT id FROM candidate WHERE identity = ?1");
  if (!row.bind(identity).step())
    throw Error("archive " + db->path() + " has no candidate \"" + std::string(identity) + "\"");
  return row.integer(0);
}

void Archive::Impl::commit(Transaction& tx) {
  tx.commit();
  if (db->in_transaction()) return;
  for (const auto& then : std::exchange(when_stored, {})) then();
  // The rows are stored by now; whatever keeps the log from being copied back keeps it from no
  // later attempt, and checkpoint() reports it.
  if (db->wal_pages() >= kWalPages) db->try_checkpoint();
}

Archive::Archive(const std::filesystem::path& path, const Clock& clock)
    : impl_(std::make_unique<Impl>()) {
  impl_->clock = &clock;
  if (path != ":memory:") {
    refuse_foreign(path);  // before a lock file appears beside somebody else's file
    if (path.has_parent_path()) {
      std::error_code code;
      std::filesystem::create_directories(path.parent_path(), code);
      require(!code,
              "opening archive " + path.string() + ": cannot make its folder: " + code.message());
    }
    impl_->lock.emplace(path);
  }
  impl_->db = open_for_writing(path, current_schema(), &impl_->migrated);
}

std::string Archive::migration() const {
  if (!impl_->migrated) return "";
  return "migrated from schema " + std::to_string(impl_->migrated->from) + " to " +
         std::to_string(impl_->migrated->to) + "; as it was: " + impl_->migrated->backup.string();
}

Archive::~Archive() = default;

int64_t Archive::begin_run(const RunRow& run) {
  Transaction tx(*impl_->db);
  if (const std::optional<RunRow> stored = read_run(*impl_->db)) {
    const std::string difference = run_difference(*stored, run);
    if (!difference.empty())
      throw Error("archive " + impl_->db->path() + " belongs to another search: " + difference +
                      ". Set that back, or give this search an archive of its own (archive=FILE)",
                  ExitCode::kUsage);
  } else {
    parse_json(run.spec, "the spec of a run");  // throws when it is not
    Statement(*impl_->db,
              "INSERT INTO run VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")
        .bind(run.config, run.config_hash, seed_to_sql(run.seed), run.build, run.spec,
              run.spec_hash, run.objective, run.mu, run.target, run.reference, impl_->now())
        .run();
  }
  Statement(*impl_->db,
            "INSERT INTO session (config, config_hash, build, pid, started_ns) "
            "VALUES (?1, ?2, ?3, ?4, ?5)")
      .bind(run.config, run.config_hash, run.build, getpid(), impl_->now())
      .run();
  impl_->session = impl_->db->last_id();
  impl_->commit(tx);
  return 1;
}

std::optional<RunRow> Archive::run() const { return read_run(*impl_->db); }

void Archive::end_run(std::string_view reason) {
  require(impl_->session.has_value(), "ending a run that was not begun");
  Transaction tx(*impl_->db);
  Statement(*impl_->db, "UPDATE session SET ended_ns = ?1, reason = ?2 WHERE id = ?3")
      .bind(impl_->now(), reason, *impl_->session)
      .run();
  impl_->commit(tx);
}

void Archive::put_state(std::string_view key, std::string_view json) {
  parse_json(json, "state \"" + std::string(key) + "\"");  // throws when it is not
  Transaction tx(*impl_->db);
  Statement(*impl_->db,
            "INSERT INTO state VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE "
            "SET value = excluded.value, updated_ns = excluded.updated_ns")
      .bind(key, json, impl_->now())
      .run();
  impl_->commit(tx);
}

std::optional<std::string> Archive::state(std::string_view key) const {
  Statement row(*impl_->db, "SELECT value FROM state WHERE key = ?1");
  if (!row.bind(key).step()) return std::nullopt;
  return row.text(0);
}

void Archive::add_event(std::string_view kind, std::string_view detail) {
  Transaction tx(*impl_->db);
  Statement(*impl_->db, "INSERT INTO event (at_ns, kind, detail) VALUES (?1, ?2, ?3)")
      .bind(impl_->now(), kind, detail)
      .run();
  impl_->commit(tx);
}

void Archive::together(const std::function<void()>& writes) {
  const bool outermost = !impl_->db->in_transaction();
  try {
    Transaction tx(*impl_->db);
    writes();
    impl_->commit(tx);
  } catch (...) {
    if (outermost) impl_->when_stored.clear();
    throw;
  }
}

void Archive::when_stored(std::function<void()> then) {
  if (impl_->db->in_transaction())
    impl_->when_stored.push_back(std::move(then));
  else
    then();
}

void Archive::checkpoint() { impl_->db->checkpoint(); }

}  // namespace ballast::population
