// What the settings say about language models, as the client takes it.
#pragma once

#include <optional>

#include "common/config.h"
#include "orchestrator/llm/client.h"

namespace ballast::orchestrator {

// nullopt: the settings name no models file. Throws Error (usage) for what is wrong in that file.
std::optional<ClientOptions> client_options(const Config& config);

// Takes out the embedding model that we run ourselves, if there is one: no client reaches it
// (local_embedder.h).
std::optional<Model> take_local(ClientOptions& options);

}  // namespace ballast::orchestrator
