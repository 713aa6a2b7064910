// How a job ended: data about a candidate, stored in the archive (docs/design.md, section 5).
#pragma once

#include <optional>
#include <string_view>

namespace ballast {

enum class Outcome {
  kOk,
  kStaticReject,       // parser, types or limits
  kContractViolation,  // the contract probe
  kNonfinite,          // NaN or infinity in loss, gradient or weights
  kDiverged,           // finite, but training loss ran away
  kTimeout,            // wall clock, judged from outside
  kOom,                // memory limit, judged from outside
  kCrash,              // died by a signal or an unexpected exit
  kSandboxViolation,   // a forbidden system call
  kInfra,              // not the candidate's fault: retried, never counted against it
  kCancelled,          // stopped by the user or the budget
};

std::string_view to_string(Outcome outcome);                  // "OK", "STATIC_REJECT", ...
std::optional<Outcome> parse_outcome(std::string_view text);  // inverse of to_string

}  // namespace ballast
