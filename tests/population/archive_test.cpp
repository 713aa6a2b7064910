#include "population/archive.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/population/fixture.h"

namespace ballast::population {
namespace {

class ArchiveTest : public testing::Test {
 protected:
  std::unique_ptr<Archive> open(const std::string& name = "a.db") const {
    return std::make_unique<Archive>(folder_ / name, clock_);
  }
  Folder folder_;
  FixedClock clock_;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(ArchiveTest, GivesBackARunAfterReopening) {
  const RunRow run = a_run();
  open()->begin_run(run);
  const auto archive = open();
  const std::optional<RunRow> stored = archive->run();
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->config, run.config);
  EXPECT_EQ(stored->seed, run.seed);
  EXPECT_EQ(stored->spec, run.spec);
  EXPECT_EQ(stored->mu, run.mu);
  EXPECT_EQ(stored->reference, run.reference);
  archive->begin_run(run);  // going on is fine
}

TEST_F(ArchiveTest, HasNoRunBeforeOneIsBegun) { EXPECT_FALSE(open()->run()); }

TEST_F(ArchiveTest, NamesWhatDiffersFromTheStoredRun) {
  const auto archive = open();
  archive->begin_run(a_run());
  RunRow other = a_run();
  other.spec = R"({"model":{"experts":32},"preset":"tiny"})";
  other.spec_hash = "0ther";
  other.seed = 2;
  other.mu = 0.5;
  const std::string error = error_of([&] { archive->begin_run(other); });
  EXPECT_TRUE(has(error, "spec.model.experts is 16 in the archive and 32 now")) << error;
  EXPECT_TRUE(has(error, "seed is 1 in the archive and 2 now")) << error;
  EXPECT_TRUE(has(error, "mu is 0.1 in the archive and 0.5 now")) << error;
  EXPECT_FALSE(has(error, "preset")) << error;
}

TEST_F(ArchiveTest, AllowsAnotherBuildAndBudgetOnTheSameRun) {
  const auto archive = open();
  archive->begin_run(a_run());
  RunRow later = a_run();
  later.build = "newer";
  later.config = "max_seconds = 60\n";
  later.config_hash = "beef";
  EXPECT_NO_THROW(archive->begin_run(later));
}

TEST_F(ArchiveTest, KeepsEverySeed) {
  const uint64_t seed = std::numeric_limits<uint64_t>::max() - 5;
  RunRow run = a_run();
  run.seed = seed;
  const auto archive = open();
  archive->begin_run(run);
  EXPECT_EQ(archive->run()->seed, seed);
  archive->add_candidate(a_candidate(identity('a')));
  evaluate(*archive, a_key(identity('a'), seed), some_metrics());
  EXPECT_EQ(archive->evaluations().at(0).key.seed, seed);
}

TEST_F(ArchiveTest, GivesBackCandidatesInOrderOfArrival) {
  CandidateRow built_in = a_candidate("builtin:global_lbl", "global_lbl");
  built_in.fingerprint.clear();
  built_in.source.clear();
  {
    const auto archive = open();
    EXPECT_TRUE(archive->add_candidate(a_candidate(identity('f'), "first")));
    EXPECT_TRUE(archive->add_candidate(built_in));
  }
  const auto archive = open();
  const std::vector<CandidateRow> all = archive->candidates();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "first");
  EXPECT_EQ(all[0].fingerprint, (std::vector<float>{0.6f, -0.8f}));
  EXPECT_EQ(all[0].unit, 1.5);
  EXPECT_EQ(all[1].identity, "builtin:global_lbl");
  EXPECT_TRUE(all[1].fingerprint.empty());
  EXPECT_FALSE(archive->candidate(identity('0')));
}

TEST_F(ArchiveTest, KnowsACandidateItHas) {
  const auto archive = open();
  EXPECT_TRUE(archive->add_candidate(a_candidate(identity('a'), "first")));
  EXPECT_FALSE(archive->add_candidate(a_candidate(identity('a'), "second")));
  EXPECT_EQ(archive->candidate(identity('a'))->name, "first");
}

TEST_F(ArchiveTest, RefusesAnIdentityThatIsNone) {
  const auto archive = open();
  EXPECT_THROW(archive->add_candidate(a_candidate("abc")), Error);
  EXPECT_THROW(archive->add_candidate(a_candidate(std::string(64, 'G'))), Error);
  EXPECT_THROW(archive->add_candidate(a_candidate("builtin:")), Error);
}

TEST_F(ArchiveTest, GivesBackProposalsWithTheirParents) {
  const auto archive = open();
  archive->add_candidate(a_candidate(identity('a')));
  archive->add_candidate(a_candidate(identity('b')));
  archive->add_proposal({"splice",
                         {identity('b'), identity('a')},
                         identity('c'),
                         Outcome::kOk,
                         "accepted",
                         "",
                         "text"});
  archive->add_proposal({"mutate",
                         {identity('a')},
                         "",
                         Outcome::kStaticReject,
                         "static",
                         "3:1: no such op",
                         "nonsense"});
  const std::vector<ProposalRow> all = archive->proposals();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].parents, (std::vector<std::string>{identity('b'), identity('a')}));
  EXPECT_EQ(all[0].identity, identity('c'));
  EXPECT_EQ(all[1].identity, "");
  EXPECT_EQ(all[1].outcome, Outcome::kStaticReject);
  EXPECT_EQ(all[1].detail, "3:1: no such op");
}

