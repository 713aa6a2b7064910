// The strategy `full`: the real search, its archive in memory, its trainings from the surrogate.
#include <functional>
#include <utility>

#include "common/clock.h"
#include "orchestrator/compare.h"
#include "orchestrator/search.h"

namespace ballast::orchestrator {
namespace {

// Stops as soon as no text can be trained any more.
class Watch : public SearchObserver {
 public:
  explicit Watch(std::stop_token user) : forward_(std::move(user), [this] { stop(); }) {}
  void stop() { stop_.request_stop(); }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> forward_;
};

}  // namespace

StrategyRun run_full(const Arena& arena, uint64_t seed, std::stop_token stop) {
  SearchConfig config = arena.config;
  config.seed = seed;
  config.workers = 1;
  config.max_seconds = 0;
  config.max_evaluations = 0;
  config.infra_delay = 0;

  const SystemClock clock;
  population::Archive archive(":memory:", clock);
  TokenLedger ledger(arena.budget);
  Watch watch(std::move(stop));
  SurrogateSandbox sandbox(arena.surrogate, arena.memory, arena.builtins, ledger,
                           [&] { watch.stop(); });
  evaluator::EvaluatorConfig settings;
  settings.spec = config.spec;
  settings.data_folder = "/";
  settings.domains = {"none"};
  settings.workers = 1;
  evaluator::Evaluator evaluator(settings, sandbox, clock);
  Search search(config, archive, evaluator, sandbox, clock, watch);
  const SearchEnd end = search.run(watch.token());

  StrategyRun run;
  run.tokens = ledger.spent();
  run.texts = end.status.measured;
  run.proposals = end.status.proposals;
  if (!end.status.best) return run;
  run.pick = end.status.best->name;
  run.measured = end.status.best->mean_difference;
  const auto best = archive.candidate(end.status.best->identity);
  if (best && !best->source.empty())
    run.truth = arena.memory.get(best->source).prediction.difference;
  return run;
}

}  // namespace ballast::orchestrator
