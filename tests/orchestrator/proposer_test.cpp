#include "orchestrator/proposer.h"

#include <gtest/gtest.h>

#include <map>

#include "common/error.h"
#include "tests/orchestrator/small_search.h"

namespace ballast::orchestrator {
namespace {

// A few accepted texts, all of them elites.
struct Bench {
  explicit Bench(const std::vector<std::string>& bodies)
      : config(small_config(0)), ledger(config), proposer(config, ledger, known, sandbox) {
    for (const std::string& body : bodies) {
      const std::string name = "text" + std::to_string(elites.size());
      const Proposal made =
          proposer.seed(1, {name, "def balance_loss(r):\n    return " + body + "\n"});
      if (!made.candidate) throw Error(name + ": " + made.row.detail);
      known.add(made.candidate->fingerprint);
      elites.push_back({ledger.add(*made.candidate, "seed"), {}});
    }
  }

  Proposal make(int64_t number) {
    Bandit bandit;
    bandit.arms.resize(config.operators.size());
    const std::vector<bool> none(config.operators.size(), false);
    return std::get<Proposal>(
        proposer.make({number, child_suffix(number)}, elites, bandit, none).value());
  }

  SearchConfig config;
  Ledger ledger;
  FingerprintIndex known;
  fakes::FakeSandbox sandbox;
  Proposer proposer;
  std::vector<Elite> elites;
};

// `tune` finds a constant in one text of four only: it must look for it, not leave the proposal to
// `mutate`, which always finds something. 400 fair draws lie within 160 and 240 but for 1 in
// 10,000.
TEST(Proposer, GivesEveryOperatorItsShare) {
  Bench bench({"(r.load_global * r.probs.mean(0)).sum()", "(r.load * r.probs.mean(0)).sum()",
               "r.probs.var(0).sum()", "(r.probs.mean(0) - 0.3).abs().sum()"});
  bench.config.bandit = "fixed";
  bench.config.operators = {{"tune", 1}, {"mutate", 1}};
  std::map<std::string, int> count;
  for (int64_t number = 1; number <= 400; ++number) ++count[bench.make(number).row.op];
  EXPECT_GT(count["tune"], 160);
  EXPECT_LT(count["tune"], 240);
}

TEST(Proposer, KnowsTheProgramsOfItsEntries) {
  Bench bench({"r.probs.var(0).sum()"});
  const size_t entry = bench.elites[0].entry;
  for (int i = 0; i < 2; ++i) {
    ASSERT_NE(bench.proposer.program(entry), nullptr);
    EXPECT_EQ(bench.proposer.program(entry)->identity, bench.ledger.entries()[entry].identity);
  }
  population::CandidateRow old;
  old.identity = "0123";
  old.source = "def balance_loss(r):\n    return old_words(r)\n";
  EXPECT_EQ(bench.proposer.program(bench.ledger.add(old, "seed")), nullptr);
}

// A text of an older version of the language is no parent.
TEST(Proposer, PassesOverWhatItCannotRead) {
  Bench bench({"r.probs.var(0).sum()"});
  population::CandidateRow old;
  old.identity = "0123";
  old.source = "def balance_loss(r):\n    return old_words(r)\n";
  bench.elites.insert(bench.elites.begin(), {bench.ledger.add(old, "seed"), {}});
  for (int64_t number = 1; number <= 20; ++number)
    for (const std::string& parent : bench.make(number).row.parents) EXPECT_NE(parent, "0123");
}

TEST(Proposer, DependsOnItsNumberAndNothingElse) {
  Bench a({"(r.load * r.probs.mean(0)).sum()", "(r.probs.mean(0) - 0.3).abs().sum()"});
  Bench b({"(r.load * r.probs.mean(0)).sum()", "(r.probs.mean(0) - 0.3).abs().sum()"});
  const Proposal third = a.make(3);
  for (int64_t number = 1; number <= 20; ++number) b.make(number);
  EXPECT_EQ(b.make(3).row.source, third.row.source);
  EXPECT_NE(b.make(4).row.source, third.row.source);
}

TEST(Proposer, NamesParentsAndTheChild) {
  Bench bench({"(r.load * r.probs.mean(0)).sum()", "(r.probs.mean(0) - 0.3).abs().sum()"});
  bench.config.operators = {{"splice", 1}};
  int accepted = 0;
  for (int64_t number = 41; number <= 60; ++number) {
    const Proposal made = bench.make(number);
    ASSERT_EQ(made.row.parents.size(), 2u);
    EXPECT_NE(made.row.parents[0], made.row.parents[1]);
    if (!made.candidate) continue;
    ++accepted;
    EXPECT_EQ(made.candidate->name, "splice-0000" + std::to_string(number));
    EXPECT_EQ(made.row.identity, made.candidate->identity);
    EXPECT_EQ(made.row.reason, "accepted");
    EXPECT_FALSE(made.row.detail.empty());
  }
  EXPECT_GT(accepted, 0);
}

TEST(Proposer, RefusesWhatCostsTooMuch) {
  Bench bench({"(r.load * r.probs.mean(0)).sum()"});
  bench.config.max_flops = 1;
  const Proposal made = bench.make(1);
  EXPECT_EQ(made.row.outcome, Outcome::kStaticReject);
  EXPECT_EQ(made.row.reason, "static");
  EXPECT_NE(made.row.detail.find("FLOP"), std::string::npos);
}

}  // namespace
}  // namespace ballast::orchestrator
