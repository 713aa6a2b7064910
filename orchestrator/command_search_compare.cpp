// ballast search --compare A,B,...: strategies of search against each other on a surrogate.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <sstream>

#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"
#include "common/nearest.h"
#include "orchestrator/command.h"
#include "orchestrator/compare.h"
#include "orchestrator/interrupt.h"
#include "orchestrator/search.h"
#include "orchestrator/search_settings.h"
#include "orchestrator/terminal.h"
#include "orchestrator/workbench.h"

namespace ballast::orchestrator {
namespace {

using OrderedJson = nlohmann::ordered_json;

struct Given {
  std::string strategies;  // names with commas between them
  std::string from;
  int seeds = 20;
  int64_t texts = 100;
  bool json = false;
};

std::vector<std::string> names_in(const std::string& list) {
  std::vector<std::string> names;
  std::istringstream words(list);
  for (std::string name; std::getline(words, name, ',');) names.push_back(name);
  const std::vector<std::string_view> known = strategy_names();
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw Error("--compare: there is no strategy \"" + name + "\"; the nearest is \"" +
                      std::string(nearest(name, known)) +
                      "\" (all of them: random,hillclimb,genetic,full)",
                  ExitCode::kUsage);
    if (std::count(names.begin(), names.end(), name) > 1)
      throw Error("--compare: " + name + " is named twice", ExitCode::kUsage);
  }
  if (names.empty()) throw Error("--compare names no strategy", ExitCode::kUsage);
  return names;
}

Config settings_of(const Given& given, const population::Record& record) {
  Config config;
  require(!record.sessions.empty(), "comparing: no search has run in " + given.from);
  try {
    apply_toml(config, record.sessions.back().config, given.from);
  } catch (const Error& error) {
    throw Error("comparing: a build with other settings wrote " + given.from + ": " + error.what());
  }
  config.start_files.clear();  // they may be gone; the texts of the record stand in for them
  return config;
}

// The search as the record's was told, with every text that it was started from.
SearchConfig config_of(const Config& config, const population::Record& record) {
  SearchConfig out = search_config(config, train_spec_from_json(record.run->spec), 1);
  for (const population::ProposalRow& row : record.proposals)
    if (row.op == "seed" && row.reason == "accepted") out.seeds.push_back({"", row.source});
  for (SeedText& seed : out.seeds)
    if (seed.name.empty()) seed.name = "start-" + std::to_string(&seed - out.seeds.data() + 1);
  return out;
}

std::map<std::string, double> builtin_differences(const population::Record& record) {
  constexpr std::string_view kPrefix = "builtin:";
  std::map<std::string, double> out;
  for (const population::EstimateRow& row : record.estimates)
    if (row.identity.starts_with(kPrefix) && row.identity != record.run->reference)
      out[row.identity.substr(kPrefix.size())] = row.mean_difference;
  return out;
}

std::string with_error(const evaluator::Estimate& estimate) {
  if (estimate.pairs < 2) return "-";
  const evaluator::Interval interval = evaluator::confidence_interval(estimate);
  return with_sign(estimate.mean, 4) + "  [" + with_sign(interval.low, 4) + ", " +
         with_sign(interval.high, 4) + "]";
}

std::string fit_text(const Surrogate::Fit& fit) {
  return "surrogate of " + count(fit.texts) + " recorded texts: differences " +
         with_sign(fit.mean, 4) + " ± " + fixed(fit.spread, 4) + ", the best predicted one " +
         with_sign(fit.best, 4) + "; seed noise " + fixed(fit.noise, 4) + " at " +
         count(fit.noise_tokens) + " tokens\nleave-one-out: rank correlation " +
         fixed(fit.rank_correlation, 2) + ", error " + fixed(fit.error, 4) +
         (fit.rank_correlation < 0.3
              ? "  <- it hardly predicts: what follows is about noise, not about losses"
              : "");
}

template <class Member>
double mean_of(const StrategyResult& result, Member member) {
  double sum = 0;
  for (const StrategyRun& run : result.runs) sum += static_cast<double>(run.*member);
  return result.runs.empty() ? 0 : sum / static_cast<double>(result.runs.size());
}

void print(const std::vector<StrategyResult>& results, const Arena& arena) {
  std::cout << fit_text(arena.surrogate.fit()) << "\n"
            << results[0].runs.size() << " search seeds, " << count(arena.budget)
            << " training tokens each; " << count(arena.memory.texts()) << " texts probed\n\n";
  using enum Table::Align;
  const std::string versus = "difference to " + results[0].name + ", 95 % interval";
  Table table({{"strategy"},
               {"true difference of its pick, 95 % interval"},
               {versus},
               {"it believes", kRight},
               {"texts measured", kRight},
               {"proposals", kRight}});
  for (const StrategyResult& result : results)
    table.add({result.name, with_error(result.truth), with_error(result.against),
               with_sign(mean_of(result, &StrategyRun::measured), 4),
               fixed(mean_of(result, &StrategyRun::texts), 1),
               fixed(mean_of(result, &StrategyRun::proposals), 1)});
  std::cout << table.to_string(terminal_of(1))
            << "\nof the objective, from the reference, as the surrogate has it without noise; "
               "negative is better.\n";
}

OrderedJson estimate_json(const evaluator::Estimate& estimate) {
  if (estimate.pairs < 2) return nullptr;
  const evaluator::Interval interval = evaluator::confidence_interval(estimate);
  return {{"mean", estimate.mean},
          {"standard_error", estimate.standard_error},
          {"interval", {interval.low, interval.high}},
          {"pairs", estimate.pairs}};
}

OrderedJson json_of(const std::vector<StrategyResult>& results, const Arena& arena) {
  const Surrogate::Fit& fit = arena.surrogate.fit();
  OrderedJson rows = OrderedJson::array();
  for (const StrategyResult& result : results) {
    OrderedJson runs = OrderedJson::array();
    for (const StrategyRun& run : result.runs)
      runs.push_back({{"pick", run.pick},
                      {"truth", run.truth},
                      {"measured", run.measured},
                      {"texts", run.texts},
                      {"proposals", run.proposals},
                      {"tokens", run.tokens}});
    rows.push_back({{"strategy", result.name},
                    {"truth", estimate_json(result.truth)},
                    {"against", estimate_json(result.against)},
                    {"runs", runs}});
  }
  return {{"surrogate",
           {{"texts", fit.texts},
            {"bandwidth", fit.bandwidth},
            {"prior_weight", fit.prior_weight},
            {"mean", fit.mean},
            {"spread", fit.spread},
            {"fence", fit.fence},
            {"best", fit.best},
            {"noise", fit.noise},
            {"noise_tokens", fit.noise_tokens},
            {"offset", fit.offset},
            {"curvature", fit.curvature},
            {"rank_correlation", fit.rank_correlation},
            {"error", fit.error}}},
          {"tokens", arena.budget},
          {"compared_with", results[0].name},
          {"strategies", rows}};
}

int run_compare(const Given& given) {
  const std::vector<std::string> names = names_in(given.strategies);
  if (given.from.empty())
    throw Error(
        "--compare needs --from ARCHIVE: an archive of real trainings, which the "
        "surrogate is made from",
        ExitCode::kUsage);
  const population::Record record = population::Reader(given.from).record();
  const Config settings = settings_of(given, record);
  const SearchConfig config = config_of(settings, record);
  validate(config);
  const Surrogate surrogate(record);
  const auto sandbox = open_sandbox(settings);
  ProbeMemory memory(surrogate, *sandbox, config.probe_limits);
  const Arena arena{surrogate, memory, config, builtin_differences(record),
                    given.texts * tokens_per_text(config)};

  const SystemClock clock;
  const Interrupts interrupts;
  ProgressLine line(std::cerr, terminal_of(2), clock);
  const auto show = [&](int done, int all) {
    line.update(static_cast<double>(done) / all, std::to_string(done) + " of " +
                                                     std::to_string(all) + " searches, " +
                                                     count(memory.texts()) + " texts probed");
  };
  const auto results = compare_strategies(names, arena, given.seeds, show, interrupts.token());
  line.clear();
  if (results[0].runs.empty()) return interrupts.exit_code();
  if (given.json)
    std::cout << json_of(results, arena).dump(2) << "\n";
  else
    print(results, arena);
  return interrupts.exit_code();
}

}  // namespace

Job set_up_search_compare(CLI::App& app) {
  const auto given = std::make_shared<Given>();
  CLI::Option* compare =
      app.add_option("--compare", given->strategies,
                     "Instead of a search: strategies (random,hillclimb,genetic,full) against each "
                     "other at equal training tokens, on a surrogate of the trainings in --from")
          ->type_name("A,B,...");
  app.add_option("--from", given->from, "With --compare: an archive of real trainings")
      ->needs(compare)
      ->type_name("ARCHIVE");
  app.add_option("--seeds", given->seeds, "With --compare: searches of each strategy (20)")
      ->needs(compare)
      ->check(CLI::Range(2, 10000))
      ->type_name("N");
  app.add_option("--texts", given->texts,
                 "With --compare: the tokens that so many texts cost without halving (100)")
      ->needs(compare)
      ->check(CLI::Range(1, 1000000))
      ->type_name("N");
  app.add_flag("--json", given->json, "With --compare: print JSON")->needs(compare);
  return [given] { return run_compare(*given); };
}

}  // namespace ballast::orchestrator
