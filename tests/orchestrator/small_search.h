// A whole search with fakes, small enough for tests: everything it needs in one object.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "orchestrator/digest.h"
#include "orchestrator/search.h"
#include "tests/fakes/fake_llm.h"
#include "tests/fakes/fake_sandbox.h"
#include "tests/fakes/manual_clock.h"

namespace ballast::orchestrator {

inline std::vector<SeedText> small_seeds() {
  return {
      {"plain", "def balance_loss(r):\n    return 3.0 * (r.load_global * r.probs.mean(0)).sum()\n"},
      {"square", "def balance_loss(r):\n    return ((r.probs.mean(0) - 0.9) ** 2).sum()\n"},
      {"entropy",
       "def balance_loss(r):\n    p = r.probs.mean(0)\n"
       "    return 0.5 * (p * torch.log(p + 0.001)).sum()\n"},
      {"bias",
       "def selection_bias(r, bias):\n"
       "    return bias + 0.02 * (1.0 / r.num_experts - r.load_global)\n"}};
}

inline SearchConfig small_config(int64_t max_evaluations, int workers = 1) {
  SearchConfig config;
  config.spec = preset("tiny");
  config.build = "test";
  config.seed = 7;
  config.workers = workers;
  config.max_evaluations = max_evaluations;
  config.builtins = {{"global_lbl", 1}, {"none", 0}, {"micro_lbl", 1}, {"loss_free", 1}};
  config.builtin_seeds = 2;
  config.rungs = {
      {102'400, 1, SeedBlock::kA}, {204'800, 2, SeedBlock::kB}, {204'800, 2, SeedBlock::kC}};
  config.seeds = small_seeds();
  config.use_shipped = false;
  config.first_seeds = {"square"};
  config.infra_delay = 0;
  return config;
}

// Two models that propose, one of them with everything else to do as well; free operators are off
// unless `free`.
inline SearchConfig small_config_with_models(int64_t max_evaluations, int workers = 1,
                                             bool free = false) {
  SearchConfig config = small_config(max_evaluations, workers);
  if (!free) config.operators.clear();
  for (const char* model : {"small", "large"})
    for (const auto& [op, weight] :
         {std::pair("edit", 1.0), {"rewrite", 2.0}, {"crossover", 1.0}, {"simplify", 0.5}})
      config.operators.push_back({op, weight, model});
  config.models.in_flight = 4;
  config.models.notes = config.models.judge = "large";
  config.models.embedder = "vectors";
  config.notes_every = 5;
  return config;
}

// With the files beside it.
inline void remove_archive(const std::filesystem::path& path) {
  for (const char* end : {"", "-wal", "-shm", ".lock"})
    std::filesystem::remove(path.string() + end);
}

class SmallSearch {
 public:
  // `archive`: a file that is removed first, and last, unless `resume`.
  SmallSearch(SearchConfig config, std::filesystem::path archive, bool resume = false)
      : config_(std::move(config)), path_(std::move(archive)), resume_(resume) {
    if (!resume_) remove_archive(path_);
  }
  ~SmallSearch() {
    if (!resume_) remove_archive(path_);
  }
  SmallSearch(const SmallSearch&) = delete;
  SmallSearch& operator=(const SmallSearch&) = delete;

  // One start of the daemon: opens the archive, runs, closes it.
  SearchEnd run(std::stop_token stop = {}) { return run(stop, quiet_); }
  SearchEnd run(std::stop_token stop, SearchObserver& observer) {
    population::Archive archive(path_, *clock);
    evaluator::EvaluatorConfig settings;
    settings.spec = config_.spec;
    settings.data_folder = "/data";
    settings.domains = {"c", "man"};
    settings.workers = config_.workers;
    evaluator::Evaluator evaluator(settings, sandbox, *clock);
    wake = [&evaluator] { evaluator.wake(); };
    const std::unique_ptr<Llm> models = llm ? llm(archive) : nullptr;
    if (auto* fake = dynamic_cast<fakes::FakeLlm*>(models.get())) fake->notify = wake;
    Search search(config_, archive, evaluator, sandbox, *clock, observer, models.get());
    SearchEnd end = search.run(stop);
    digest_ = digest(archive);
    return end;
  }

  SearchConfig& config() { return config_; }
  const std::string& last_digest() const { return digest_; }
  // Reads rows while nothing runs.
  template <class Read>
  auto read(Read&& read) {
    const population::Archive archive(path_, *clock);
    return read(archive);
  }

  fakes::FakeSandbox sandbox;
  std::function<std::unique_ptr<Llm>(population::Archive&)> llm;  // empty: no language models
  std::function<void()> wake;  // while it runs: a model has answered
  const Clock* clock = &system_;

 private:
  SystemClock system_;
  SearchConfig config_;
  std::filesystem::path path_;
  bool resume_;
  std::string digest_;
  SearchObserver quiet_;
};

}  // namespace ballast::orchestrator
