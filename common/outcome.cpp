#include "common/outcome.h"

#include <array>
#include <utility>

namespace ballast {
namespace {

constexpr std::array<std::pair<Outcome, std::string_view>, 11> kNames{{
    {Outcome::kOk, "OK"},
    {Outcome::kStaticReject, "STATIC_REJECT"},
    {Outcome::kContractViolation, "CONTRACT_VIOLATION"},
    {Outcome::kNonfinite, "NONFINITE"},
    {Outcome::kDiverged, "DIVERGED"},
    {Outcome::kTimeout, "TIMEOUT"},
    {Outcome::kOom, "OOM"},
    {Outcome::kCrash, "CRASH"},
    {Outcome::kSandboxViolation, "SANDBOX_VIOLATION"},
    {Outcome::kInfra, "INFRA"},
    {Outcome::kCancelled, "CANCELLED"},
}};

}  // namespace

std::string_view to_string(Outcome outcome) {
  for (const auto& [value, name] : kNames)
    if (value == outcome) return name;
  return "UNKNOWN";
}

std::optional<Outcome> parse_outcome(std::string_view text) {
  for (const auto& [value, name] : kNames)
    if (name == text) return value;
  return std::nullopt;
}

}  // namespace ballast
