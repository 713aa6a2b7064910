// What an Archive holds; its methods are spread over archive*.cpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "population/archive.h"
#include "population/db.h"
#include "population/lock.h"
#include "population/open.h"

namespace ballast::population {

struct Archive::Impl {
  std::optional<ArchiveLock> lock;  // taken first, released last
  std::unique_ptr<Db> db;
  std::optional<Migration> migrated;
  const Clock* clock = nullptr;
  std::optional<int64_t> session;  // row of this start, from begin_run on

  int64_t now() const { return clock->wall_ns(); }

  // Row id of a candidate that must be known; Error naming it otherwise.
  int64_t candidate_id(std::string_view identity);

  std::vector<std::function<void()>> when_stored;  // of the outermost transaction

  // Commits, does what waited for that, and keeps the write-ahead log short.
  void commit(Transaction& tx);
};

}  // namespace ballast::population
