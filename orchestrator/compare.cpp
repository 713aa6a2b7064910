#include "orchestrator/compare.h"

#include <algorithm>
#include <cassert>

#include "common/error.h"
#include "orchestrator/compare_plain.h"

namespace ballast::orchestrator {
namespace {

constexpr size_t kElites = 10;  // of `genetic`

// Proposals in a row that were nothing new: the strategy has come to its end.
int64_t most_in_vain(const Arena& arena) { return 10 * int64_t{arena.config.resamples}; }

size_t any(Rng& rng, size_t count) {
  return static_cast<size_t>(rng.below(static_cast<int64_t>(count)));
}

StrategyRun run_random(const Arena& arena, uint64_t seed, std::stop_token stop) {
  Bench bench(arena, seed);
  for (int64_t vain = 0; bench.open() && vain < most_in_vain(arena) && !stop.stop_requested();) {
    const auto& parent = bench.start(any(bench.rng(), bench.starts()));
    const auto& donor = bench.start(any(bench.rng(), bench.starts()));
    vain = bench.measure_child(parent, donor, /*weighted=*/false) ? 0 : vain + 1;
  }
  return bench.finish();
}

StrategyRun run_hillclimb(const Arena& arena, uint64_t seed, std::stop_token stop) {
  Bench bench(arena, seed);
  std::optional<size_t> here;
  int64_t vain = 0, in_all = 0;
  while (bench.open() && in_all < most_in_vain(arena) && !stop.stop_requested()) {
    if (!here || vain >= arena.config.resamples) {
      here = bench.measure_start(any(bench.rng(), bench.starts()));
      vain = 0;
      in_all = here ? 0 : in_all + 1;
      continue;
    }
    const candidate::Program parent = bench.texts()[*here].program;
    const auto& donor = bench.start(any(bench.rng(), bench.starts()));
    const auto child = bench.measure_child(parent, donor, /*weighted=*/false);
    vain = child ? 0 : vain + 1;
    in_all = child ? 0 : in_all + 1;
    if (child && bench.texts()[*child].measured < bench.texts()[*here].measured) here = child;
  }
  return bench.finish();
}

StrategyRun run_genetic(const Arena& arena, uint64_t seed, std::stop_token stop) {
  Bench bench(arena, seed);
  const size_t first = std::min(kElites, bench.starts());
  for (int i = 0; bench.texts().size() < first && i < 1000 && bench.open(); ++i)
    bench.measure_start(any(bench.rng(), bench.starts()));
  for (int64_t vain = 0; bench.open() && vain < most_in_vain(arena) && !stop.stop_requested();) {
    std::vector<size_t> elites;
    for (size_t i = 0; i < bench.texts().size(); ++i) elites.push_back(i);
    std::stable_sort(elites.begin(), elites.end(), [&](size_t a, size_t b) {
      return bench.texts()[a].measured < bench.texts()[b].measured;
    });
    elites.resize(std::min(elites.size(), kElites));
    const candidate::Program parent =
        bench.texts()[elites[any(bench.rng(), elites.size())]].program;
    const candidate::Program donor = bench.texts()[elites[any(bench.rng(), elites.size())]].program;
    vain = bench.measure_child(parent, donor, /*weighted=*/true) ? 0 : vain + 1;
  }
  return bench.finish();
}

evaluator::Estimate estimate_of(const std::vector<double>& values) {
  const evaluator::Summary summary = evaluator::summarise(values);
  return {summary.pairs, summary.mean, summary.standard_error().value_or(0),
          static_cast<double>(summary.pairs - 1)};
}

}  // namespace

std::vector<std::string_view> strategy_names() {
  return {"random", "hillclimb", "genetic", "full"};
}

StrategyRun run_strategy(std::string_view name, const Arena& arena, uint64_t seed,
                         std::stop_token stop) {
  if (name == "random") return run_random(arena, seed, std::move(stop));
  if (name == "hillclimb") return run_hillclimb(arena, seed, std::move(stop));
  if (name == "genetic") return run_genetic(arena, seed, std::move(stop));
  assert(name == "full");
  return run_full(arena, seed, std::move(stop));
}

std::vector<StrategyResult> compare_strategies(
    const std::vector<std::string>& names, const Arena& arena, int seeds,
    const std::function<void(int done, int all)>& on_progress, std::stop_token stop) {
  std::vector<StrategyResult> results;
  for (const std::string& name : names) results.emplace_back().name = name;
  const int all = seeds * static_cast<int>(names.size());
  for (int seed = 1; seed <= seeds && !stop.stop_requested(); ++seed) {
    std::vector<StrategyRun> runs;
    for (const std::string& name : names) {
      on_progress((seed - 1) * static_cast<int>(names.size()) + static_cast<int>(runs.size()), all);
      runs.push_back(run_strategy(name, arena, static_cast<uint64_t>(seed), stop));
    }
    if (stop.stop_requested()) break;
    for (size_t i = 0; i < runs.size(); ++i) results[i].runs.push_back(std::move(runs[i]));
  }
  for (StrategyResult& result : results) {
    std::vector<double> truths, differences;
    for (size_t i = 0; i < result.runs.size(); ++i) {
      truths.push_back(result.runs[i].truth);
      differences.push_back(result.runs[i].truth - results[0].runs[i].truth);
    }
    result.truth = estimate_of(truths);
    if (&result != &results[0]) result.against = estimate_of(differences);
  }
  return results;
}

}  // namespace ballast::orchestrator
