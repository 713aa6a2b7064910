// What the words on a command line stand for: candidates of an archive, and losses.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "population/reader.h"

namespace ballast::orchestrator {

// ID: `@rank` of the leaderboard, a name (of a built-in or candidate), or the first 6 or more
// hexadecimal digits of an identity. Gives the identity. Throws Error (usage) when nothing or more
// than one candidate fits.
std::string resolve_id(const population::Reader& archive, std::string_view id);

// Whether `text` can only be an ID of an archive: "@3", or 6 to 64 hexadecimal digits.
bool looks_like_id(std::string_view text);

}  // namespace ballast::orchestrator
