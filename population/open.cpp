#include "population/open.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <system_error>

#include "common/error.h"

namespace ballast::population {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kWalLimit = int64_t{64} << 20;  // bytes kept of an emptied write-ahead log

std::string opening(const fs::path& path) { return "opening archive " + path.string() + ": "; }

// Makes what was written to a file, or the names in a folder, survive a power cut.
void sync(const fs::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool ok = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  require(ok, "cannot flush " + path.string() + " to the disk");
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// Puts a finished file in its place, all or nothing.
void rename_durably(const fs::path& from, const fs::path& to) {
  sync(from);
  std::error_code code;
  fs::rename(from, to, code);
  require(!code, "cannot rename " + from.string() + " to " + to.string() + ": " + code.message());
  sync(folder_of(to));
}

// What a start that was killed has left of a file that was never finished.
void remove_unfinished(const fs::path& path) {
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) {
    std::error_code code;
    fs::remove(path.string() + suffix, code);
    require(!code, "cannot remove " + path.string() + suffix + ": " + code.message());
  }
}

std::string version_error(const fs::path& path, int64_t version, int64_t known) {
  return opening(path) + "it was written by a newer Ballast (schema " + std::to_string(version) +
         ", this build knows up to " + std::to_string(known) +
         "): use that build. The file was not changed";
}

void set_pragma(Db& db, const std::string& name, int64_t value) {
  db.exec("PRAGMA " + name + " = " + std::to_string(value));
}

void run_steps(Db& db, const Schema& schema, size_t from) {
  for (size_t i = from; i < schema.steps.size(); ++i) db.exec(std::string(schema.steps[i]));
  db.exec(std::string(schema.views));
  set_pragma(db, "user_version", schema.version());
}

void create(const fs::path& path, const Schema& schema) {
  for (const char* suffix : {"-wal", "-journal"}) {
    std::error_code none;
    const auto bytes = fs::file_size(path.string() + suffix, none);
    if (!none && bytes > 0)
      throw Error(opening(path) + "the file is missing, but " + path.string() + suffix +
                  " is there, with data of an archive that was moved or deleted: bring that back, "
                  "or move this file away");
  }
  const fs::path fresh = path.string() + ".new";
  remove_unfinished(fresh);
  {
    Db db(fresh.string(), Db::Mode::kCreate);
    Transaction tx(db);
    set_pragma(db, "application_id", kApplicationId);
    run_steps(db, schema, 0);
    tx.commit();
  }
  rename_durably(fresh, path);
}

// Throws unless the file is a sound archive of a version we know. Writes nothing.
void verify(Db& db, const fs::path& path, const Schema& schema) {
  const int64_t version = db.integer("PRAGMA user_version");
  if (version > schema.version()) throw Error(version_error(path, version, schema.version()));
  std::string verdict = db.text("PRAGMA quick_check(1)");
  std::replace(verdict.begin(), verdict.end(), '\n', ' ');
  if (verdict != "ok" || version < 1)
    throw Error(opening(path) + "the file is damaged (" +
                (verdict == "ok" ? "no schema version" : verdict) +
                "): restore a backup, or save what can be read with `sqlite3 FILE .recover`. The "
                "file was not changed");
}

// FILE.vN.bak, or the first free one of FILE.vN.2.bak, ...
fs::path backup_name(const fs::path& path, int64_t version) {
  const std::string stem = path.string() + ".v" + std::to_string(version);
  fs::path name = stem + ".bak";
  for (int i = 2; fs::exists(name); ++i) name = stem + "." + std::to_string(i) + ".bak";
  return name;
}

fs::path back_up(Db& db, const fs::path& path, int64_t version) {
  const fs::path name = backup_name(path, version);
  const fs::path unfinished = path.string() + ".bak.new";
  remove_unfinished(unfinished);
  Statement(db, "VACUUM INTO ?1").bind(unfinished.string()).run();
  {
    Db copy(unfinished.string(), Db::Mode::kReadOnly);
    require(copy.text("PRAGMA integrity_check(1)") == "ok",
            opening(path) + "the backup before its migration came out damaged");
  }
  rename_durably(unfinished, name);
  return name;
}

// All steps from `version` on in one transaction, or none.
void lead_forward(Db& db, const Schema& schema, int64_t version) {
  set_pragma(db, "foreign_keys", 0);  // a step may build a table anew; checked before the commit
  {
    Transaction tx(db);
    std::string drop;
    {
      Statement views(db, "SELECT name FROM sqlite_schema WHERE type = 'view'");
      while (views.step()) drop += "DROP VIEW \"" + views.text(0) + "\";";
    }
    db.exec(drop);
    run_steps(db, schema, static_cast<size_t>(version));
    const std::string broken = db.text("SELECT \"table\" FROM pragma_foreign_key_check");
    require(broken.empty(), "rows of table " + broken + " point to nothing");
    tx.commit();
  }
  set_pragma(db, "foreign_keys", 1);
}

std::optional<Migration> migrate(Db& db, const fs::path& path, const Schema& schema) {
  const int64_t version = db.integer("PRAGMA user_version");
  if (version == schema.version()) return std::nullopt;
  const fs::path backup = back_up(db, path, version);
  try {
    lead_forward(db, schema, version);
  } catch (const Error& error) {
    throw Error(opening(path) + "migrating it from schema " + std::to_string(version) + " to " +
                std::to_string(schema.version()) + " failed; it is as it was, and a backup lies " +
                "beside it (" + backup.string() + "): " + error.what());
  }
  return Migration{version, schema.version(), backup};
}

void settle(Db& db) {
  const std::string mode = db.text("PRAGMA journal_mode = WAL");
  require(mode == "wal" || mode == "memory",
          "archive " + db.path() + ": no write-ahead log on this file system (got mode " + mode +
              "): keep the archive on a local disk");
  set_pragma(db, "synchronous", 2);  // FULL: every commit is on the disk when it returns
  // No wal_autocheckpoint here: setting it, even to 0, takes away the hook that db.cpp put in its
  // place.
  set_pragma(db, "journal_size_limit", kWalLimit);
  set_pragma(db, "mmap_size", 0);
  set_pragma(db, "cell_size_check", 1);
}

bool wal_is_empty(const fs::path& path) {
  std::error_code none;
  const auto bytes = fs::file_size(path.string() + "-wal", none);
  return none || bytes == 0;
}

}  // namespace

