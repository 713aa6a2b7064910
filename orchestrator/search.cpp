#include "orchestrator/search.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "candidate/shipped.h"
#include "common/error.h"
#include "common/json.h"
#include "orchestrator/operator_choice.h"
#include "orchestrator/operators.h"
#include "orchestrator/parents.h"
#include "orchestrator/search_state.h"
#include "prompts/request.h"

namespace ballast::orchestrator {
namespace {

constexpr double kSaveSeconds = 10;  // between two notes of the time spent
constexpr double kTogether = 0.005;  // seconds after which what was done is stored

void usage(bool ok, const std::string& what) {
  if (!ok) throw Error(what, ExitCode::kUsage);
}

}  // namespace

Search::State::State(SearchConfig given, population::Archive& archive_,
                     evaluator::Evaluator& evaluator_, evaluator::Sandbox& probes,
                     const Clock& clock_, SearchObserver& observer_, Llm* llm_)
    : config(std::move(given)),
      archive(archive_),
      evaluator(evaluator_),
      clock(clock_),
      observer(observer_),
      llm(llm_),
      ledger(config),
      proposer(config, ledger, known, probes) {}

bool Search::State::out_of_evaluations() const {
  return config.max_evaluations > 0 &&
         spent.evaluations + static_cast<int64_t>(flights.size()) >= config.max_evaluations;
}

// Everything that can be done now; after a while the rest of it is left to the next turn, so that
// questions leave. What came is taken after every decision, so that a replay, which has another
// clock, takes it at the same places. With one worker the result that runs meanwhile waits for the
// end of it all, so that what is decided does not depend on how long a training takes.
void Search::State::fill(std::stop_token stop) {
  filled = false;
  const double until = clock.monotonic() + kTogether;
  do {
    hand_over_retries();
    if (!submit_one() && !propose_one()) {
      filled = true;
      return;
    }
    show_status(/*now=*/false);
    take_what_came();
  } while (!stop.stop_requested() && clock.monotonic() < until);
}

// All of it, before the next decision: a replay gives everything that came after a decision at
// once, too.
bool Search::State::take_what_came() {
  for (bool any = false;; any = true) {
    bool more = take_answers();
    if (config.workers > 1) {
      if (const auto result = evaluator.wait(0)) {
        handle(*result);
        more = true;
      }
    }
    if (!more) return any;
  }
}

// One commit for a turn and those that follow it at once, whatever comes in and goes out in them:
// requests to models leave after it, and an evaluation that a crash un-begins is begun again.
std::string Search::State::loop(std::stop_token stop) {
  std::optional<evaluator::EvaluationResult> result;
  while (true) {
    std::string end;
    store_together([&] {
      const double until = clock.monotonic() + kTogether;
      do {
        end = turn(std::exchange(result, std::nullopt), stop);
        if (end.empty() && filled) result = evaluator.wait(0);
      } while (result && clock.monotonic() < until);
    });
    if (end == "max_seconds") {
      phase = "stopping";
      drain(config.drain_seconds, stop);
      if (stop.stop_requested()) return "interrupted";
    }
    if (!end.empty()) return end;
    if (!result && filled) result = evaluator.wait(kPoll);
  }
}

// Takes what came, and does what that allows. Gives the reason when the search ends, else "".
std::string Search::State::turn(const std::optional<evaluator::EvaluationResult>& result,
                                std::stop_token stop) {
  if (result) {
    filled = false;  // it allows more
    handle(*result);
  }
  if (take_what_came()) filled = false;
  const bool out_of_time = config.max_seconds > 0 && seconds() >= config.max_seconds;
  if (!out_of_time && !stop.stop_requested()) {
    if (flights.empty() && out_of_evaluations()) return "max_evaluations";
    fill(stop);
  }
  if (out_of_time || stop.stop_requested()) {
    note_stop();
    return out_of_time ? "max_seconds" : "interrupted";
  }
  if (filled && flights.empty() && drafts.empty()) {
    if (out_of_evaluations()) return "max_evaluations";
    return money_spent ? "budget" : "exhausted";
  }
  if (seconds() >= seconds_saved + kSaveSeconds) save_seconds();
  show_status(/*now=*/false);
  return "";
}

// An Error does not undo what was done before it.
void Search::State::store_together(const std::function<void()>& turn) {
  std::exception_ptr failed;
  try {
    archive.together([&] {
      try {
        turn();
      } catch (const Error&) {
        failed = std::current_exception();
      }
    });
  } catch (const Error&) {
    if (!failed) throw;  // else it was the archive that failed, and the first error says how
  }
  if (failed) std::rethrow_exception(failed);
  SearchEvent event;
  event.kind = SearchEventKind::kStored;
  observer.event(event);
}

// From here on results are stored and nothing new is begun: a replay must know where
// (replay_run.h).
void Search::State::note_stop() {
  archive.add_event("stopping", Json({{"running", flights.size()},
                                      {"filled", filled},
                                      {"steps", steps},
                                      {"arrivals", arrivals}})
                                    .dump());
}

// Lets what runs come to its end, for a while. Answers of models are stored and used by the next
// start.
void Search::State::drain(double most, std::stop_token stop) {
  const double end = clock.monotonic() + most;
  const auto asking = [&] { return llm != nullptr && llm->pending() > 0; };
  while ((evaluator.pending() > 0 || asking()) && clock.monotonic() < end &&
         !stop.stop_requested()) {
    if (const auto result = evaluator.wait(kPoll)) handle(*result);
    if (asking()) llm->wait(0);
    show_status(/*now=*/false);
  }
}

// A result that comes now is kept, but not where proposals that should have been made without
// knowing it are still to be made (see fill): it is measured again.
void Search::State::cancel() {
  phase = "stopping";
  cancel_drafts();
  evaluator.cancel();
  while (evaluator.pending() > 0) {
    const auto result = evaluator.wait(kPoll);
    if (result && (filled || config.workers > 1)) handle(*result);
  }
}

void Search::State::save_seconds() {
  seconds_saved = seconds();
  archive.put_state("search.seconds", json_number(seconds_saved).dump());
}

void validate(const SearchConfig& config) {
  usage(config.workers >= 1, "workers: at least 1");
  usage(config.rungs.size() >= 2, "rungs: at least two are needed");
  usage(config.rungs[0].seeds == 1, "rungs: rung 1 has one seed, on which coefficients are chosen");
  for (const RungConfig& rung : config.rungs)
    usage(rung.tokens >= tokens_per_step(config.spec.schedule) && rung.seeds >= 1,
          "rungs: each needs a seed and the tokens of at least one step, " +
              std::to_string(tokens_per_step(config.spec.schedule)));
  usage(config.eta > 1, "eta: above 1");
  usage(config.coefficient_trials >= 1 && config.coefficient_step > 1,
        "coefficient_trials: at least 1; coefficient_step: above 1");
  usage(config.elites >= 1 && config.resamples >= 1, "elites, resamples: at least 1");
  usage(config.builtin_seeds >= 1, "builtin_seeds: at least 1");
  const bool has_reference =
      std::any_of(config.builtins.begin(), config.builtins.end(),
                  [&](const BuiltinConfig& b) { return b.name == config.reference; });
  usage(has_reference, "reference: " + config.reference + " is not among the built-ins");
  for (const std::string& name : config.first_seeds) {
    const bool given = std::any_of(config.seeds.begin(), config.seeds.end(),
                                   [&](const SeedText& text) { return text.name == name; });
    usage(given || (config.use_shipped && candidate::find_shipped(name)),
          "first_seeds: there is no text named " + name + "; `ballast losses` lists those shipped");
  }
  usage(config.coefficient_refinements >= 0, "coefficient_refinements: at least 0");
  usage(config.islands >= 1 && config.migration_every >= 0 && config.migration_size >= 1,
        "islands, migration_size: at least 1; migration_every: at least 0");
  const auto rules = parent_rules();
  usage(std::find(rules.begin(), rules.end(), config.parents) != rules.end(),
        "parents: unknown rule " + config.parents);
  const auto bandits = bandit_rules();
  usage(std::find(bandits.begin(), bandits.end(), config.bandit) != bandits.end(),
        "bandit: unknown rule " + config.bandit);
  usage(config.bandit_floor >= 0 && config.bandit_floor <= 1, "bandit_floor: between 0 and 1");
  usage(config.repair_turns >= 0 && config.notes_every >= 0 && config.models.in_flight >= 1 &&
            config.usd_tokens >= 0,
        "repair_turns, notes_every, bandit_usd_tokens: at least 0; calls_in_flight: at least 1");
  text_rule(config.text_novelty, !config.models.judge.empty());
  double total = 0;
  for (const OperatorConfig& op : config.operators) {
    const auto& names = op.model.empty() ? operator_names() : prompts::operators();
    usage(std::find(names.begin(), names.end(), op.name) != names.end(),
          "operators: unknown operator " + op.name);
    usage(op.weight >= 0, "operators." + op.name + ": at least 0");
    total += op.weight;
  }
  usage(total > 0, "operators: at least one needs a weight above 0");
}

Search::Search(SearchConfig config, population::Archive& archive, evaluator::Evaluator& evaluator,
               evaluator::Sandbox& probes, const Clock& clock, SearchObserver& observer, Llm* llm) {
  validate(config);
  for (const OperatorConfig& op : config.operators)
    usage(op.model.empty() || llm != nullptr, "models: nobody answers for " + op.model);
  usage(config.workers == evaluator.workers(), "workers: " + std::to_string(config.workers) +
                                                   ", but the evaluator has " +
                                                   std::to_string(evaluator.workers()));
  state_ =
      std::make_unique<State>(std::move(config), archive, evaluator, probes, clock, observer, llm);
}

Search::~Search() = default;

SearchEnd Search::run(std::stop_token stop) {
  State& s = *state_;
  s.load();
  s.take_up_drafts();
  s.show_status(/*now=*/true);
  SearchEnd end;
  end.reason = s.loop(stop);
  s.cancel();
  s.put_bandit();
  s.save_seconds();
  s.archive.end_run(end.reason);
  s.archive.checkpoint();
  s.phase = "ended";
  s.show_status(/*now=*/true);
  end.status = s.status();
  end.verdict = verdict(s.config, s.archive.candidates(), s.archive.evaluations());
  return end;
}

}  // namespace ballast::orchestrator
