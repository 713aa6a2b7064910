#include "orchestrator/llm/client_config.h"

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

}  // namespace ballast::orchestrator
