// ballast replay ARCHIVE: repeats a recorded run, and says whether it comes out the same.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <limits>
#include <memory>

#include "common/build_info.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"
#include "orchestrator/command.h"
#include "orchestrator/interrupt.h"
#include "orchestrator/replay_run.h"
#include "orchestrator/retrain.h"
#include "orchestrator/search_settings.h"
#include "orchestrator/terminal.h"
#include "orchestrator/workbench.h"

namespace ballast::orchestrator {
namespace {

namespace fs = std::filesystem;
using OrderedJson = nlohmann::ordered_json;

struct Given {
  std::string archive, out;
  size_t retrain = 0;
  bool json = false, accept_no_sandbox = false;
};

// The settings of one start, as its row holds them; the texts to start from come from the record.
Config settings_of(const Given& given, const population::SessionRow& session) {
  Config config;
  try {
    apply_toml(config, session.config, given.archive);
  } catch (const Error& error) {
    throw Error("replaying " + given.archive + ": a build with other settings wrote it (" +
                session.build + "): replay it with that one; " + error.what());
  }
  config.start_files.clear();
  if (given.accept_no_sandbox) config.accept_no_sandbox = true;
  return config;
}

// What a start noted of its language models; empty: it had none.
std::string models_of(const population::Record& record, const population::SessionRow& session) {
  int64_t end = std::numeric_limits<int64_t>::max();
  for (const population::SessionRow& other : record.sessions)
    if (other.started_ns > session.started_ns) end = std::min(end, other.started_ns);
  for (const population::EventRow& event : record.events)
    if (event.kind == "models" && event.at_ns >= session.started_ns && event.at_ns < end)
      return event.detail;
  return "";
}

struct Done {
  ReplayEnd replay;
  std::vector<Retrained> retrained;
  int64_t asked = 0;  // rows that were to be trained again
  bool same() const {
    bool all = replay.difference.empty() && !replay.interrupted;
    for (const Retrained& row : retrained) all = all && row.difference.empty();
    return all;
  }
};

ReplayEnd repeat(const Given& given, const population::Record& record, evaluator::Sandbox& sandbox,
                 ProgressLine& line, std::stop_token stop) {
  const SystemClock clock;
  population::Archive out(given.out.empty() ? fs::path(":memory:") : fs::path(given.out), clock);
  const TrainSpec spec = train_spec_from_json(record.run->spec);
  const auto config_of = [&](const population::SessionRow& session) {
    const Config config = settings_of(given, session);
    SearchConfig search = search_config(config, spec, workers(config));
    if (const std::string models = models_of(record, session); !models.empty())
      add_models(search, config, used_models(models));
    return search;
  };
  const auto show = [&](const ReplayProgress& p) {
    const auto done = static_cast<double>(p.proposals + p.evaluations);
    const auto all = static_cast<double>(p.proposals_in_all + p.evaluations_in_all);
    line.update(all > 0 ? done / all : 0,
                count(p.proposals) + " of " + count(p.proposals_in_all) + " proposals made again");
  };
  ReplayEnd end = replay_run(record, config_of, sandbox, out, show, stop);
  line.clear();
  return end;
}

void train_again(const Given& given, const population::Record& record, evaluator::Sandbox& sandbox,
                 ProgressLine& line, std::stop_token stop, Done& done) {
  const Config config = settings_of(given, record.sessions.back());
  const TrainSpec spec = train_spec_from_json(record.run->spec);
  const Corpus corpus = open_corpus(config);
  if (corpus.hash != spec.data_hash)
    throw Error("training again: the corpus " + corpus.folder.string() +
                " is not the one of this run (its hash is " + corpus.hash.substr(0, 16) + ", not " +
                spec.data_hash.substr(0, 16) + ")");
  const std::vector<size_t> rows =
      rows_to_retrain(record, numeric_build(), spec_hash(spec), given.retrain);
  require(!rows.empty(), "training again: no successful evaluation of " + given.archive +
                             " is of this build (" + numeric_build() +
                             "); another build's bits may differ");
  done.asked = static_cast<int64_t>(rows.size());
  const SystemClock clock;
  evaluator::Evaluator evaluator(evaluator_config(config, corpus, spec), sandbox, clock);
  const auto show = [&](size_t finished) {
    line.update(static_cast<double>(finished) / static_cast<double>(rows.size()),
                count(static_cast<int64_t>(finished)) + " of " + count(done.asked) +
                    " evaluations trained again");
  };
  done.retrained =
      retrain(record, rows, config.rung_tokens.back(), evaluator, show, std::move(stop));
  line.clear();
}

OrderedJson json_of(const Given& given, const Done& done) {
  OrderedJson rows = OrderedJson::array();
  for (const Retrained& row : done.retrained)
    rows.push_back({{"evaluation", row.id},
                    {"name", row.name},
                    {"values", row.values},
                    {"difference", row.difference.empty() ? Json() : Json(row.difference)}});
  const auto text = [](const std::string& s) { return s.empty() ? Json() : Json(s); };
  return {{"archive", given.archive},
          {"same", done.same()},
          {"digest", done.replay.recorded},
          {"digest_of_replay", done.replay.repeated},
          {"difference", text(done.replay.difference)},
          {"trouble", text(done.replay.trouble)},
          {"starts", done.replay.sessions},
          {"proposals", done.replay.proposals},
          {"evaluations", done.replay.evaluations},
          {"out", text(given.out)},
          {"retrained", rows}};
}

void print(const Done& done) {
  const ReplayEnd& r = done.replay;
  std::cout << "repeated " << count(r.sessions) << (r.sessions == 1 ? " start, " : " starts, ")
            << count(r.proposals) << " proposals with their contract probes; "
            << count(r.evaluations) << " evaluations taken from the record\n";
  for (const Retrained& row : done.retrained)
    std::cout << "evaluation " << row.id << " of " << row.name << " trained again: "
              << (row.difference.empty() ? count(row.values) + " values, the same bits"
                                         : row.difference)
              << "\n";
  if (r.difference.empty()) std::cout << "same digest " << r.recorded << "\n";
}

int run_replay(const Given& given) {
  if (!given.out.empty() && fs::exists(given.out))
    throw Error("--out " + given.out + ": the file exists; a replay goes into a new one",
                ExitCode::kUsage);
  const population::Record record = population::Reader(given.archive).record();
  require(record.run.has_value() && !record.sessions.empty(),
          "replaying " + given.archive + ": no search has run in it");
  const Interrupts interrupts;
  const SystemClock clock;
  ProgressLine line(std::cerr, terminal_of(2), clock);
  const auto sandbox = open_sandbox(settings_of(given, record.sessions.back()));
  Done done;
  done.replay = repeat(given, record, *sandbox, line, interrupts.token());
  if (given.retrain > 0 && !done.replay.interrupted)
    train_again(given, record, *sandbox, line, interrupts.token(), done);
  if (interrupts.exit_code() != 0) return interrupts.exit_code();

  if (given.json)
    std::cout << json_of(given, done).dump(2) << "\n";
  else
    print(done);
  if (done.same()) return 0;
  const std::string& build = record.sessions.back().build;
  std::cout.flush();
  if (!given.json && !done.replay.difference.empty())
    throw Error("the replay parts from the record: " + done.replay.difference +
                (done.replay.trouble.empty() ? "" : "; it ended with: " + done.replay.trouble) +
                (build == numeric_build()
                     ? ""
                     : ". The record is of build " + build + ", this is " + numeric_build() +
                           ": another build may decide otherwise"));
  if (!given.json) throw Error("not every evaluation gave the same bits again");
  return static_cast<int>(ExitCode::kFailed);
}

}  // namespace

Job set_up_replay(CLI::App& app) {
  const auto given = std::make_shared<Given>();
  app.add_option("ARCHIVE", given->archive, "The archive of the run")->required()->type_name("");
  app.add_option("--out", given->out,
                 "Keep the repeated run in this new archive (default: in memory only)")
      ->type_name("FILE");
  app.add_option("--retrain", given->retrain,
                 "Also train so many of its evaluations again and compare every bit")
      ->type_name("N");
  app.add_flag("--json", given->json, "Print JSON");
  app.add_flag("--accept-no-sandbox", given->accept_no_sandbox,
               "Run without a full sandbox where this machine offers none");
  return [given] { return run_replay(*given); };
}

}  // namespace ballast::orchestrator
