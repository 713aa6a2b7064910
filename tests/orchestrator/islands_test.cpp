#include "orchestrator/islands.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "common/rng.h"
#include "tests/orchestrator/game.h"

namespace ballast::orchestrator {
namespace {

SearchConfig three_islands() {
  SearchConfig config = config_of();
  config.islands = 3;
  config.migration_size = 2;
  config.migration_every = 5;
  config.eta = 1000;
  return config;
}

// Candidates c0, c1, ... whose differences are given, each on one island.
struct World {
  World(const SearchConfig& config, const std::vector<double>& differences,
        const std::vector<int>& islands)
      : game(config) {
    game.run();
    for (size_t i = 0; i < differences.size(); ++i) {
      const size_t entry = game.add("c" + std::to_string(i));
      game.ledger.settle(entry, islands[i]);
    }
    game.objective = [differences](const Want& want) {
      return want.entry < 2 ? 2.0 : 2 + differences[want.entry - 2];
    };
    game.run();
  }
  std::vector<std::string> names(const std::vector<Elite>& list) const {
    std::vector<std::string> out;
    for (const Elite& elite : list) out.push_back(game.entry(elite.entry).name);
    return out;
  }
  Game game;
};

using Names = std::vector<std::string>;

TEST(Islands, TakeTurnsAtProposals) {
  std::vector<int> counts(3, 0);
  for (int64_t number = 1; number <= 300; ++number) {
    const int island = island_of_proposal(number, 3);
    EXPECT_NE(island, island_of_proposal(number + 1, 3));
    ++counts[static_cast<size_t>(island)];
  }
  EXPECT_EQ(counts, (std::vector<int>{100, 100, 100}));
  EXPECT_EQ(island_of_proposal(17, 1), 0);
}

TEST(Islands, AreDealtTheTextsOneByOneAndTheReferencesOnAll) {
  SearchConfig config = three_islands();
  config.first_seeds = {"best"};
  EXPECT_EQ(islands_of_seed(config, "x", 0), std::vector<int>{0});
  EXPECT_EQ(islands_of_seed(config, "y", 1), std::vector<int>{1});
  EXPECT_EQ(islands_of_seed(config, "z", 3), std::vector<int>{0});
  EXPECT_EQ(islands_of_seed(config, "global_lbl", 1), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(islands_of_seed(config, "best", 2), (std::vector<int>{0, 1, 2}));
}

TEST(Islands, HaveElitesOfTheirOwn) {
  const World world(three_islands(), {0.3, -0.1, 0.2, -0.2, 0.1}, {0, 1, 0, 1, 0});
  EXPECT_EQ(world.names(elites(world.game.ledger, 0)), (Names{"c4", "c2", "c0"}));
  EXPECT_EQ(world.names(elites(world.game.ledger, 1)), (Names{"c3", "c1"}));
  EXPECT_EQ(world.names(elites(world.game.ledger, 2)), (Names{"c3", "c1", "c4", "c2", "c0"}))
      << "nothing is known there yet: anybody's";
  EXPECT_EQ(elites(world.game.ledger).size(), 5u);
}

TEST(Islands, CapElitesEach) {
  SearchConfig config = three_islands();
  config.elites = 1;
  const World world(config, {0.3, -0.1, 0.2, -0.2}, {0, 1, 0, 1});
  EXPECT_EQ(world.names(elites(world.game.ledger, 0)), Names{"c2"});
  EXPECT_EQ(world.names(elites(world.game.ledger, 1)), Names{"c3"});
}

TEST(Migration, SendsTheBestToTheNextIslandAndRound) {
  const World world(three_islands(), {0.3, -0.1, 0.2, -0.2, 0.1, 0.0}, {0, 1, 0, 1, 0, 2});
  const Ledger& ledger = world.game.ledger;
  const auto at = [&](const char* name) { return *ledger.find(name); };
  EXPECT_EQ(migrants(ledger), (std::vector<Migrant>{{at("c4"), 0, 1},
                                                    {at("c2"), 0, 1},
                                                    {at("c3"), 1, 2},
                                                    {at("c1"), 1, 2},
                                                    {at("c5"), 2, 0}}));
}

TEST(Migration, SendsNobodyTwiceAndNobodyInTheirPlace) {
  World world(three_islands(), {0.3, -0.1, 0.2, -0.2, 0.1, 0.0}, {0, 1, 0, 1, 0, 2});
  for (const Migrant& m : migrants(world.game.ledger)) world.game.ledger.settle(m.entry, m.to);
  const Ledger& ledger = world.game.ledger;
  // Island 0 has got c5 (0.0), its best now, which is at home on 2 and not on 1; c4 is there.
  // Island 2 has got c3 and c1, its best now.
  EXPECT_EQ(migrants(ledger), (std::vector<Migrant>{{*ledger.find("c5"), 0, 1},
                                                    {*ledger.find("c3"), 2, 0},
                                                    {*ledger.find("c1"), 2, 0}}));
}

TEST(Migration, IsDueEverySoManyChildrenAndNeverOnOneIsland) {
  SearchConfig config = three_islands();
  std::vector<int64_t> due;
  for (int64_t n = 0; n <= 16; ++n)
    if (migration_due(config, n)) due.push_back(n);
  EXPECT_EQ(due, (std::vector<int64_t>{5, 10, 15}));
  config.migration_every = 0;
  EXPECT_FALSE(migration_due(config, 5));
  config = three_islands();
  config.islands = 1;
  EXPECT_FALSE(migration_due(config, 5));
}

// Whatever the population: migrants come from where they live, go one island on, are not there yet,
// are at most `migration_size` an island, and nobody who stayed is better than they.
TEST(Migration, KeepsItsRulesForAnyPopulation) {
  for (uint64_t trial = 0; trial < 200; ++trial) {
    Rng rng(5, "world", trial);
    SearchConfig config = three_islands();
    config.islands = static_cast<int>(2 + rng.below(4));
    config.migration_size = 1 + rng.below(3);
    std::vector<double> differences;
    std::vector<int> islands;
    for (int64_t n = rng.below(30); n >= 0; --n) {
      differences.push_back(rng.normal());
      islands.push_back(static_cast<int>(rng.below(config.islands)));
    }
    World world(config, differences, islands);
    Ledger& ledger = world.game.ledger;
    for (int round = 0; round < 3; ++round) {
      const std::vector<Migrant> moved = migrants(ledger);
      EXPECT_EQ(moved, migrants(ledger)) << "a function of the ledger";
      std::map<int, int64_t> sent;
      for (const Migrant& m : moved) {
        const Entry& entry = ledger.entries()[m.entry];
        EXPECT_EQ(m.to, (m.from + 1) % config.islands);
        EXPECT_TRUE(entry.lives_on(m.from));
        EXPECT_FALSE(entry.lives_on(m.to));
        EXPECT_LE(++sent[m.from], config.migration_size);
        int64_t better = 0;
        for (const Entry& other : ledger.entries())
          if (!other.builtin && other.lives_on(m.from) &&
              other.estimates[0]->mean < entry.estimates[0]->mean)
            ++better;
        EXPECT_LT(better, config.migration_size);
      }
      for (const Migrant& m : moved) ledger.settle(m.entry, m.to);
    }
  }
}

}  // namespace
}  // namespace ballast::orchestrator
