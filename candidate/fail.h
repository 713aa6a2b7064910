// How the front end stops: one exception from anywhere between text and graph, caught in parse().
#pragma once

#include <exception>
#include <string>

#include "candidate/parse.h"

namespace ballast::candidate {

struct Position {
  int line = 1, column = 1;  // from 1; columns count characters, not bytes
};

class Fail : public std::exception {
 public:
  Fail(Position at, std::string message, std::string hint)
      : diagnostic_{at.line, at.column, std::move(message), std::move(hint)} {}
  const char* what() const noexcept override { return diagnostic_.message.c_str(); }
  const Diagnostic& diagnostic() const { return diagnostic_; }
  // Appends where the failing helper was called; only the innermost call is told.
  void add_context(const std::string& context) {
    if (!has_context_) diagnostic_.message += context;
    has_context_ = true;
  }

 private:
  Diagnostic diagnostic_;
  bool has_context_ = false;
};

[[noreturn]] inline void fail(Position at, std::string message, std::string hint = "") {
  throw Fail(at, std::move(message), std::move(hint));
}

// `name` between backticks, shortened when it is long (a name can be as long as the source).
std::string quoted(std::string_view name);

}  // namespace ballast::candidate
