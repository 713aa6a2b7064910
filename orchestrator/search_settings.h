// From the configuration to what a search is told.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/config.h"
#include "orchestrator/llm/model.h"
#include "orchestrator/search_config.h"

namespace ballast::orchestrator {

// `spec` includes the corpus's hash. Reads the files of start.files. Throws Error (usage).
SearchConfig search_config(const Config& config, const TrainSpec& spec, int workers);

// A language model as the search knows it: the rest is the client's.
struct UsedModel {
  std::string name;
  std::vector<Use> uses;
};
std::vector<UsedModel> used_models(const std::vector<Model>& models);
// From ModelConfig::summary, as a start stored it. Throws Error.
std::vector<UsedModel> used_models(std::string_view summary);

// Their operators become arms; the first that may do so distils notes, embeds, judges.
void add_models(SearchConfig& search, const Config& config, const std::vector<UsedModel>& models);

// The coefficient that the configuration gives a built-in balancer; 0 for "none".
double builtin_coefficient(const Config& config, std::string_view name);

}  // namespace ballast::orchestrator
