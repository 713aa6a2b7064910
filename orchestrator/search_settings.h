// From the configuration to what a search is told.
#pragma once

#include <string_view>

#include "common/config.h"
#include "orchestrator/search_config.h"

namespace ballast::orchestrator {

// `spec` includes the corpus's hash. Reads the files of start.files. Throws Error (usage).
SearchConfig search_config(const Config& config, const TrainSpec& spec, int workers);

// The coefficient that the configuration gives a built-in balancer; 0 for "none".
double builtin_coefficient(const Config& config, std::string_view name);

}  // namespace ballast::orchestrator
