// What the settings say about language models, as the client takes it.
#pragma once

#include <optional>

#include "common/config.h"
#include "orchestrator/llm/client.h"

namespace ballast::orchestrator {

// nullopt: the settings name no models file. Throws Error (usage) for what is wrong in that file.
std::optional<ClientOptions> client_options(const Config& config);

}  // namespace ballast::orchestrator