TEST_F(ArchiveTest, LeavesNothingOfAProposalWhoseSecondParentIsUnknown) {
  const auto archive = open();
  archive->add_candidate(a_candidate(identity('a')));
  const ProposalRow proposal{
      "splice", {identity('a'), identity('b')}, identity('c'), Outcome::kOk, "accepted", "", ""};
  EXPECT_THROW(archive->add_proposal(proposal), Error);
  EXPECT_TRUE(archive->proposals().empty());
}

TEST_F(ArchiveTest, FinishesAnEvaluationOnce) {
  const auto archive = open();
  archive->add_candidate(a_candidate(identity('a')));
  const int64_t id = archive->begin_evaluation(a_key(identity('a')), "estimate", 1000);
  EXPECT_FALSE(archive->evaluation(a_key(identity('a')))->outcome);
  EXPECT_TRUE(archive->finish_evaluation(id, 1, Outcome::kOk, "", some_metrics(2.5), 1.5, "L3"));
  EXPECT_FALSE(
      archive->finish_evaluation(id, 1, Outcome::kCrash, "late", some_metrics(9), 1, "L3"));
  const EvaluationRow row = *archive->evaluation(a_key(identity('a')));
  const EvaluationRow scalars = *archive->evaluation_scalars(a_key(identity('a')));
  EXPECT_EQ(scalars.metrics.scalars, row.metrics.scalars);
  EXPECT_TRUE(scalars.metrics.arrays.empty());
  EXPECT_EQ(scalars.outcome, row.outcome);
  EXPECT_EQ(row.outcome, Outcome::kOk);
  EXPECT_EQ(row.metrics, some_metrics(2.5));
  EXPECT_EQ(row.seconds, 1.5);
  EXPECT_EQ(row.sandbox_level, "L3");
  const std::string error =
      error_of([&] { archive->begin_evaluation(a_key(identity('a')), "estimate", 1000); });
  EXPECT_TRUE(has(error, "finished already")) << error;
}

TEST_F(ArchiveTest, TakesOverAnUnfinishedEvaluationAndDropsItsLateResult) {
  int64_t id = 0;
  {
    const auto archive = open();
    archive->add_candidate(a_candidate(identity('a')));
    id = archive->begin_evaluation(a_key(identity('a')), "coefficient", 1000);
    EXPECT_EQ(archive->attempt(id), 1);
  }
  const auto archive = open();
  EXPECT_EQ(archive->begin_evaluation(a_key(identity('a')), "estimate", 2000), id);
  EXPECT_EQ(archive->attempt(id), 2);
  EXPECT_FALSE(archive->finish_evaluation(id, 1, Outcome::kOk, "", some_metrics(), 1, "L3"));
  EXPECT_TRUE(archive->evaluations().at(0).metrics.scalars.empty());
  EXPECT_TRUE(archive->finish_evaluation(id, 2, Outcome::kOk, "", some_metrics(), 1, "L3"));
  EXPECT_EQ(archive->evaluations().at(0).purpose, "estimate");
  EXPECT_EQ(archive->evaluations().at(0).tokens, 2000);
}

