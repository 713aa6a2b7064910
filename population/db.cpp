#include "population/db.h"

#include <sqlite3.h>
#include <time.h>

#include <cassert>
#include <cmath>

#include "common/error.h"
#include "population/utf8.h"

namespace ballast::population {
namespace {

// Long enough for another program's short write, short enough to be told about a stuck one.
constexpr int kBusyMs = 5000;

double monotonic_seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Of SQLite in this process, before its first connection. A CHECK of a word against a list is a
// table of the list that lives as long as the statement: nothing is allocated in advance for it,
// and no statistics are kept of what is.
void configure_sqlite() {
  [[maybe_unused]] static const bool kDone = [] {
    sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, 0);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    return true;
  }();
}

int flags_of(Db::Mode mode) {
  constexpr int kOneThread = SQLITE_OPEN_NOMUTEX;  // at a time
  switch (mode) {
    case Db::Mode::kCreate:
      return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | kOneThread;
    case Db::Mode::kReadWrite:
      return SQLITE_OPEN_READWRITE | kOneThread;
    case Db::Mode::kReadOnly:
      return SQLITE_OPEN_READONLY | kOneThread;
    case Db::Mode::kImmutable:
      return SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | kOneThread;
  }
  return 0;
}

// file:PATH?immutable=1, with what has a meaning in a URI escaped.
std::string immutable_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      constexpr std::string_view kHex = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      uri += {'%', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

// What a person can do about it.
std::string advice(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "the disk is full: free some space and start again; everything stored before is still "
             "there";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another program holds a lock on it (waited " + std::to_string(kBusyMs / 1000) +
             " s): close it and start again";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "the file is damaged: restore a backup, or save what can be read with "
             "`sqlite3 FILE .recover`";
    case SQLITE_READONLY:
      return "it may only be read: check the permissions of the file and of its folder";
    case SQLITE_CANTOPEN:
      return "the file cannot be opened: check that it exists and its permissions";
    case SQLITE_IOERR:
      return "the disk refused (a limit, a quota or a fault); everything stored before is still "
             "there";
    case SQLITE_INTERRUPT:
      return "it took longer than its time limit";
    default:
      return "";
  }
}

}  // namespace

struct Db::Cached {
  std::string sql;
  sqlite3_stmt* statement = nullptr;
  bool in_use = false;

  ~Cached() { sqlite3_finalize(statement); }
};

Db::Db(const std::string& path, Mode mode) : path_(path) {
  configure_sqlite();
  const std::string name = mode == Mode::kImmutable ? immutable_uri(path) : path;
  const int code = sqlite3_open_v2(name.c_str(), &db_, flags_of(mode), nullptr);
  if (code != SQLITE_OK) {
    const std::string why = db_ ? sqlite3_errmsg(db_) : "out of memory";
    sqlite3_close(db_);
    throw Error("opening archive " + path + ": " + why + "; " + advice(code));
  }
  sqlite3_extended_result_codes(db_, 1);
  sqlite3_busy_timeout(db_, kBusyMs);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  checkpoint_on_close(mode == Mode::kCreate || mode == Mode::kReadWrite);
  // The only checkpoints are ours, made by the one writing connection: SQLite before 3.51.3 can
  // corrupt a file when two connections checkpoint at once.
  sqlite3_wal_hook(
      db_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Db*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
}

Db::~Db() {
  statements_.clear();
  sqlite3_close(db_);
}

void Db::fail(int code, std::string_view doing) const {
  std::string text = std::string(doing) + " in archive " + path_ + ": " + sqlite3_errmsg(db_);
  const std::string what_now = advice(code);
  if (!what_now.empty()) text += "; " + what_now;
  throw Error(text);
}

void Db::check(int code, std::string_view doing) const {
  if (code != SQLITE_OK) fail(code, doing);
}

void Db::exec(const std::string& sql) {
  check(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr), "running SQL");
}

int64_t Db::integer(std::string_view sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::string Db::text(std::string_view sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.text(0) : "";
}

int64_t Db::changes() const { return sqlite3_changes64(db_); }
int64_t Db::last_id() const { return sqlite3_last_insert_rowid(db_); }
bool Db::in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }

void Db::end_reading() {
  if (in_transaction()) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
}

bool Db::checkpoint() {
  sqlite3_busy_timeout(db_, 0);  // a reader that is at work is not waited for
  const int code =
      sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  sqlite3_busy_timeout(db_, kBusyMs);
  if (code == SQLITE_BUSY) return false;
  check(code, "folding back the write-ahead log");
  wal_pages_ = 0;
  return true;
}

void Db::copy_to(const std::string& path) {
  Db copy(path, Mode::kCreate);
  sqlite3_backup* backup = sqlite3_backup_init(copy.db_, "main", db_, "main");
  if (!backup) copy.fail(sqlite3_errcode(copy.db_), "beginning a copy");
  // All pages in one step: one read transaction, so no write of the other side begins it anew.
  const int code = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) copy.fail(code, "copying " + path_);
}

void Db::try_checkpoint() {
  sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

void Db::checkpoint_on_close(bool yes) {
  sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, yes ? 0 : 1, nullptr);
}

