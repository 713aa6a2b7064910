// SQLite behind three types; nothing outside db.cpp includes its header.
//
// Every failure is an Error that names the file and what was attempted. Not thread-safe.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace ballast::population {

// One connection. Keeps every statement it has compiled, so a text is compiled once.
class Db {
 public:
  enum class Mode {
    kCreate,     // read and write; the file is made when it is absent
    kReadWrite,  // the file must exist
    kReadOnly,   // never checkpoints, never blocks the writer
    kImmutable,  // read-only media: no locks; only where nobody can be writing
  };

  // ":memory:" is a database that ends with the connection.
  Db(const std::string& path, Mode mode);
  ~Db();
  Db(const Db&) = delete;
  Db& operator=(const Db&) = delete;

  const std::string& path() const { return path_; }
  void exec(const std::string& sql);  // any number of statements, no results
  // One value of one row, for PRAGMAs and counts; 0 or "" when there is no row.
  int64_t integer(std::string_view sql);
  std::string text(std::string_view sql);

  int64_t changes() const;  // rows changed by the last statement
  int64_t last_id() const;  // row id of the last INSERT
  bool in_transaction() const;
  void end_reading();  // ends a BEGIN of a reading connection; never throws
  int64_t wal_pages() const { return wal_pages_; }  // in the write-ahead log after the last commit
  // Copies the log into the file and empties it. False when a reader was in the way; it is not
  // waited for, and what it does not need was copied.
  bool checkpoint();
  // Copies all of it, as of one moment, into a new file by the online backup interface: a writer
  // goes on meanwhile.
  void copy_to(const std::string& path);
  // Copies as far as readers allow; what goes wrong is left to the next checkpoint().
  void try_checkpoint();
  // Whether closing the last connection folds the log back (default: yes, but for readers).
  void checkpoint_on_close(bool yes);
  // A statement still at work after `seconds` from now fails; 0 lifts the limit.
  void time_limit(double seconds);

 private:
  friend class Statement;
  friend class Transaction;
  struct Cached;
  [[noreturn]] void fail(int code, std::string_view doing) const;
  void check(int code, std::string_view doing) const;

  std::string path_;
  sqlite3* db_ = nullptr;
  std::vector<std::unique_ptr<Cached>> statements_;
  int64_t wal_pages_ = 0;
  int depth_ = 0;        // open Transactions
  bool doomed_ = false;  // an inner one was rolled back
  double deadline_ = 0;  // CLOCK_MONOTONIC seconds
};

struct Bytes {  // marks an argument of bind() as bytes rather than text
  std::string_view view;
};

// One use of a compiled statement; parameters ?1, ?2, ... in the order of bind()'s arguments.
class Statement {
 public:
  Statement(Db& db, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  template <class... Args>
  Statement& bind(const Args&... args) {
    expect_parameters(sizeof...(args));
    int index = 0;
    (bind_one(++index, args), ...);
    return *this;
  }

  bool step();  // true: there is a row
  void run();   // to the end, ignoring rows; then it may be bound and run again
  int columns() const;
  std::string name(int column) const;
  bool is_null(int column) const;
  int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  std::string_view bytes(int column) const;  // valid until the next step()
  char type(int column) const;               // 'i'nteger, 'r'eal, 't'ext, 'b'lob, 'n'ull
  std::optional<double> optional_real(int column) const;

 private:
  void expect_parameters(size_t count) const;  // one that is left out would be NULL
  void bind_one(int index, std::nullopt_t);
  void bind_one(int index, int64_t value);
  void bind_one(int index, double value);  // finite, else Error: a NaN would become NULL
  // Bytes that are not UTF-8, and NULs, become U+FFFD: Python's sqlite3 could not read them.
  void bind_one(int index, std::string_view value);
  void bind_one(int index, Bytes value);
  template <std::convertible_to<std::string_view> T>
  void bind_one(int index, const T& value) {
    bind_one(index, std::string_view(value));
  }
  template <std::integral T>
  void bind_one(int index, T value) {
    bind_one(index, static_cast<int64_t>(value));
  }
  template <class T>
  void bind_one(int index, const std::optional<T>& value) {
    if (value)
      bind_one(index, *value);
    else
      bind_one(index, std::nullopt);
  }

  Db& db_;
  Db::Cached* cached_;
  sqlite3_stmt* statement_;
};

// BEGIN IMMEDIATE, rolled back when destroyed uncommitted. Inside another one it joins that:
// nothing is stored before the outermost commits, and nothing at all when an inner one was rolled
// back.
class Transaction {
 public:
  explicit Transaction(Db& db);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Db& db_;
  bool open_ = true;
};

}  // namespace ballast::population