TEST_F(ArchiveTest, LeavesAnEvaluationUnfinishedAfterTroubleOutside) {
  const auto archive = open();
  archive->add_candidate(a_candidate(identity('a')));
  const int64_t id = archive->begin_evaluation(a_key(identity('a')), "estimate", 1000);
  EXPECT_TRUE(
      archive->finish_evaluation(id, 1, Outcome::kInfra, "no memory for bwrap", {}, 1, "L3"));
  EXPECT_TRUE(archive->finish_evaluation(id, 1, Outcome::kCancelled, "stopped", {}, 1, "L3"));
  EXPECT_FALSE(archive->evaluations().at(0).outcome);
  EXPECT_EQ(archive->evaluations().at(0).message, "stopped");
  EXPECT_EQ(archive->begin_evaluation(a_key(identity('a')), "estimate", 1000), id);
  EXPECT_EQ(archive->attempt(id), 2);
}

TEST_F(ArchiveTest, BeginsNothingOfAnUnknownCandidate) {
  const auto archive = open();
  const std::string error =
      error_of([&] { archive->begin_evaluation(a_key(identity('b')), "estimate", 1000); });
  EXPECT_TRUE(has(error, "has no candidate \"" + identity('b'))) << error;
  EXPECT_TRUE(archive->evaluations().empty());
}

TEST_F(ArchiveTest, TellsEvaluationsOfDifferentKeysApart) {
  const auto archive = open();
  archive->add_candidate(a_candidate(identity('a')));
  archive->add_candidate(a_candidate(identity('b')));
  const EvaluationKey base = a_key(identity('a'));
  std::vector<EvaluationKey> keys(8, base);
  keys[1].identity = identity('b');
  keys[2].spec_hash = "other";
  keys[3].rung = 2;
  keys[4].seed = 2;
  keys[5].coefficient = "0.010";
  keys[6].build = "other";
  keys[7].device_class = "sm_90";
  for (const EvaluationKey& key : keys)
    evaluate(*archive, key, some_metrics(static_cast<double>(&key - keys.data())));
  for (const EvaluationKey& key : keys)
    EXPECT_EQ(archive->evaluation(key)->metrics.scalars.at("cross_entropy"),
              static_cast<double>(&key - keys.data()));
  EXPECT_EQ(archive->evaluations().size(), 8u);
  EXPECT_EQ(archive->evaluations(identity('b')).size(), 1u);
}

TEST_F(ArchiveTest, GivesBackEveryMetricBitForBit) {
  const auto archive = open();
  archive->add_candidate(a_candidate(identity('a')));
  const double inf = std::numeric_limits<double>::infinity();
  Metrics metrics;
  metrics.scalars = {
      {"third", 1.0 / 3}, {"tiny", 5e-324}, {"up", inf}, {"down", -inf}, {"none", NAN}};
  metrics.arrays = {{"mixed", {1.0 / 3, inf, -inf, NAN, -0.0}}, {"empty", {}}};
  evaluate(*archive, a_key(identity('a')), metrics, Outcome::kNonfinite);
  const Metrics back = archive->evaluations(identity('a')).at(0).metrics;
  EXPECT_EQ(back.scalars.size(), 5u);
  EXPECT_EQ(back.scalars.at("third"), 1.0 / 3);
  EXPECT_EQ(back.scalars.at("tiny"), 5e-324);
  EXPECT_EQ(back.scalars.at("up"), inf);
  EXPECT_EQ(back.scalars.at("down"), -inf);
  EXPECT_TRUE(std::isnan(back.scalars.at("none")));
  const std::vector<double>& mixed = back.arrays.at("mixed");
  ASSERT_EQ(mixed.size(), 5u);
  EXPECT_EQ(mixed[0], 1.0 / 3);
  EXPECT_EQ(mixed[2], -inf);
  EXPECT_TRUE(std::isnan(mixed[3]));
  EXPECT_TRUE(std::signbit(mixed[4]));
  EXPECT_TRUE(back.arrays.at("empty").empty());
}

TEST_F(ArchiveTest, RefusesAnEstimateThatIsNotFinite) {
  const auto archive = open();
  archive->add_candidate(a_candidate(identity('a')));
  EXPECT_THROW(archive->put_estimate({identity('a'), 1, "0.01", 2, NAN, 0.1}), Error);
  EXPECT_THROW(archive->put_estimate({identity('a'), 1, "0.01", 2, 0.1, INFINITY}), Error);
  EXPECT_THROW(archive->put_estimate({identity('a'), 1, "0.01", 1, 0.1, 0.1}), Error);
  EXPECT_TRUE(archive->estimates().empty());
}