void Db::time_limit(double seconds) {
  deadline_ = seconds > 0 ? monotonic_seconds() + seconds : 0;
  if (deadline_ == 0) {
    sqlite3_progress_handler(db_, 0, nullptr, nullptr);
    return;
  }
  constexpr int kInstructions = 10'000;  // of SQLite's machine, well under a millisecond
  sqlite3_progress_handler(
      db_, kInstructions,
      [](void* self) { return monotonic_seconds() > static_cast<Db*>(self)->deadline_ ? 1 : 0; },
      this);
}

Statement::Statement(Db& db, std::string_view sql) : db_(db), cached_(nullptr) {
  for (const auto& known : db.statements_)
    if (!known->in_use && known->sql == sql) cached_ = known.get();
  if (!cached_) {
    auto fresh = std::make_unique<Db::Cached>();
    fresh->sql = sql;
    const char* rest = nullptr;
    db.check(sqlite3_prepare_v3(db.db_, fresh->sql.data(), static_cast<int>(fresh->sql.size()),
                                SQLITE_PREPARE_PERSISTENT, &fresh->statement, &rest),
             "understanding a statement");
    if (!fresh->statement) throw Error("an empty SQL statement");
    if (std::string_view(rest).find_first_not_of(" \t\r\n;") != std::string_view::npos)
      throw Error("one SQL statement at a time, please: \"" + fresh->sql + "\"");
    cached_ = fresh.get();
    db.statements_.push_back(std::move(fresh));
  }
  cached_->in_use = true;
  statement_ = cached_->statement;
}

Statement::~Statement() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  cached_->in_use = false;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  db_.fail(code, sqlite3_stmt_readonly(statement_) ? "reading" : "writing");
}

void Statement::run() {
  while (step()) {
  }
  sqlite3_reset(statement_);
}

int Statement::columns() const { return sqlite3_column_count(statement_); }
std::string Statement::name(int column) const { return sqlite3_column_name(statement_, column); }
bool Statement::is_null(int column) const { return type(column) == 'n'; }
int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Statement::real(int column) const { return sqlite3_column_double(statement_, column); }
std::string Statement::text(int column) const { return std::string(bytes(column)); }

std::string_view Statement::bytes(int column) const {
  const void* data = type(column) == 'b'
                         ? sqlite3_column_blob(statement_, column)
                         : static_cast<const void*>(sqlite3_column_text(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return data ? std::string_view(static_cast<const char*>(data), static_cast<size_t>(size))
              : std::string_view();
}

char Statement::type(int column) const {
  switch (sqlite3_column_type(statement_, column)) {
    case SQLITE_INTEGER:
      return 'i';
    case SQLITE_FLOAT:
      return 'r';
    case SQLITE_TEXT:
      return 't';
    case SQLITE_BLOB:
      return 'b';
    default:
      return 'n';
  }
}

std::optional<double> Statement::optional_real(int column) const {
  return is_null(column) ? std::nullopt : std::optional(real(column));
}

void Statement::expect_parameters(size_t count) const {
  if (sqlite3_bind_parameter_count(statement_) != static_cast<int>(count))
    throw Error("wrong number of parameters for \"" + cached_->sql + "\"");
}

void Statement::bind_one(int index, std::nullopt_t) {
  db_.check(sqlite3_bind_null(statement_, index), "binding NULL");
}

void Statement::bind_one(int index, int64_t value) {
  db_.check(sqlite3_bind_int64(statement_, index, value), "binding a number");
}

void Statement::bind_one(int index, double value) {
  if (!std::isfinite(value))
    throw Error("storing a number that is not finite (parameter " + std::to_string(index) +
                " of \"" + cached_->sql + "\") in archive " + db_.path_);
  db_.check(sqlite3_bind_double(statement_, index, value), "binding a number");
}

void Statement::bind_one(int index, std::string_view value) {
  std::string mended;
  if (!is_plain_utf8(value)) mended = to_plain_utf8(value);
  const std::string_view text = mended.empty() ? value : mended;
  db_.check(sqlite3_bind_text64(statement_, index, text.data() ? text.data() : "", text.size(),
                                SQLITE_TRANSIENT, SQLITE_UTF8),
            "binding text");
}

void Statement::bind_one(int index, Bytes value) {
  db_.check(sqlite3_bind_blob64(statement_, index, value.view.data() ? value.view.data() : "",
                                value.view.size(), SQLITE_TRANSIENT),
            "binding bytes");
}

Transaction::Transaction(Db& db) : db_(db) {
  if (db.depth_ == 0) {
    db.doomed_ = false;
    Statement(db, "BEGIN IMMEDIATE").run();
  }
  ++db.depth_;
}

Transaction::~Transaction() {
  if (!open_) return;
  --db_.depth_;
  db_.doomed_ = true;
  // Some errors (a full disk) have rolled back already; a failed rollback leaves what the file
  // held.
  if (db_.depth_ == 0 && db_.in_transaction())
    sqlite3_exec(db_.db_, "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  assert(open_);
  if (db_.depth_ == 1) {
    if (db_.doomed_)
      throw Error("committing to archive " + db_.path_ +
                  " after a part of the transaction has failed: nothing of it is stored");
    Statement(db_, "COMMIT").run();
  }
  --db_.depth_;
  open_ = false;
}

}  // namespace ballast::population
