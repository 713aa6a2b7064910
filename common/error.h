// The one exception type of Ballast, and the check that throws it.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace ballast {

// What the process must tell its caller through the exit code (docs/design.md, section 10).
enum class ExitCode : int {
  kOk = 0,
  kFailed = 1,            // the task could not be done; the message says what to do
  kUsage = 2,             // a bad command line or configuration
  kInvalidCandidate = 3,  // static or contract rejection
  kCeiling = 4,           // a money or token ceiling was reached
};

// Thrown when this task cannot go on. The text says what was attempted, with which value, where,
// and what to do instead. A bad candidate is never an Error: it is an outcome value (outcome.h).
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what, ExitCode code = ExitCode::kFailed)
      : std::runtime_error(what), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

// Throws Error(what) unless `ok`. For conditions of the outside world, never for a programmer's
// mistake (those are asserts).
inline void require(bool ok, std::string_view what) {
  if (!ok) throw Error(std::string(what));
}

}  // namespace ballast
