// Starting and resuming: the archive's rows become the search's state.
#include <map>

#include "candidate/shipped.h"
#include "common/error.h"
#include "common/json.h"
#include "orchestrator/plan.h"
#include "orchestrator/search_state.h"

namespace ballast::orchestrator {
namespace {

constexpr std::string_view kRungsKey = "search.rungs";

std::string rungs_json(const SearchConfig& config) {
  Json j = Json::array();
  for (const RungConfig& rung : config.rungs)
    j.push_back({{"tokens", rung.tokens}, {"block", static_cast<int>(rung.block)}});
  return j.dump();
}

}  // namespace

void Search::State::load() {
  population::RunRow run;
  run.config = config.config_text;
  run.config_hash = config.config_hash;
  run.seed = config.seed;
  run.build = config.build;
  run.spec = to_json(config.spec);
  run.spec_hash = spec_hash(config.spec);
  run.objective = config.objective;
  run.mu = config.mu;
  run.target = config.target;
  run.reference = "builtin:" + config.reference;
  archive.begin_run(run);
  check_rungs();
  if (const auto text = archive.state("search.seconds"))
    seconds_before = number_from(parse_json(*text, "state search.seconds"), "search.seconds");
  seconds_saved = seconds_before;
  started = clock.monotonic();

  load_candidates();
  add_builtins();
  load_evaluations();
  check_reference();
  store_differing_estimates();
  add_seeds();
}

// A rung's tokens are not part of an evaluation's key: they may not change within a run.
void Search::State::check_rungs() {
  const std::string now = rungs_json(config);
  const auto before = archive.state(kRungsKey);
  if (!before) {
    archive.put_state(kRungsKey, now);
  } else if (*before != now) {
    throw Error("this archive's run has the rungs " + *before + ", the configuration has " + now +
                    ": results of different budgets cannot be compared; give the search another "
                    "archive, or its old rungs",
                ExitCode::kUsage);
  }
}

void Search::State::know(const population::CandidateRow& candidate, std::string_view op) {
  ledger.add(candidate, op);
  known.add(candidate.fingerprint);
}

void Search::State::load_candidates() {
  const std::vector<population::ProposalRow> rows = archive.proposals();
  std::map<std::string_view, const population::ProposalRow*> births;  // by identity
  for (const population::ProposalRow& row : rows) {
    ++proposals;
    OperatorCount& count = operators[row.op];
    count.name = row.op;
    ++count.proposals;
    const bool accepted = row.reason == "accepted";
    if (accepted) {
      ++count.accepted;
      births.emplace(row.identity, &row);
      ++(row.op == "seed" ? seeds_known : children_known);
    }
    if (row.op == "seed")
      seed_sources.insert(row.source);
    else
      rejected_in_row = accepted ? 0 : rejected_in_row + 1;
  }
  for (const population::CandidateRow& candidate : archive.candidates()) {
    if (ledger.is_configured_builtin(candidate.identity)) know(candidate, "");
    const auto birth = births.find(candidate.identity);
    if (birth == births.end()) continue;  // stored for another purpose
    know(candidate, birth->second->op);
    if (birth->second->parents.empty()) continue;
    if (const auto parent = ledger.find(birth->second->parents[0])) ledger.add_child(*parent);
  }
  if (config.islands > 1) load_islands(rows);
  for (const population::ProposalRow& row : rows) {
    Made record{row.op, std::nullopt, std::nullopt};
    if (row.reason == "accepted") record.child = ledger.find(row.identity);
    if (!row.parents.empty()) record.parent = ledger.find(row.parents[0]);
    made.push_back(std::move(record));
  }
  if (const auto text = archive.state("search.paused")) {
    const Json j = parse_json(*text, "state search.paused");
    ObjectReader in(j, "state search.paused");
    paused_proposals = in.integer("proposals");
    paused_evaluations = in.integer("evaluations");
    in.done();
  }
}

// Candidates of a start with fewer islands than now, or one, may have no island: they get one.
void Search::State::load_islands(const std::vector<population::ProposalRow>& rows) {
  for (const population::MembershipRow& row : archive.memberships())
    if (const auto entry = ledger.find(row.identity))
      ledger.settle(*entry, row.island % config.islands);
  int64_t number = 0, seeds = 0;
  archive.together([&] {
    for (const population::ProposalRow& row : rows) {
      ++number;
      if (row.reason != "accepted") continue;
      const int64_t seed = row.op == "seed" ? seeds++ : seeds;
      const auto entry = ledger.find(row.identity);
      if (!entry || !ledger.entries()[*entry].islands.empty()) continue;
      for (const int island : islands_of(number, row.op, ledger.entries()[*entry].name, seed)) {
        archive.add_membership({row.identity, island, std::nullopt, number});
        ledger.settle(*entry, island);
      }
    }
  });
}

void Search::State::add_builtins() {
  for (const BuiltinConfig& builtin : config.builtins) {
    population::CandidateRow row;
    row.identity = "builtin:" + builtin.name;
    row.name = builtin.name;
    row.track = builtin_track(builtin.name);
    if (archive.add_candidate(row)) know(row, "");
  }
}

void Search::State::load_evaluations() {
  const std::vector<population::EvaluationRow> rows = archive.evaluations();
  spent = replay(rows, ledger);
  if (spent.unused > 0)
    archive.add_event("left aside", std::to_string(spent.unused) +
                                        " finished evaluations belong to another build, device or "
                                        "configuration: they count as spent, not as measured");
  for (const population::EvaluationRow& row : rows) {  // in the order in which they were begun
    if (row.outcome || row.purpose == "train") continue;
    const std::optional<Want> want = ledger.want_of(row.key);
    if (want && wanted(ledger, *want)) unfinished.push_back(*want);
  }
}

// Estimates follow from evaluations; those that a kill kept from being written are written now.
void Search::State::store_differing_estimates() {
  std::map<std::pair<std::string, int>, population::EstimateRow> stored;
  for (population::EstimateRow& row : archive.estimates())
    stored.emplace(std::pair(row.identity, row.rung), std::move(row));
  archive.together([&] {
    for (size_t i = 0; i < ledger.entries().size(); ++i) {
      const Entry& entry = ledger.entries()[i];
      for (int rung = 1; rung <= ledger.rungs(); ++rung) {
        const auto& now = entry.estimates[static_cast<size_t>(rung - 1)];
        const auto before = stored.find({entry.identity, rung});
        const bool same = before == stored.end()
                              ? !now
                              : now && before->second.pairs == now->pairs &&
                                    before->second.mean_difference == now->mean &&
                                    before->second.standard_error == now->standard_error() &&
                                    before->second.coefficient == entry.coefficient_at(rung);
        if (!same) put_estimate({i, rung});
      }
    }
  });
}

void Search::State::add_seeds() {
  std::vector<SeedText> texts = config.seeds;
  if (config.use_shipped)
    for (const auto& text : candidate::shipped())
      texts.push_back({std::string(text.name), std::string(text.text)});
  for (const SeedText& text : texts)
    if (seed_sources.insert(text.source).second) store(proposer.seed(proposals + 1, text));
}

}  // namespace ballast::orchestrator
