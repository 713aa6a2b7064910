#include "orchestrator/llm/client_config.h"

#include <algorithm>
#include <utility>

#include "orchestrator/llm/models.h"

namespace ballast::orchestrator {

std::optional<ClientOptions> client_options(const Config& config) {
  if (config.models.empty()) return std::nullopt;
  ClientOptions options;
  options.models = load_models(config.models);
  options.ceilings = {
      .usd = config.budget_usd, .tokens = config.budget_tokens, .requests = config.budget_requests};
  options.in_flight = config.calls_in_flight;
  options.seed = static_cast<uint64_t>(config.seed);
  return options;
}

std::optional<Model> take_local(ClientOptions& options) {
  const auto it = std::ranges::find(options.models, Provider::kLocal, &Model::provider);
  if (it == options.models.end()) return std::nullopt;
  Model model = std::move(*it);
  options.models.erase(it);
  return model;
}

}  // namespace ballast::orchestrator
