// Whole searches with fakes under each rule: islands, parents, bandits, equal trials.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "orchestrator/islands.h"
#include "orchestrator/operator_choice.h"
#include "tests/orchestrator/small_search.h"

namespace ballast::orchestrator {
namespace {

using population::Archive;
using population::MembershipRow;
using population::ProposalRow;

std::string file(const std::string& name) {
  return testing::TempDir() + "search_rules_" + std::to_string(getpid()) + "_" + name + ".db";
}

SearchConfig with_islands(int64_t evaluations, int islands) {
  SearchConfig config = small_config(evaluations);
  config.islands = islands;
  config.migration_every = 4;
  config.migration_size = 1;
  return config;
}

TEST(SearchRules, EachParentRuleRunsAWholeSearchAndChoosesDifferently) {
  std::set<std::string> digests;
  for (const std::string_view rule : parent_rules()) {
    SearchConfig config = small_config(60);
    config.parents = rule;
    SmallSearch search(config, file("parents"));
    EXPECT_EQ(search.run().reason, "max_evaluations") << rule;
    digests.insert(search.last_digest());
  }
  EXPECT_EQ(digests.size(), parent_rules().size());
}

TEST(SearchRules, EachBanditRunsAWholeSearchAndRepeatsItself) {
  for (const std::string_view rule : bandit_rules()) {
    SearchConfig config = small_config(60);
    config.bandit = rule;
    std::set<std::string> digests;
    for (const int64_t first : {60, 37}) {  // whole, and in two starts
      SmallSearch search(config, file("bandit"));
      search.config().max_evaluations = first;
      search.run();
      search.config().max_evaluations = 60;
      EXPECT_EQ(search.run().reason, "max_evaluations") << rule;
      digests.insert(search.last_digest());
    }
    EXPECT_EQ(digests.size(), 1u) << rule;
  }
}

// Stops once so many candidates are measured.
class StopAtMeasured : public SearchObserver {
 public:
  explicit StopAtMeasured(int64_t candidates) : candidates_(candidates) {}
  void event(const SearchEvent& e) override {
    if (e.kind != SearchEventKind::kFinished || e.rung != 1 || e.identity.starts_with("builtin:"))
      return;
    measured_.insert(e.identity);
    if (static_cast<int64_t>(measured_.size()) == candidates_) stop_.request_stop();
  }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  int64_t candidates_;
  std::set<std::string> measured_;
  std::stop_source stop_;
};

TEST(SearchRules, EveryOperatorContributesToASearchOfForty) {
  for (const uint64_t seed : {1, 2, 3}) {
    SearchConfig config = small_config(0);
    config.seed = seed;
    config.use_shipped = true;
    SmallSearch search(config, file("forty"));
    StopAtMeasured observer(40);
    const SearchEnd end = search.run(observer.token(), observer);
    std::map<std::string, OperatorCount> counts;
    for (const OperatorCount& count : end.status.operators) counts[count.name] = count;
    for (const OperatorConfig& op : config.operators)
      EXPECT_GE(counts[op.name].measured, 1) << op.name << ", seed " << seed;
  }
}

TEST(SearchRules, WritesDownWhatTheBanditThinks) {
  SmallSearch search(small_config(60), file("arms"));
  const SearchEnd end = search.run();
  int64_t children = 0;
  for (const OperatorCount& count : end.status.operators)
    if (count.name != "seed") children += count.proposals;
  search.read([&](const Archive& a) {
    const auto text = a.state("search.bandit");
    EXPECT_TRUE(text && text->find("\"rule\":\"posterior\"") != std::string::npos);
    int64_t submitted = 0;
    for (size_t at = text->find("\"submitted\":"); at != std::string::npos;
         at = text->find("\"submitted\":", at + 1))
      submitted += std::stoll(text->substr(at + 12));
    EXPECT_LE(submitted, children);
    EXPECT_GE(submitted, children - 4) << "as of the last result";
    return 0;
  });
}

TEST(SearchRules, ChildrenLiveOnTheIslandOfTheirProposalAndHaveParentsThere) {
  SmallSearch search(with_islands(150, 3), file("islands"));
  search.run();
  search.read([](const Archive& a) {
    std::map<std::string, std::vector<MembershipRow>> lives;
    for (const MembershipRow& m : a.memberships()) lives[m.identity].push_back(m);
    int64_t number = 0, children = 0, migrants = 0;
    std::map<std::string, int64_t> since;
    for (const ProposalRow& p : a.proposals()) {
      ++number;
      if (p.op == "seed" || p.reason != "accepted") continue;
      ++children;
      const int home = island_of_proposal(number, 3);
      const auto born = std::find_if(lives[p.identity].begin(), lives[p.identity].end(),
                                     [](const MembershipRow& m) { return !m.origin; });
      EXPECT_EQ(born->island, home);
      EXPECT_EQ(born->since, number);
      for (const std::string& parent : p.parents) {
        const bool there = std::any_of(
            lives[parent].begin(), lives[parent].end(),
            [&](const MembershipRow& m) { return m.island == home && m.since < number; });
        // Before anything on an island is measured, its parents come from elsewhere.
        if (number > 30) {
          EXPECT_TRUE(there) << "proposal " << number;
        }
      }
    }
    for (const auto& [identity, rows] : lives)
      for (const MembershipRow& m : rows)
        if (m.origin) {
          ++migrants;
          EXPECT_EQ(m.island, (*m.origin + 1) % 3);
        }
    EXPECT_GE(children, 12);
    EXPECT_GT(migrants, 0);
    return 0;
  });
}

TEST(SearchRules, MigrationRepeatsNoTrainingAndTheSearchRepeatsItself) {
  SmallSearch whole(with_islands(120, 3), file("islands_whole"));
  whole.run();
  EXPECT_EQ(whole.sandbox.trains(), 120);
  SmallSearch parts(with_islands(50, 3), file("islands_parts"));
  parts.run();
  parts.config().max_evaluations = 120;
  parts.run();
  EXPECT_EQ(parts.last_digest(), whole.last_digest());
}

TEST(SearchRules, OneIslandNeedsNoMemberships) {
  SmallSearch search(with_islands(60, 1), file("one_island"));
  search.run();
  EXPECT_TRUE(search.read([](const Archive& a) { return a.memberships(); }).empty());
}

TEST(SearchRules, GoesOnWithAnotherNumberOfIslands) {
  SmallSearch search(with_islands(40, 1), file("more_islands"));
  search.run();
  for (const int islands : {3, 2, 1}) {
    search.config().islands = islands;
    search.config().max_evaluations += 30;
    EXPECT_EQ(search.run().reason, "max_evaluations");
    search.read([&](const Archive& a) {
      std::set<std::string> housed;
      for (const MembershipRow& m : a.memberships()) housed.insert(m.identity);
      if (islands == 1) return 0;
      for (const auto& c : a.candidates())
        EXPECT_EQ(housed.contains(c.identity), !c.identity.starts_with("builtin:")) << c.name;
      return 0;
    });
  }
}

// The reference has as many trials as the best one had before the verdict may name it.
TEST(SearchRules, GivesTheReferenceEqualTrials) {
  SearchConfig config = small_config(300);
  config.eta = 2;
  SmallSearch search(config, file("equal_trials"));
  const SearchEnd end = search.run();
  ASSERT_TRUE(end.verdict.best);
  EXPECT_EQ(end.verdict.best->rung, 3);
  EXPECT_GT(end.verdict.best->trials, config.coefficient_trials);
  EXPECT_TRUE(end.verdict.best->equal_trials);
  EXPECT_GE(end.verdict.best->reference_trials, end.verdict.best->trials);
  search.read([&](const Archive& a) {
    std::set<std::string> tried;
    for (const auto& e : a.evaluations("builtin:global_lbl"))
      if (e.key.rung == 1) tried.insert(e.key.coefficient);
    EXPECT_EQ(static_cast<int64_t>(tried.size()), end.verdict.best->reference_trials);
    return 0;
  });
}

}  // namespace
}  // namespace ballast::orchestrator
