// What the ledger keeps about its entries, against a look at all of them.
#include "orchestrator/roster.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "common/rng.h"
#include "evaluator/rungs.h"
#include "orchestrator/elites.h"
#include "orchestrator/standing.h"
#include "tests/orchestrator/game.h"

namespace ballast::orchestrator {
namespace {

using Indices = Roster::Indices;

Indices which(const Ledger& ledger, const std::function<bool(const Entry&)>& holds) {
  Indices out;
  for (size_t i = 0; i < ledger.entries().size(); ++i)
    if (!ledger.entries()[i].builtin && holds(ledger.entries()[i])) out.insert(i);
  return out;
}

Indices ranked(const Ranking& ranking) {
  Indices out;
  for (size_t i = 0; i < ranking.size(); ++i) out.insert(ranking[i].entry);
  return out;
}

void expect_lists(const Ledger& ledger) {
  const Roster& roster = ledger.roster();
  for (int rung = 1; rung <= ledger.rungs(); ++rung) {
    const auto r = static_cast<size_t>(rung - 1);
    const Roster::Rung& list = roster.rung(rung);
    const bool last = rung == ledger.rungs();
    const auto climbed = [&](const Entry& e) { return !last && e.climbs_from(rung); };
    EXPECT_EQ(list.finished, which(ledger, [&](const Entry& e) {
                return ledger.complete(e, rung) || climbed(e) || e.failed_rung == rung;
              }));
    EXPECT_EQ(list.ready, which(ledger, [&](const Entry& e) {
                return ledger.complete(e, rung) && !climbed(e);
              }));
    EXPECT_EQ(Indices(list.estimates.entries.begin(), list.estimates.entries.end()),
              which(ledger, [&](const Entry& e) { return e.estimates[r].has_value(); }));
    EXPECT_EQ(Indices(list.complete.entries.begin(), list.complete.entries.end()),
              which(ledger, [&](const Entry& e) { return ledger.complete(e, rung); }));
    for (const auto* some : {&list.estimates, &list.complete})
      for (size_t i = 0; i < some->entries.size(); ++i)
        EXPECT_EQ(some->summaries[i], *ledger.entries()[some->entries[i]].estimates[r]);
    if (rung == 1) continue;
    const auto climbs = [&](const Entry& e) { return !e.failed && e.climbs_from(rung - 1); };
    EXPECT_EQ(list.climbers, which(ledger, climbs));
    EXPECT_EQ(list.climbing, which(ledger, [&](const Entry& e) {
                int measured = 0;
                for (int seed = 0; seed < ledger.seeds(e, rung); ++seed)
                  measured += e.scores[r][static_cast<size_t>(seed)] ? 1 : 0;
                return climbs(e) && measured < ledger.seeds(e, rung);
              }));
  }
  const auto& first = ledger.config().first_seeds;
  const auto is_first = [&](const Entry& e) {
    return e.op == "seed" && std::ranges::count(first, e.name) > 0;
  };
  const auto is_text = [](const Entry& e) { return e.op == "seed"; };
  EXPECT_EQ(roster.children(),
            which(ledger, [&](const Entry& e) { return !is_text(e) && !e.started(); }));
  EXPECT_EQ(roster.children_begun(),
            which(ledger, [&](const Entry& e) { return !is_text(e) && e.started(); }).size());
  EXPECT_EQ(roster.texts(), which(ledger, [&](const Entry& e) {
              return is_text(e) && !is_first(e) && !e.started();
            }));
  EXPECT_EQ(roster.texts_begun(), which(ledger, [&](const Entry& e) {
                                    return is_text(e) && !is_first(e) && e.started();
                                  }).size());
  Indices firsts;
  for (const auto& [rank, index] : roster.first_texts()) {
    EXPECT_EQ(ledger.entries()[index].name, first[rank]);
    firsts.insert(index);
  }
  EXPECT_EQ(firsts, which(ledger, [&](const Entry& e) { return is_first(e) && !e.started(); }));
  EXPECT_EQ(roster.between_trials(), which(ledger, [](const Entry& e) {
              return !e.trials.empty() && e.ladder == 0 && e.next_trial && e.running.empty();
            }));
  EXPECT_EQ(roster.at_the_top(),
            which(ledger, [](const Entry& e) { return !e.failed && e.begun.back() > 0; }));
  EXPECT_EQ(Indices(roster.measured().begin(), roster.measured().end()),
            which(ledger, [](const Entry& e) { return !e.failed && e.highest_rung() > 0; }));
  EXPECT_EQ(ranked(roster.first_rung()),
            which(ledger, [](const Entry& e) { return e.estimates[0].has_value(); }));
  EXPECT_EQ(ranked(roster.first_rung_only()),
            which(ledger, [](const Entry& e) { return !e.failed && e.highest_rung() == 1; }));
  EXPECT_EQ(ranked(roster.first_rung_climbed()),
            which(ledger, [](const Entry& e) { return e.estimates[0] && e.climbs_from(1); }));
  EXPECT_EQ(ranked(roster.first_rung_ready()), roster.rung(1).ready);
}

// Posteriors and who may climb, worked out from all estimates of a rung at once.
void expect_standings(const Ledger& ledger) {
  std::vector<evaluator::Summary> upper;
  for (size_t r = 1; r < ledger.config().rungs.size(); ++r)
    for (size_t i = 0; i < ledger.entries().size(); ++i) {
      const Entry& entry = ledger.entries()[i];
      if (i != ledger.reference() && entry.track != "none" && entry.estimates[r])
        upper.push_back(*entry.estimates[r]);
    }
  const auto prior = evaluator::fit_prior(upper);
  const auto& kept = variance_prior(ledger);
  ASSERT_EQ(kept.has_value(), prior.has_value());
  if (prior) {
    EXPECT_NEAR(kept->variance, prior->variance, 1e-12 * prior->variance);
  }

  for (int rung = 1; rung <= ledger.rungs(); ++rung) {
    const auto r = static_cast<size_t>(rung - 1);
    std::vector<evaluator::Summary> summaries;
    std::vector<size_t> whose;
    for (const size_t i :
         which(ledger, [&](const Entry& e) { return e.estimates[r].has_value(); })) {
      summaries.push_back(*ledger.entries()[i].estimates[r]);
      whose.push_back(i);
    }
    const auto believed = shrunk(summaries, kept);
    evaluator::RungStanding all;
    for (size_t k = 0; k < whose.size(); ++k) {
      const auto one = standing(ledger, whose[k], rung);
      ASSERT_TRUE(one);
      EXPECT_DOUBLE_EQ(one->mean, believed[k].mean) << whose[k] << " at rung " << rung;
      EXPECT_DOUBLE_EQ(one->standard_error, believed[k].standard_error);
    }
    if (rung < ledger.rungs()) {
      for (const size_t i : promotable(ledger, rung))
        EXPECT_TRUE(ledger.complete(ledger.entries()[i], rung) &&
                    !ledger.entries()[i].climbs_from(rung));
    }
    if (rung == ledger.rungs() ||
        ledger.config().rungs[static_cast<size_t>(rung)].block == SeedBlock::kC)
      continue;
    for (size_t i = 0; i < ledger.entries().size(); ++i) {
      const Entry& entry = ledger.entries()[i];
      const bool climbed = entry.climbs_from(rung);
      if (entry.builtin || !(ledger.complete(entry, rung) || climbed || entry.failed_rung == rung))
        continue;
      const auto place = std::ranges::find(whose, i);
      all.finished.push_back({i, std::nullopt});
      if (place != whose.end())
        all.finished.back().score = believed[static_cast<size_t>(place - whose.begin())].mean;
      if (climbed) all.promoted.insert(i);
    }
    EXPECT_EQ(promotable(ledger, rung), evaluator::promotable(all, ledger.config().eta)) << rung;
  }
}

void expect_best(const Ledger& ledger) {
  std::vector<Standing> all;
  for (const size_t i : ledger.roster().measured()) all.push_back(standing(ledger, i));
  std::ranges::sort(all, better);
  const auto odd = [](size_t i) { return i % 2 == 1; };
  std::vector<size_t> expected, found;
  for (const Standing& one : all)
    if (odd(one.entry) && expected.size() < 5) expected.push_back(one.entry);
  for (const Elite& elite : best(ledger, 5, odd)) found.push_back(elite.entry);
  EXPECT_EQ(found, expected);
}

// A search of some hundred steps: texts and children come, evaluations begin, end well or badly, or
// are cancelled.
void play(const SearchConfig& config, uint64_t seed) {
  Game game(config);
  Rng rng(seed, "roster");
  std::vector<Want> running;
  int top = 0, failed = 0;
  for (int step = 0; step < 400; ++step) {
    switch (rng.below(6)) {
      case 0:
        game.add("x" + std::to_string(step), rng.below(4) == 0 ? "seed" : "mutate");
        break;
      case 1:
      case 2:
        if (const auto want = next_want(game.ledger)) {
          game.ledger.begin(*want);
          running.push_back(*want);
        }
        break;
      default:
        if (running.empty()) break;
        const auto at = running.begin() + rng.below(static_cast<int64_t>(running.size()));
        const Want want = *at;
        running.erase(at);
        const int64_t luck = game.entry(want.entry).builtin ? 99 : rng.below(60);
        if (luck == 0)
          game.ledger.cancel(want);
        else if (luck < 5)
          game.ledger.finish(want, luck < 3 ? Outcome::kDiverged : Outcome::kCrash, 0);
        else
          game.ledger.finish(want, Outcome::kOk, 2 + 0.1 * rng.normal());
    }
    expect_lists(game.ledger);
    expect_standings(game.ledger);
    expect_best(game.ledger);
    if (testing::Test::HasFailure()) FAIL() << "seed " << seed << ", step " << step;
  }
  for (const Entry& entry : game.ledger.entries()) {
    if (!entry.builtin && entry.begun.back() > 0) ++top;
    if (entry.failed) ++failed;
  }
  EXPECT_GT(failed, 0);
  EXPECT_GT(top, 0);
}

TEST(Roster, HoldsWhatALookAtAllEntriesFinds) {
  SearchConfig config = config_of();
  config.eta = 1.4;
  config.first_seeds = {"x20", "x3"};
  for (uint64_t seed = 1; seed <= 5; ++seed) play(config, seed);
  config.coefficient_refinements = 2;
  for (uint64_t seed = 6; seed <= 8; ++seed) play(config, seed);
  config.rungs.insert(config.rungs.begin() + 2, RungConfig{30, 2, SeedBlock::kB});
  for (uint64_t seed = 9; seed <= 12; ++seed) play(config, seed);
}

}  // namespace
}  // namespace ballast::orchestrator
