// ballast search: starts a search, or goes on with one.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>

#include "common/build_info.h"
#include "common/clock.h"
#include "common/error.h"
#include "evaluator/evaluator.h"
#include "orchestrator/command.h"
#include "orchestrator/interrupt.h"
#include "orchestrator/leaderboard.h"
#include "orchestrator/llm/client_config.h"
#include "orchestrator/search.h"
#include "orchestrator/search_display.h"
#include "orchestrator/search_settings.h"
#include "orchestrator/terminal.h"
#include "orchestrator/workbench.h"
#include "population/reader.h"

namespace ballast::orchestrator {
namespace {

constexpr size_t kRowsAtTheEnd = 10;

// "rung 1: 160,000 tokens, 156 steps".
std::string rungs_text(const SearchConfig& config) {
  std::string out;
  const int64_t step = tokens_per_step(config.spec.schedule);
  for (size_t i = 0; i < config.rungs.size(); ++i) {
    const int64_t steps = config.rungs[i].tokens / step;
    out += std::string(i == 0 ? "" : "; ") + "rung " + std::to_string(i + 1) + ": " +
           count(steps * step) + " tokens, " + count(steps) + " steps, " +
           std::to_string(config.rungs[i].seeds) +
           (config.rungs[i].seeds == 1 ? " seed" : " seeds");
  }
  return out;
}

// "language models: small (propose, notes), judge (judge); at most 5.00 USD".
std::string models_text(const Config& config, const std::optional<ClientOptions>& llm) {
  if (!llm)
    return "no language model (models = \"\"): the free operators tune, mutate, splice and drop "
           "propose; docs/llm.md says how to add models";
  std::string out;
  for (const Model& model : llm->models) {
    out += (out.empty() ? "language models: " : ", ") + model.name + " (";
    for (size_t i = 0; i < model.uses.size(); ++i)
      out += (i == 0 ? "" : ", ") + std::string(to_string(model.uses[i]));
    out += ")";
  }
  if (config.budget_usd > 0) out += "; at most " + fixed(config.budget_usd, 2) + " USD";
  return out;
}

std::string opening(const Config& config, const SearchConfig& search,
                    const std::optional<ClientOptions>& llm, const Corpus& corpus,
                    const std::string& level, bool resumed) {
  std::string out = (resumed ? "going on with " : "starting ") + config.archive + ": preset " +
                    config.preset + ", corpus " + corpus.name + " (" +
                    std::to_string(corpus.domains.size()) + " domains), " +
                    std::to_string(search.workers) +
                    (search.workers == 1 ? " worker" : " workers") + ", sandbox " + level +
                    "\nper training: " + rungs_text(search) + "\n" + models_text(config, llm);
  if (corpus.name == "synthetic") {
    out += "\nnote: synthetic text is for trying things out; nothing follows from it for real text";
  }
  return out;
}

void print_operators(const SearchStatus& status, const Terminal& terminal) {
  if (status.operators.empty()) return;
  using enum Table::Align;
  Table table({{"operator"},
               {"proposed", kRight},
               {"new", kRight},
               {"measured", kRight},
               {"highest rung", kRight}});
  for (const OperatorCount& row : status.operators) {
    table.add({row.name, count(row.proposals), count(row.accepted), count(row.measured),
               row.best_rung > 0 ? std::to_string(row.best_rung) : "-"});
  }
  std::cout << "\n" << table.to_string(terminal);
}

std::string end_text(const SearchEnd& end) {
  const SearchStatus& s = end.status;
  std::string why = end.reason;
  if (end.reason == "max_seconds") why = "the time is used up (max_seconds)";
  if (end.reason == "max_evaluations") why = "all trainings are done (max_evaluations)";
  if (end.reason == "interrupted") why = "stopped; the same command goes on";
  if (end.reason == "budget")
    why =
        "a ceiling on language models is reached; raise budget.usd, .tokens or .requests to go on, "
        "or set models = \"\" for the free operators";
  if (end.reason == "exhausted") why = "the operators find nothing new";
  return why + ": " + count(s.measured) + " candidates measured in " + count(s.evaluations) +
         " trainings (" + count(s.failed_evaluations) + " failed), " + count(s.tokens) +
         " tokens, " + duration(s.seconds);
}

// As it can be typed here: this program is seldom on the PATH.
std::string program_name() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path near = self.lexically_relative(std::filesystem::current_path());
  return error || near.empty() || *near.begin() == ".." ? self.string() : near.string();
}

void print_end(const SearchEnd& end, const SearchConfig& config, const std::string& archive) {
  const Terminal terminal = terminal_of(1);
  const population::Reader reader(archive);
  std::cout << "\n"
            << end_text(end) << "\n\n"
            << leaderboard_text(ranked(reader), terminal, kRowsAtTheEnd);
  print_operators(end.status, terminal);
  std::cout << "\nper training: " << rungs_text(config) << "\n";
  for (const std::string& line : end.verdict.lines) std::cout << line << "\n";
  const std::string program = program_name();
  std::cout << "\nlook further:\n  " << program << " top -a " << archive << "\n  " << program
            << " show @1 -a " << archive << "\n  " << program
            << " search ... --hours 8    the same search, and more of it\n";
}

int run_search(const Config& config) {
  SearchConfig search_settings = search_config(config, train_spec(config), workers(config));
  std::optional<ClientOptions> llm = client_options(config);
  if (llm) add_models(search_settings, config, used_models(llm->models));
  validate(search_settings);
  const Corpus corpus = open_corpus(config);
  const std::unique_ptr<evaluator::Sandbox> sandbox = open_sandbox(config);
  const TrainSpec spec = spec_for(config, corpus);
  search_settings.spec = spec;

  const SystemClock clock;
  const Interrupts interrupts;
  ProgressLine line(std::cerr, terminal_of(2), clock);
  population::Archive archive(config.archive, clock);
  if (const std::string done = archive.migration(); !done.empty())
    line.say(config.archive + ": " + done);
  SearchDisplay display(line, opening(config, search_settings, llm, corpus, sandbox->level(),
                                      archive.run().has_value()));
  evaluator::Evaluator evaluator(evaluator_config(config, corpus, spec), *sandbox, clock);
  std::unique_ptr<Client> client;
  std::unique_ptr<LocalEmbedder> embedder;
  Llm* models = nullptr;
  if (llm) {
    llm->notify = [&evaluator] { evaluator.wake(); };
    const std::optional<Model> local = take_local(*llm);
    client = std::make_unique<Client>(*llm, archive, clock);
    models = client.get();
    if (local) {
      embedder = local_embedder(config, *local, *sandbox, *client, archive, clock, llm->notify);
      models = embedder.get();
    }
  }
  Search search(search_settings, archive, evaluator, *sandbox, clock, display, models);
  const SearchEnd end = search.run(interrupts.token());
  line.clear();
  print_end(end, search_settings, config.archive);
  if (end.reason == "interrupted") return interrupts.exit_code();
  return end.reason == "budget" ? static_cast<int>(ExitCode::kCeiling) : 0;
}

}  // namespace

Job set_up_search(CLI::App& app) {
  struct Given : Options {
    double hours = 0;
    bool accept_no_sandbox = false;
  };
  const auto given = std::make_shared<Given>();
  add_config(app, *given);
  add_archive(app, *given);
  add_settings(app, *given);
  CLI::Option* hours =
      app.add_option("--hours", given->hours, "Search so long: max_seconds in hours")
          ->check(CLI::PositiveNumber)
          ->type_name("H");
  app.add_flag("--accept-no-sandbox", given->accept_no_sandbox,
               "Run without a full sandbox where this machine offers none");
  const Job compare = set_up_search_compare(app);
  return [given, hours, compare, &app] {
    if (app.count("--compare") > 0) return compare();
    Config config = given->load();
    if (hours->count() > 0) config.max_seconds = given->hours * 3600;
    if (given->accept_no_sandbox) config.accept_no_sandbox = true;
    return run_search(config);
  };
}

}  // namespace ballast::orchestrator
