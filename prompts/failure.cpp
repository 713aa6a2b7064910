#include "prompts/failure.h"

#include <array>

namespace ballast::prompts {
namespace {

constexpr std::array<std::string_view, 9> kNames = {"CUT_OFF",     "NO_CODE",     "AMBIGUOUS",
                                                    "EDIT_FORMAT", "EDIT_MATCH",  "UNCHANGED",
                                                    "STATIC",      "NO_GRADIENT", "CONTRACT"};
static_assert(kNames.size() == static_cast<size_t>(FailureKind::kContract) + 1);

}  // namespace

std::string_view to_string(FailureKind kind) { return kNames[static_cast<size_t>(kind)]; }

std::optional<FailureKind> parse_failure_kind(std::string_view text) {
  for (size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == text) return static_cast<FailureKind>(i);
  return std::nullopt;
}

}  // namespace ballast::prompts
