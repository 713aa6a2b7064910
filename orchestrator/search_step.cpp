// What the search does between two results: hand over evaluations, make proposals, store what came.
#include <algorithm>
#include <cmath>
#include <utility>

#include "common/error.h"
#include "common/json.h"
#include "orchestrator/elites.h"
#include "orchestrator/islands.h"
#include "orchestrator/plan.h"
#include "orchestrator/search_state.h"

namespace ballast::orchestrator {

bool Search::State::submit_one() {
  if (flights.size() >= static_cast<size_t>(config.workers) || out_of_evaluations()) return false;
  std::optional<Want> want;
  while (!want && !unfinished.empty()) {
    if (wanted(ledger, unfinished.front())) want = unfinished.front();
    unfinished.pop_front();
  }
  if (!want) want = next_want(ledger);
  if (!want) return false;

  Flight flight{*want};
  const RungConfig& rung = config.rungs[static_cast<size_t>(want->rung - 1)];
  flight.id = archive.begin_evaluation(ledger.key(*want), ledger.purpose(*want), rung.tokens);
  flight.attempt = archive.attempt(flight.id);
  ledger.begin(*want);
  ++steps;
  if (phase == "built-ins" && !ledger.entries()[want->entry].builtin) phase = "search";
  hand_over(flight);
  return true;
}

void Search::State::hand_over(const Flight& flight) {
  const Entry& entry = ledger.entries()[flight.want.entry];
  evaluator::EvaluationRequest request;
  request.id = flight.id;
  request.attempt = flight.attempt;
  if (entry.builtin)
    request.balancer.builtin = entry.name;
  else
    request.balancer.source = entry.source;
  request.coefficient = evaluator::coefficient_value(flight.want.coefficient);
  request.unit = entry.unit;
  request.seed = ledger.key(flight.want).seed;
  request.tokens = config.rungs[static_cast<size_t>(flight.want.rung - 1)].tokens;
  request.progress_tokens = config.rungs.back().tokens;
  flights[flight.id] = flight;
  tell(SearchEventKind::kStarted, flight, Outcome::kOk, 0, "");
  evaluator.submit(std::move(request));
}

// An evaluation that ended through no fault of its own keeps its slot and runs again after a while.
void Search::State::hand_over_retries() {
  for (auto& [id, flight] : flights) {
    if (flight.not_before == 0 || clock.monotonic() < flight.not_before) continue;
    flight.not_before = 0;
    archive.begin_evaluation(ledger.key(flight.want), ledger.purpose(flight.want),
                             config.rungs[static_cast<size_t>(flight.want.rung - 1)].tokens);
    flight.attempt = archive.attempt(id);
    hand_over(Flight(flight));
  }
}

// Too many proposals in a row were not new, since the last one that was or the last pause.
bool Search::State::fruitless() const {
  return std::min(rejected_in_row, proposals - paused_proposals) >= config.resamples;
}

bool Search::State::propose_one() {
  if (waiting_children(ledger) >= 2 * config.workers || money_spent ||
      paused_evaluations == spent.evaluations)
    return false;
  if (notes_due()) {
    ask_for_notes();
    return true;
  }
  // What models take their time for is worth waiting for, unless a core would have nothing to do.
  if (drafts_full() && waiting_children(ledger) >= config.workers) return false;
  const int64_t turn = next_turn();
  std::optional<int> island;
  if (config.islands > 1) island = island_of_proposal(turn, config.islands);
  const std::vector<Elite> parents = elites(ledger, island);
  if (parents.empty()) return false;
  if (fruitless()) {  // another result may bring other parents
    archive.put_state("search.paused",
                      Json({{"proposals", proposals}, {"evaluations", spent.evaluations}}).dump());
    paused_proposals = proposals;
    paused_evaluations = spent.evaluations;
    ++steps;
    SearchEvent event;
    event.kind = SearchEventKind::kPaused;
    observer.event(event);
    return false;
  }
  SearchEvent event;
  event.kind = SearchEventKind::kProposing;
  event.number = proposals + 1;
  observer.event(event);
  Bandit bandit = history.bandit(ledger, made);
  for (const auto& [number, draft] : drafts)
    if (draft.arm) orchestrator::submit(bandit, *draft.arm);
  auto next = proposer.make({turn, child_suffix(proposals + 1)}, parents, bandit, closed_arms());
  if (!next) return false;
  if (const auto* question = std::get_if<Question>(&*next)) {
    ask(*question, island);
  } else {
    auto& proposal = std::get<Proposal>(*next);
    proposal.island = island;
    store(proposal);
  }
  return true;
}

// Answers come later than questions: a turn is counted when it is taken.
int64_t Search::State::next_turn() const { return proposals - drafts_ended + drafts_asked + 1; }

std::vector<int> Search::State::islands_of(int64_t number, std::string_view op,
                                           std::string_view name, int64_t seeds) const {
  if (op == "seed") return islands_of_seed(config, name, seeds);
  return {island_of_proposal(number, config.islands)};
}

// Where a new candidate lives, and who migrates because it came.
std::vector<population::MembershipRow> Search::State::memberships_after(
    const Proposal& proposal) const {
  std::vector<population::MembershipRow> out;
  if (config.islands == 1 || !proposal.candidate) return out;
  const int64_t number = proposals + 1;
  const std::vector<int> islands =
      proposal.island ? std::vector<int>{*proposal.island}
                      : islands_of(number, proposal.row.op, proposal.candidate->name, seeds_known);
  for (const int island : islands)
    out.push_back({proposal.candidate->identity, island, std::nullopt, number});
  if (proposal.row.op == "seed" || !migration_due(config, children_known + 1)) return out;
  for (const Migrant& migrant : migrants(ledger))
    out.push_back({ledger.entries()[migrant.entry].identity, migrant.to, migrant.from, number});
  return out;
}

void Search::State::store(const Proposal& proposal, const Draft* draft) {
  const std::vector<population::MembershipRow> memberships = memberships_after(proposal);
  archive.together([&] {
    const int64_t row = archive.add_proposal(proposal.row);
    if (draft != nullptr) archive.end_draft(draft->row.number, row);
    if (proposal.candidate) archive.add_candidate(*proposal.candidate);
    for (const population::MembershipRow& row : memberships) archive.add_membership(row);
  });
  ++proposals;
  ++steps;
  Made record{proposal.row.op, std::nullopt, std::nullopt};
  record.reason = proposal.row.reason;
  record.detail = proposal.row.detail;
  record.outcome = proposal.row.outcome;
  if (draft != nullptr) {
    ++drafts_ended;
    record.model = draft->row.model;
    record.usd = draft->usd;
  }
  OperatorCount& count = operators[arm_name({record.op, 1, record.model})];
  count.name = arm_name({record.op, 1, record.model});
  ++count.proposals;
  if (!proposal.row.parents.empty()) record.parent = ledger.find(proposal.row.parents[0]);
  if (proposal.candidate) {
    ++count.accepted;
    if (record.parent) ledger.add_child(*record.parent);
    know(*proposal.candidate, count.name,
         draft != nullptr ? std::span<const float>(draft->embedding) : std::span<const float>());
    record.child = ledger.find(proposal.candidate->identity);
    ++(proposal.row.op == "seed" ? seeds_known : children_known);
    for (const auto& row : memberships) ledger.settle(*ledger.find(row.identity), row.island);
  }
  made.push_back(std::move(record));
  if (proposal.row.op != "seed" && proposal.row.reason != "call")
    rejected_in_row = proposal.candidate ? 0 : rejected_in_row + 1;

  SearchEvent event;
  event.kind = SearchEventKind::kProposed;
  event.number = proposals;
  event.identity = proposal.row.identity;
  if (proposal.candidate) event.name = proposal.candidate->name;
  event.text = proposal.row.reason;
  event.outcome = proposal.row.outcome;
  observer.event(event);
}

void Search::State::handle(const evaluator::EvaluationResult& result) {
  const auto it = flights.find(result.id);
  if (it == flights.end() || it->second.attempt != result.attempt)
    return;  // of a cancelled attempt
  Flight& flight = it->second;
  Outcome outcome = result.outcome;
  std::string message = result.message;
  std::optional<double> objective;
  if (outcome == Outcome::kOk) {
    objective = ledger.objective(result.metrics);
    if (!objective) {
      outcome = Outcome::kNonfinite;
      message = "a metric of the objective " + config.objective + " is missing or not finite";
    }
  }
  if (outcome == Outcome::kInfra) {
    archive.finish_evaluation(result.id, result.attempt, outcome, message, {}, result.seconds,
                              result.sandbox_level);
    tell(SearchEventKind::kRetried, flight, outcome, result.seconds, message);
    if (++flight.troubles > config.infra_retries)
      throw Error("evaluation " + std::to_string(result.id) + " of " +
                  ledger.entries()[flight.want.entry].name + " failed " +
                  std::to_string(flight.troubles) + " times through no fault of the candidate: " +
                  message + "; run `ballast doctor`, then start the search again");
    flight.not_before = clock.monotonic() + config.infra_delay * std::exp2(flight.troubles - 1);
    return;
  }
  const Flight done = flight;
  flights.erase(it);
  if (outcome == Outcome::kCancelled) {
    ledger.cancel(done.want);
    return;
  }
  tell(SearchEventKind::kFinishing, done, outcome, result.seconds, message);
  store_result(done, result, outcome, message, objective.value_or(0));
  tell(SearchEventKind::kFinished, done, outcome, result.seconds, message);
}

void Search::State::store_result(const Flight& flight, const evaluator::EvaluationResult& result,
                                 Outcome outcome, std::string_view message, double objective) {
  archive.together([&] {
    const bool ours =
        archive.finish_evaluation(flight.id, flight.attempt, outcome, message, result.metrics,
                                  result.seconds, result.sandbox_level);
    if (!ours)
      throw Error("evaluation " + std::to_string(flight.id) +
                  " was finished by another process: only one search may use an archive");
    archive.add_arrival({.evaluation = flight.id, .steps = steps});
    for (const Ledger::Changed& changed : ledger.finish(flight.want, outcome, objective))
      put_estimate(changed);
    if (clock.monotonic() >= bandit_stored + kBanditSeconds) put_bandit();
  });
  ++arrivals;
  check_reference();
  ++spent.evaluations;
  if (outcome != Outcome::kOk) ++spent.failed;
  spent.tokens += config.rungs[static_cast<size_t>(flight.want.rung - 1)].tokens;
}

void Search::State::check_reference() const {
  const Entry& reference = ledger.entries()[ledger.reference()];
  if (reference.failed)
    throw Error("the reference " + reference.name + " failed at coefficient " +
                reference.coefficient + ", rung " + std::to_string(reference.failed_rung) +
                ": no candidate can be compared with it; give it another coefficient");
}

void Search::State::put_bandit() {
  bandit_stored = clock.monotonic();
  Json arms = Json::array();
  for (const ArmStatus& arm : arm_status(config, history.bandit(ledger, made)))
    arms.push_back({{"operator", arm.name},
                    {"submitted", arm.submitted},
                    {"completed", arm.completed},
                    {"mean_reward", arm.mean_reward ? Json(*arm.mean_reward) : Json()},
                    {"share", arm.share}});
  archive.put_state("search.bandit", Json({{"rule", config.bandit}, {"arms", arms}}).dump());
}

void Search::State::put_estimate(const Ledger::Changed& changed) {
  const Entry& entry = ledger.entries()[changed.entry];
  const auto& estimate = entry.estimates[static_cast<size_t>(changed.rung - 1)];
  if (!estimate) {
    archive.remove_estimate(entry.identity, changed.rung);
    return;
  }
  population::EstimateRow row;
  row.identity = entry.identity;
  row.rung = changed.rung;
  row.coefficient = entry.coefficient_at(changed.rung);
  row.pairs = estimate->pairs;
  row.mean_difference = estimate->mean;
  row.standard_error = estimate->standard_error();
  archive.put_estimate(row);
}

}  // namespace ballast::orchestrator
