// How an archive's file is opened: what it is, whether it is sound, and its migration.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "population/db.h"
#include "population/schema.h"

namespace ballast::population {

// What the file's first bytes say. Looks at nothing else and changes nothing.
enum class FileKind {
  kAbsent,    // or empty
  kArchive,   // ours
  kDatabase,  // SQLite's, but another program's
  kOther,
};
struct FileHeader {
  FileKind kind = FileKind::kAbsent;
  int64_t version = 0;  // of the schema; kArchive only. The write-ahead log may hold a newer one.
};
FileHeader read_header(const std::filesystem::path& path);

// What opening an older file did.
struct Migration {
  int64_t from = 0, to = 0;      // schemas
  std::filesystem::path backup;  // the file as it was
};

// The writing connection. REQUIRES: the caller holds the ArchiveLock (but for ":memory:").
// Makes the file when it is absent; throws Error, leaving it as it was, when it is not an archive,
// is damaged, or was written by a newer build. An older one is backed up as FILE.vN.bak, then
// migrated in one transaction; `migrated` is told of it.
std::unique_ptr<Db> open_for_writing(const std::filesystem::path& path,
                                     const Schema& schema = current_schema(),
                                     std::optional<Migration>* migrated = nullptr);

// A reading connection, beside a writer or alone; the same refusals. The file may have an older
// schema.
std::unique_ptr<Db> open_for_reading(const std::filesystem::path& path,
                                     const Schema& schema = current_schema());

// Copies an archive, also while a search writes it, into `to`, which must not exist; checked, and
// all there or not there at all. The copy has no write-ahead log and the newest schema: the
// original stays as it is. Returns the original's schema.
int64_t copy_archive(const std::filesystem::path& from, const std::filesystem::path& to);

// Throws Error unless the file's first bytes allow it to be opened; an absent one passes.
void refuse_foreign(const std::filesystem::path& path, const Schema& schema = current_schema());

}  // namespace ballast::population