TEST_F(ArchiveTest, ReplacesAnEstimate) {
  const auto archive = open();
  archive->add_candidate(a_candidate(identity('a')));
  archive->put_estimate({identity('a'), 1, "0.01", 1, -0.1, std::nullopt});
  archive->put_estimate({identity('a'), 2, "0.01", 3, -0.3, 0.03});
  archive->put_estimate({identity('a'), 1, "0.02", 2, -0.2, 0.02});
  const std::vector<EstimateRow> all = archive->estimates();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].coefficient, "0.02");
  EXPECT_EQ(all[0].standard_error, 0.02);
  EXPECT_EQ(all[1].rung, 2);
}

TEST_F(ArchiveTest, KeepsWhoLivesWhereOnce) {
  {
    const auto archive = open();
    for (const char digit : {'a', 'b'}) archive->add_candidate(a_candidate(identity(digit)));
    archive->add_membership({identity('b'), 0, std::nullopt, 2});
    archive->add_membership({identity('a'), 1, 0, 9});
    archive->add_membership({identity('a'), 0, std::nullopt, 1});
    archive->add_membership({identity('a'), 0, 1, 12});  // there already
    EXPECT_THROW(archive->add_membership({identity('c'), 0, std::nullopt, 1}), Error);
    EXPECT_THROW(archive->add_membership({identity('b'), 1, 1, 1}), Error) << "from itself";
  }
  EXPECT_EQ(open()->memberships(),
            (std::vector<MembershipRow>{{identity('a'), 0, std::nullopt, 1},
                                        {identity('a'), 1, 0, 9},
                                        {identity('b'), 0, std::nullopt, 2}}));
}

TEST_F(ArchiveTest, KeepsState) {
  {
    const auto archive = open();
    EXPECT_FALSE(archive->state("parents"));
    archive->put_state("parents", "[1]");
    archive->put_state("parents", R"({"n":2})");
    EXPECT_THROW(archive->put_state("parents", "not JSON"), Error);
  }
  EXPECT_EQ(open()->state("parents"), R"({"n":2})");
}

TEST_F(ArchiveTest, StoresTogetherAllOrNothing) {
  const auto archive = open();
  archive->together([&] {
    archive->add_candidate(a_candidate(identity('a')));
    archive->put_state("n", "1");
  });
  EXPECT_THROW(archive->together([&] {
    archive->put_state("n", "2");
    archive->add_candidate(a_candidate("not an identity"));
  }),
               Error);
  EXPECT_EQ(archive->state("n"), "1");
  // An inner failure that somebody swallows dooms the whole.
  EXPECT_THROW(archive->together([&] {
    archive->put_state("n", "3");
    try {
      archive->add_candidate(a_candidate("not an identity"));
    } catch (const Error&) {
    }
  }),
               Error);
  EXPECT_EQ(archive->state("n"), "1");
  archive->put_state("n", "4");  // and the archive goes on
  EXPECT_EQ(archive->state("n"), "4");
}

TEST_F(ArchiveTest, DoesWhatWaitsWhenTheOutermostIsStoredAndNeverWhenItIsNot) {
  const auto archive = open();
  std::string done;
  archive->when_stored([&] { done += "at once "; });
  archive->together([&] {
    archive->together([&] { archive->when_stored([&] { done += "inner "; }); });
    archive->put_state("n", "1");
    EXPECT_EQ(done, "at once ");
  });
  EXPECT_EQ(done, "at once inner ");
  EXPECT_THROW(archive->together([&] {
    archive->when_stored([&] { done += "lost"; });
    throw Error("no");
  }),
               Error);
  archive->put_state("n", "2");  // another commit
  EXPECT_EQ(done, "at once inner ");
}

TEST_F(ArchiveTest, MendsTextThatIsNotUtf8) {
  const auto archive = open();
  archive->add_proposal(
      {"mutate", {}, "", Outcome::kStaticReject, "static", std::string("a\0b\xff\xc3\xa9", 6), ""});
  EXPECT_EQ(archive->proposals().at(0).detail, "a\uFFFDb\uFFFD\u00e9");
}

TEST_F(ArchiveTest, WorksInMemory) {
  Archive archive(":memory:", clock_);
  archive.begin_run(a_run());
  EXPECT_TRUE(archive.run());
  archive.checkpoint();
}

}  // namespace
}  // namespace ballast::population
