// Starting and resuming: the archive's rows become the search's state.
#include <map>

#include "candidate/shipped.h"
#include "common/error.h"
#include "common/json.h"
#include "orchestrator/llm/vector_text.h"
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

  if (!config.models.summary.empty()) archive.add_event("models", config.models.summary);
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

void Search::State::know(const population::CandidateRow& candidate, std::string_view op,
                         std::span<const float> embedding) {
  ledger.add(candidate, op);
  known.add(candidate.fingerprint);
  texts.add(texts.takes(embedding) ? embedding : std::span<const float>());
}

void Search::State::load_candidates() {
  const std::vector<population::ProposalRow> rows = archive.proposals();
  std::map<std::string_view, size_t> births;         // by identity: the proposal
  std::map<int64_t, std::vector<float>> embeddings;  // by the proposal's row
  for (const auto& [proposal, text] : archive.last_replies("embed"))
    if (auto vector = parse_vector_text(text)) embeddings[proposal] = std::move(*vector);
  for (const population::ProposalRow& row : rows)
    made.push_back(
        {.op = row.op, .reason = row.reason, .detail = row.detail, .outcome = row.outcome});
  load_drafts();
  for (const population::ProposalRow& row : rows) {
    const std::string arm = arm_name({row.op, 1, made[static_cast<size_t>(proposals)].model});
    OperatorCount& count = operators[arm];
    count.name = arm;
    ++count.proposals;
    const bool accepted = row.reason == "accepted";
    if (accepted) {
      ++count.accepted;
      births.emplace(row.identity, static_cast<size_t>(proposals));
      ++(row.op == "seed" ? seeds_known : children_known);
    }
    ++proposals;
    if (row.op == "seed")
      seed_sources.insert(row.source);
    else if (row.reason != "call")
      rejected_in_row = accepted ? 0 : rejected_in_row + 1;
  }
  for (const population::CandidateRow& candidate : archive.candidates()) {
    if (ledger.is_configured_builtin(candidate.identity)) know(candidate, "");
    const auto birth = births.find(candidate.identity);
    if (birth == births.end()) continue;  // stored for another purpose
    const population::ProposalRow& row = rows[birth->second];
    const auto vector = embeddings.find(static_cast<int64_t>(birth->second) + 1);
    know(candidate, arm_name({row.op, 1, made[birth->second].model}),
         vector == embeddings.end() ? std::span<const float>() : vector->second);
    if (row.parents.empty()) continue;
    if (const auto parent = ledger.find(row.parents[0])) ledger.add_child(*parent);
  }
  if (config.islands > 1) load_islands(rows);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].reason == "accepted") made[i].child = ledger.find(rows[i].identity);
    if (!rows[i].parents.empty()) made[i].parent = ledger.find(rows[i].parents[0]);
  }
  if (const auto text = archive.state("search.paused")) {
    const Json j = parse_json(*text, "state search.paused");
    ObjectReader in(j, "state search.paused");
    paused_proposals = in.integer("proposals");
    paused_evaluations = in.integer("evaluations");
    in.done();
  }
}

// Proposals' rows are numbered from 1 in the order of `made`.
void Search::State::load_drafts() {
  for (const population::DraftRow& row : archive.drafts()) {
    last_draft = row.number;
    usd += row.usd;
    if (row.op == kNotes) continue;
    ++drafts_asked;
    if (!row.proposal) continue;
    ++drafts_ended;
    Made& record = made[static_cast<size_t>(*row.proposal - 1)];
    record.model = row.model;
    record.usd = row.usd;
  }
  if (const auto text = archive.state("search.notes")) scratchpad = scratchpad_from_json(*text);
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
  // Those that ran when a search was killed come first now: a replay must know how many there were.
  const auto ours = std::count_if(rows.begin(), rows.end(),
                                  [](const auto& row) { return row.purpose != "train"; });
  archive.add_event("start", Json({{"evaluations", ours}}).dump());
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
