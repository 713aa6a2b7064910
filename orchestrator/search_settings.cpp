#include "orchestrator/search_settings.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/build_info.h"
#include "common/error.h"
#include "common/json.h"
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
  return 0;                                // none
}

void add_models(SearchConfig& search, const Config& config, const std::vector<UsedModel>& models) {
  search.models.in_flight = config.calls_in_flight;
  Json summary = Json::array();
  const auto uses = [](const UsedModel& model, Use use) {
    return std::find(model.uses.begin(), model.uses.end(), use) != model.uses.end();
  };
  for (const UsedModel& model : models) {
    if (uses(model, Use::kPropose))
      for (const auto& [op, weight] : {std::pair("edit", config.operator_edit),
                                       {"rewrite", config.operator_rewrite},
                                       {"crossover", config.operator_crossover},
                                       {"simplify", config.operator_simplify}})
        search.operators.push_back({op, weight, model.name});
    const auto take = [&](Use use, std::string& name) {
      if (name.empty() && uses(model, use)) name = model.name;
    };
    take(Use::kNotes, search.models.notes);
    take(Use::kEmbed, search.models.embedder);
    take(Use::kJudge, search.models.judge);
    Json words = Json::array();
    for (const Use use : model.uses) words.push_back(to_string(use));
    summary.push_back({{"name", model.name}, {"uses", words}});
  }
  if (!models.empty()) search.models.summary = summary.dump();
}

std::vector<UsedModel> used_models(const std::vector<Model>& models) {
  std::vector<UsedModel> out;
  for (const Model& model : models) out.push_back({model.name, model.uses});
  return out;
}

std::vector<UsedModel> used_models(std::string_view summary) {
  const std::string what = "event \"models\"";
  const Json json = parse_json(summary, what);
  std::vector<UsedModel> out;
  if (!json.is_array()) throw Error(what + ": expected a list");
  for (const Json& one : json) {
    ObjectReader in(one, what);
    UsedModel model;
    model.name = in.text("name");
    for (const std::string& word : in.texts("uses")) {
      const auto use = parse_use(word);
      if (!use) throw Error(what + ": there is no use of models named " + word);
      model.uses.push_back(*use);
    }
    in.done();
    out.push_back(std::move(model));
  }
  return out;
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
  out.coefficient_refinements = static_cast<int>(config.coefficient_refinements);
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
  out.repair_turns = static_cast<int>(config.repair_turns);
  out.notes_every = config.notes_every;
  out.text_novelty = config.text_novelty;
  out.usd_tokens = config.bandit_usd_tokens;
  out.bandit = config.bandit;
  out.bandit_floor = config.bandit_floor;
  out.parents = config.parents;
  out.elites = config.elites;
  out.islands = static_cast<int>(config.islands);
  out.migration_every = config.migration_every;
  out.migration_size = config.migration_size;
  out.resamples = static_cast<int>(config.resamples);
  out.max_flops = config.max_flops;
  out.max_bytes = config.max_bytes;
  out.probe_limits = probe_limits(config);
  return out;
}

}  // namespace ballast::orchestrator
