#include "orchestrator/search_settings.h"

#include <filesystem>

#include "common/build_info.h"
#include "orchestrator/loss_text.h"
#include "orchestrator/workbench.h"

namespace ballast::orchestrator {
namespace {

std::string device_class(const std::string& device) { return device.substr(0, device.find(':')); }

std::vector<RungConfig> rungs(const Config& config) {
  constexpr SeedBlock kBlocks[] = {SeedBlock::kA, SeedBlock::kB, SeedBlock::kC};
  std::vector<RungConfig> out;
  for (size_t i = 0; i < config.rung_tokens.size(); ++i) {
    out.push_back({config.rung_tokens[i], static_cast<int>(config.rung_seeds[i]), kBlocks[i]});
  }
  return out;
}

}  // namespace

double builtin_coefficient(const Config& config, std::string_view name) {
  if (name == "micro_lbl") return config.coefficient_micro_lbl;
  if (name == "global_lbl") return config.coefficient_global_lbl;
  if (name == "sequence_lbl") return config.coefficient_sequence_lbl;
  if (name == "z_loss") return config.coefficient_z_loss;
  if (name == "loss_free") return config.coefficient_loss_free;
  if (name.starts_with("bip_")) return 1;  // as published: the solved bias as it is
  return 0;                                 // none
}

SearchConfig search_config(const Config& config, const TrainSpec& spec, int workers) {
  SearchConfig out;
  out.spec = spec;
  out.build = numeric_build();
  out.device_class = device_class(config.device);
  out.config_text = to_toml(config, Help::kWithout);
  out.config_hash = config_hash(config);
  out.seed = static_cast<uint64_t>(config.seed);
  out.workers = workers;
  out.max_seconds = config.max_seconds;
  out.max_evaluations = config.max_evaluations;
  out.drain_seconds = config.drain_seconds;
  out.rungs = rungs(config);
  out.eta = config.eta;
  out.coefficient_trials = static_cast<int>(config.coefficient_trials);
  out.coefficient_step = config.coefficient_step;
  out.objective = config.objective;
  out.mu = config.mu;
  out.target = config.target;
  out.reference = config.reference;
  out.builtins.clear();
  for (const std::string& name : config.builtins) {
    out.builtins.push_back({name, builtin_coefficient(config, name)});
  }
  out.builtin_seeds = static_cast<int>(config.builtin_seeds);
  out.use_shipped = config.start_shipped;
  for (const std::string& file : config.start_files) {
    out.seeds.push_back({std::filesystem::path(file).stem().string(), read_loss_file(file)});
  }
  out.first_seeds = config.start_first;
  out.operators = {{"tune", config.operator_tune},
                   {"mutate", config.operator_mutate},
                   {"splice", config.operator_splice},
                   {"drop", config.operator_drop}};
  out.parents = config.parents;
  out.elites = config.elites;
  out.resamples = static_cast<int>(config.resamples);
  out.max_flops = config.max_flops;
  out.max_bytes = config.max_bytes;
  out.probe_limits = probe_limits(config);
  return out;
}

}  // namespace ballast::orchestrator
