// The file that names the language models of a search: TOML, one [[models]] table each.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/llm/model.h"

namespace ballast::orchestrator {

// Each throws Error (usage) that says where (file and line), which key and value, what is wrong and
// what would do: syntax, unknown key (with the nearest one), type, range, a name given twice, no
// model that proposes, more than one that embeds.
std::vector<Model> parse_models(std::string_view text, std::string_view file);
std::vector<Model> load_models(const std::filesystem::path& file);

}  // namespace ballast::orchestrator