FileHeader read_header(const fs::path& path) {
  std::error_code none;
  const fs::file_status status = fs::status(path, none);
  if (status.type() == fs::file_type::not_found) return {};
  require(status.type() == fs::file_type::regular, opening(path) + "it is not a file");
  std::ifstream in(path, std::ios::binary);
  require(in.is_open(), opening(path) + "it cannot be read: check its permissions");
  std::array<char, 100> header{};
  in.read(header.data(), header.size());
  if (in.gcount() == 0) return {};
  const auto number = [&](size_t at) {  // big-endian (SQLite file format, section 1.3)
    uint32_t value = 0;
    for (size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<unsigned char>(header[i]);
    return int64_t{value};
  };
  if (std::string_view(header.data(), 16) != std::string_view("SQLite format 3\0", 16))
    return {FileKind::kOther, 0};
  if (number(68) != kApplicationId) return {FileKind::kDatabase, 0};
  return {FileKind::kArchive, number(60)};
}

void refuse_foreign(const fs::path& path, const Schema& schema) {
  const FileHeader header = read_header(path);
  if (header.kind == FileKind::kOther)
    throw Error(opening(path) + "it is not an archive (not even a SQLite file, or its start is " +
                "damaged): choose another with archive=FILE or -a FILE. The file was not changed");
  if (header.kind == FileKind::kDatabase)
    throw Error(opening(path) + "it is a SQLite file of another program, not a Ballast archive: " +
                "choose another with archive=FILE or -a FILE. The file was not changed");
  if (header.version > schema.version())
    throw Error(version_error(path, header.version, schema.version()));
}

std::unique_ptr<Db> open_for_writing(const fs::path& path, const Schema& schema,
                                     std::optional<Migration>* migrated) {
  if (path == ":memory:") {
    auto db = std::make_unique<Db>(path.string(), Db::Mode::kCreate);
    run_steps(*db, schema, 0);
    return db;
  }
  refuse_foreign(path, schema);
  if (read_header(path).kind == FileKind::kAbsent) create(path, schema);
  auto db = std::make_unique<Db>(path.string(), Db::Mode::kReadWrite);
  db->checkpoint_on_close(false);  // a refused file stays as it is
  verify(*db, path, schema);
  settle(*db);
  const std::optional<Migration> done = migrate(*db, path, schema);
  if (migrated != nullptr) *migrated = done;
  db->checkpoint_on_close(true);
  return db;
}

int64_t copy_archive(const fs::path& from, const fs::path& to) {
  const std::string doing = "backing up " + from.string() + " to " + to.string() + ": ";
  require(!fs::exists(to), doing + "the file exists; choose another name");
  require(fs::is_directory(folder_of(to)), doing + "there is no folder " + folder_of(to).string());
  const std::unique_ptr<Db> db = open_for_reading(from);
  const fs::path unfinished = to.string() + ".new";
  remove_unfinished(unfinished);
  int64_t version = 0;
  try {
    db->copy_to(unfinished.string());
    Db copy(unfinished.string(), Db::Mode::kReadWrite);
    copy.text("PRAGMA journal_mode = DELETE");  // one file, that any tool can read
    version = copy.integer("PRAGMA user_version");
    if (version < current_schema().version()) lead_forward(copy, current_schema(), version);
    require(copy.text("PRAGMA integrity_check(1)") == "ok", "the copy is damaged");
  } catch (const Error& error) {
    remove_unfinished(unfinished);
    throw Error(doing + error.what());
  }
  rename_durably(unfinished, to);
  remove_unfinished(unfinished);
  return version;
}

std::unique_ptr<Db> open_for_reading(const fs::path& path, const Schema& schema) {
  refuse_foreign(path, schema);
  if (read_header(path).kind == FileKind::kAbsent)
    throw Error(opening(path) + "there is no such archive (or it is empty)");
  std::unique_ptr<Db> db;
  int64_t version = 0;
  try {
    db = std::make_unique<Db>(path.string(), Db::Mode::kReadOnly);
    version = db->integer("PRAGMA user_version");
  } catch (const Error&) {
    // Read-only media or somebody else's folder: SQLite cannot make its -shm file there. Without a
    // write-ahead log nobody is writing, and the file can be read as it lies.
    if (access(folder_of(path).c_str(), W_OK) == 0 || !wal_is_empty(path)) throw;
    db = std::make_unique<Db>(path.string(), Db::Mode::kImmutable);
    version = db->integer("PRAGMA user_version");
  }
  if (version > schema.version()) throw Error(version_error(path, version, schema.version()));
  return db;
}

}  // namespace ballast::population
