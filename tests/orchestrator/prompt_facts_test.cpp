#include "orchestrator/prompt_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "orchestrator/standing.h"
#include "population/db.h"
#include "prompts/notes.h"
#include "prompts/request.h"
#include "tests/orchestrator/facts_world.h"

namespace ballast::orchestrator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Candidate p made from s; the second rung has two seeds of each.
struct Pair : World {
  explicit Pair(size_t width = 1, bool last_first = false) : World(width, last_first) {
    s = add("s");
    p = add("p", s);
    metrics = [this](const Want& want) {
      const double wobble = want.seed == 0 ? 0.01 : -0.02;
      if (want.entry == s) return metrics_of(want.rung == 1 ? 1.9 : 1.8 + wobble, 0.4);
      if (want.entry == p) return metrics_of(want.rung == 1 ? 1.7 : 1.5 - wobble, 0.3 + wobble);
      return metrics_of(2, 0.5);
    };
    run();
  }
  size_t s = 0, p = 0;
};

TEST(TaskOf, TellsWhatIsTrainedForHowLongAndHowItIsJudged) {
  SearchConfig config = World::config_of_test();
  config.rungs = {{10, 1, SeedBlock::kA}, {30, 2, SeedBlock::kB}, {20, 3, SeedBlock::kC}};
  config.mu = 0.2;
  config.target = 0.4;
  config.spec.model.experts = 24;
  const prompts::Task task = task_of(config);
  EXPECT_EQ(task.model, "small");
  EXPECT_EQ(task.layers, config.spec.model.layers);
  EXPECT_EQ(task.experts, 24);
  EXPECT_EQ(task.top_k, config.spec.model.top_k);
  EXPECT_EQ(task.tokens, 30);
  EXPECT_EQ(task.objective, "cross_entropy");
  EXPECT_EQ(task.mu, 0.2);
  EXPECT_EQ(task.target, 0.4);
  EXPECT_EQ(task.reference, "global_lbl");
  EXPECT_TRUE(task.bias_allowed);
}

TEST(ParentFacts, AreThoseOfTheHighestRung) {
  const Pair w;
  const prompts::ParentFacts p = w.facts({w.p}).parents.at(0);
  EXPECT_EQ(p.name, "p");
  EXPECT_EQ(p.source, w.ledger.entries()[w.p].source);
  EXPECT_EQ(p.track, "loss");
  EXPECT_EQ(p.coefficient, w.ledger.entries()[w.p].coefficient);
  ASSERT_TRUE(p.difference && p.difference->standard_error);
  EXPECT_NEAR(p.difference->mean, (1.49 + 1.52) / 2 - 2, 1e-12);
  EXPECT_EQ(p.difference->pairs, 2);
  EXPECT_NEAR(*p.cross_entropy, (1.49 + 1.52) / 2, 1e-12);
  EXPECT_NEAR(*p.max_vio, (0.31 + 0.28) / 2, 1e-12);
  ASSERT_EQ(p.layers.size(), 2u);
  EXPECT_EQ(p.layers[1].max_vio, 0.31 + 0.5) << "of the first seed";
  ASSERT_EQ(p.curve.size(), 2u);
  EXPECT_EQ(p.curve[1].cross_entropy, 1.49);
}

TEST(ParentFacts, HaveTheLeaderboardsShrunkStandardError) {
  Pair w;
  w.metrics = [](const Want& want) {  // noisier than p and s
    return metrics_of(want.entry < 4 ? 2 : 1.9 + (want.seed == 0 ? 0.1 : -0.1), 0.5);
  };
  const size_t noisy = w.add("noisy", w.p);
  w.add("noisy2", w.p);
  w.run();
  const evaluator::Summary& own = *w.ledger.entries()[noisy].estimates[1];
  const auto expected = evaluator::moderate(own, variance_prior(w.ledger));
  EXPECT_LT(expected->standard_error, 0.99 * *own.standard_error()) << "else nothing is shown here";
  const auto difference = w.facts({noisy}).parents.at(0).difference;
  EXPECT_EQ(difference->standard_error, expected->standard_error);
}

TEST(ParentFacts, OfOnePairHaveNoStandardError) {
  Pair w;
  const size_t one = w.add("one", w.p);
  w.outcome = [&](const Want& want) {
    return want.entry == one && want.rung == 2 ? Outcome::kDiverged : Outcome::kOk;
  };
  w.run();
  ASSERT_TRUE(variance_prior(w.ledger)) << "which could say something";
  const prompts::ParentFacts facts = w.facts({one}).parents.at(0);
  ASSERT_TRUE(facts.difference);
  EXPECT_EQ(facts.difference->pairs, 1);
  EXPECT_FALSE(facts.difference->standard_error);
  EXPECT_EQ(facts.coefficient, w.ledger.entries()[one].ladder_coefficient);
}

TEST(ParentFacts, LeaveOutRowsThatThisSearchDidNotAskFor) {
  Pair w;
  const std::string before = w.prompt({w.p});
  population::EvaluationKey key = w.ledger.key({w.p, 2, 0, w.ledger.entries()[w.p].coefficient});
  key.build = "another";
  w.store(key, "estimate");
  key.build = "test";
  key.coefficient = "77";
  w.store(key, "train");
  key.seed = 5;
  w.store(key, "train");
  w.memory = FactsMemory();
  EXPECT_EQ(w.prompt({w.p}), before);
}

TEST(Line, BeginsWithTheStepThatMadeTheParent) {
  const Pair w;
  const auto line = w.facts({w.p}).parents.at(0).ancestors;
  ASSERT_EQ(line.size(), 2u);
  EXPECT_EQ(line[0].op, "edit");
  EXPECT_EQ(line[0].idea, "idea of p");
  EXPECT_EQ(line[0].outcome, "OK");
  EXPECT_NEAR(line[0].difference->mean, 1.505 - 2, 1e-12);
  // Seed by seed: 1.49 - 1.81 and 1.52 - 1.78.
  EXPECT_NEAR(line[0].change->mean, (1.49 - 1.81 + 1.52 - 1.78) / 2, 1e-12);
  EXPECT_EQ(line[0].change->pairs, 2);
  EXPECT_EQ(line[1].op, "seed");
  EXPECT_EQ(line[1].idea, "") << "a text to start from is nobody's idea";
  EXPECT_FALSE(line[1].change);
}

TEST(Line, HasFourStepsAtMostAndSaysHowTheyEnded) {
  World w;
  size_t last = w.add("c0");
  const size_t bad = last + 3;
  for (int i = 1; i < 7; ++i) last = w.add("c" + std::to_string(i), last);
  w.outcome = [&](const Want& want) {
    return want.entry == bad && want.rung == 2 && want.seed == 1 ? Outcome::kTimeout : Outcome::kOk;
  };
  w.run();
  const auto line = w.facts({last}).parents.at(0).ancestors;
  std::vector<std::string> ideas, outcomes;
  for (const auto& step : line) ideas.push_back(step.idea), outcomes.push_back(step.outcome);
  EXPECT_THAT(ideas, ElementsAre("idea of c6", "idea of c5", "idea of c4", "idea of c3"));
  EXPECT_THAT(outcomes, ElementsAre("OK", "OK", "OK", "TIMEOUT"));
  EXPECT_TRUE(line[2].change);
  EXPECT_FALSE(line[3].change) << "it failed";
}

// Ten candidates, each better than the one before; the last has failed.
struct Ten : World {
  Ten() {
    for (int i = 0; i < 10; ++i) add("c" + std::to_string(i));
    metrics = [](const Want& want) {
      return metrics_of(want.entry < 2 ? 2 : 2 - 0.1 * static_cast<double>(want.entry), 0.5);
    };
    outcome = [](const Want& want) {
      return want.entry == 11 ? Outcome::kContractViolation : Outcome::kOk;
    };
    run();
  }
};

TEST(Inspirations, AreTheBestAndOthersWithTheBestLast) {
  const Ten w;  // entry i + 2 is c<i>; c8 is the best
  std::set<std::string> drawn;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const auto found = w.facts({10}, seed).inspirations;
    ASSERT_EQ(found.size(), 4u);
    EXPECT_EQ(found[3].name, "c7") << "c8 is the parent";
    EXPECT_EQ(found[2].name, "c6");
    EXPECT_EQ(found[3].from, "top");
    EXPECT_EQ(found[2].from, "top");
    EXPECT_EQ(found[0].from, "archive");
    EXPECT_GT(found[0].difference->mean, found[1].difference->mean) << "the worst first";
    for (int i = 0; i < 2; ++i) drawn.insert(found[static_cast<size_t>(i)].name);
    EXPECT_NEAR(*found[3].cross_entropy, 2 - 0.9, 1e-12);
  }
  EXPECT_THAT(drawn, ElementsAre("c0", "c1", "c2", "c3", "c4", "c5"));
}

TEST(Inspirations, AreAsManyAsThereAre) {
  const Pair w;
  const auto found = w.facts({w.p}).inspirations;
  ASSERT_EQ(found.size(), 1u) << "built-ins have no text to show";
  EXPECT_EQ(found[0].name, "s");
  EXPECT_TRUE(w.facts({w.p, w.s}).inspirations.empty());
}

std::vector<std::string> lines_of(const std::vector<prompts::FailedAttempt>& failures) {
  std::vector<std::string> out;
  for (const auto& f : failures)
    out.push_back(f.op + "|" + f.idea + "|" + f.outcome + "|" + f.reason);
  return out;
}

TEST(Failures, AreTheNewestOfModelsDifferentOnesFirst) {
  Pair w;
  w.reject("static", Outcome::kStaticReject, "oldest");
  w.reject("contract", Outcome::kContractViolation, "not finite\n  at load 0\n");
  for (int i = 0; i < 6; ++i) w.reject("static", Outcome::kStaticReject, "unknown name");
  w.reject("identity", Outcome::kOk, "is s");
  w.reject("identity", Outcome::kOk, "is p");
  w.reject("call", Outcome::kInfra, "no answer");
  w.reject("static", Outcome::kStaticReject, "a genetic one", "");
  EXPECT_THAT(lines_of(w.facts({w.p}).failures),
              ElementsAre("rewrite||identity|is p", "rewrite||identity|is s",
                          "rewrite||STATIC_REJECT|unknown name",
                          "rewrite||CONTRACT_VIOLATION|not finite at load 0",
                          "rewrite||STATIC_REJECT|oldest"));
}

TEST(Failures, AreChildrenThatFailedToo) {
  Pair w;
  const size_t genetic = w.add("genetic", w.p, ""), bad = w.add("bad", w.p);
  const size_t wild = w.add("wild", w.p);
  w.outcome = [&](const Want& want) {
    if (want.entry == genetic || want.entry == bad) return Outcome::kOom;
    return want.entry == wild ? Outcome::kDiverged : Outcome::kOk;
  };
  w.run();
  EXPECT_THAT(lines_of(w.facts({w.p}).failures),
              ElementsAre("edit|idea of wild|DIVERGED|it ended badly",
                          "edit|idea of bad|OOM|it ended badly"));
}

TEST(FactsMemory, AsksTheArchiveOnceForTheSameScores) {
  const Pair w;
  const std::string before = w.prompt({w.p});
  {
    population::Db db((w.folder / "a.db").string(), population::Db::Mode::kReadWrite);
    db.exec("DELETE FROM metric; DELETE FROM metric_array");
  }
  EXPECT_EQ(w.prompt({w.p}), before);
  FactsMemory other;
  const FactsSource forgetful{w.config, w.ledger, w.made, w.archive, other, "", {}};
  EXPECT_EQ(parents_only(forgetful, {w.p}).parents.at(0).cross_entropy, std::nullopt);
}

TEST(FactsMemory, ReadsLayersWhenTheyAreAskedForLater) {
  const Pair w;
  FactsMemory memory;
  EXPECT_TRUE(memory.figures(w.ledger, w.archive, w.p, false).layers.empty());
  EXPECT_EQ(memory.figures(w.ledger, w.archive, w.p, true).layers.size(), 2u);
  EXPECT_EQ(memory.figures(w.ledger, w.archive, w.p, false).cross_entropy, 1.505);
}

TEST(FactsMemory, ReadsAgainWhenThereAreOtherScores) {
  World w;
  const size_t s = w.add("s");
  w.metrics = [&](const Want& want) { return metrics_of(want.rung == 2 ? 1.5 : 1.9, 0.5); };
  EXPECT_EQ(w.memory.figures(w.ledger, w.archive, s, true).cross_entropy, std::nullopt);
  std::vector<double> seen;
  w.run([&] {
    FactsMemory fresh;
    const auto expected = fresh.figures(w.ledger, w.archive, s, true).cross_entropy;
    EXPECT_EQ(w.memory.figures(w.ledger, w.archive, s, true).cross_entropy, expected);
    if (expected && (seen.empty() || seen.back() != *expected)) seen.push_back(*expected);
  });
  EXPECT_THAT(seen, ElementsAre(1.9, 1.5));
}

TEST(FactsMemory, KnowsWhereNewEntriesComeFrom) {
  World w;
  EXPECT_EQ(w.memory.birth(w.made, 0), std::nullopt) << "a built-in";
  w.reject("static", Outcome::kStaticReject, "");
  const size_t s = w.add("s");
  EXPECT_EQ(w.memory.birth(w.made, s), 1u);
  const size_t p = w.add("p", s);
  w.made.push_back(w.made.back());
  EXPECT_EQ(w.memory.birth(w.made, p), 2u) << "the first";
  EXPECT_EQ(w.memory.birth(w.made, s), 1u);
}

TEST(Suggestion, IsDrawnFromTheNotes) {
  const Pair w;
  EXPECT_EQ(w.facts({w.p}).suggestion, "");
  FactsSource source = w.source();
  source.suggestions = {"one", "two", "three"};
  std::set<std::string> drawn;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed);
    drawn.insert(facts_for(source, {w.p}, rng).suggestion);
  }
  EXPECT_THAT(drawn, ElementsAre("one", "three", "two"));
}

TEST(FactsFor, MakeAPromptWithAllOfIt) {
  Pair w;
  w.reject("static", Outcome::kStaticReject, "unknown name torch.magic");
  const std::string prompt = w.prompt({w.p});
  for (const char* part :
       {"Hinges work.", "## s (top)", "- rewrite: STATIC_REJECT: unknown name torch.magic",
        "The candidate to improve: p", "(r.probs * p).sum()", "cross-entropy 1.50500",
        "MaxVio 0.295", "| 0 | 0.310 | - | 0.750 |", "2.00 1.00 0.50 0.50",
        "| 2048 | 1.4900 | 0.310 | 0.250000 |", "- edit: idea of p: OK; to the reference -0.49"})
    EXPECT_THAT(prompt, HasSubstr(part));
}

TEST(ParentsOnly, AreTheParentsOfFactsForAndNothingElse) {
  const Pair w;
  const prompts::Facts facts = parents_only(w.source(), {w.p, w.s});
  ASSERT_EQ(facts.parents.size(), 2u);
  EXPECT_EQ(facts.parents[1].name, "s");
  EXPECT_TRUE(facts.inspirations.empty());
  EXPECT_EQ(facts.notes, "");
  prompts::Facts all = w.facts({w.p, w.s});
  all.inspirations.clear();
  all.notes.clear();
  const prompts::Task task = task_of(w.config);
  EXPECT_EQ(prompts::make_request(task, "crossover", "default", facts).user,
            prompts::make_request(task, "crossover", "default", all).user);
}

TEST(FactsFor, DoNotDependOnTheOrderInWhichResultsArrived) {
  const Pair first;
  for (const bool last_first : {false, true}) {
    const Pair other(3, last_first);
    EXPECT_EQ(other.prompt({
                  other.p,
              }),
              first.prompt({first.p}));
  }
}

TEST(FactsFor, ComeToNoHarmByWhatIsNotANumberOrNotThere) {
  World w;
  const size_t nan = w.add("nan"), bare = w.add("bare");
  w.metrics = [&](const Want& want) {
    Metrics out = metrics_of(2, 0.5);
    if (want.entry == bare) out.arrays.clear(), out.scalars.erase("max_vio_global");
    if (want.entry != nan) return out;
    const double wrong = want.seed == 0 ? NAN : std::numeric_limits<double>::infinity();
    out.scalars["max_vio_global"] = wrong;
    out.arrays["layer_load"][1] = out.arrays["train_curve_tokens"][0] = wrong;
    return out;
  };
  w.run();
  for (const size_t index : {nan, bare}) {
    const prompts::ParentFacts facts = w.facts({index}).parents.at(0);
    EXPECT_EQ(facts.cross_entropy, 2);
    EXPECT_FALSE(facts.max_vio);
    EXPECT_TRUE(facts.layers.empty());
    EXPECT_TRUE(facts.curve.empty());
    EXPECT_THAT(w.prompt({index}), Not(HasSubstr("nan,")));
  }
}

TEST(ResultsForNotes, AreCandidatesWithAVerdictFromAPlaceOn) {
  Pair w;
  w.reject("static", Outcome::kStaticReject, "refused");
  const size_t bad = w.add("bad", w.p);
  w.outcome = [&](const Want& want) {
    return want.entry == bad ? Outcome::kNonfinite : Outcome::kOk;
  };
  w.run();
  w.add("waits", w.p);
  const auto names = [&](size_t from, size_t most) {
    std::vector<std::string> out;
    for (const auto& result : results_for_notes(w.source(), from, most)) out.push_back(result.name);
    return out;
  };
  EXPECT_THAT(names(0, 10), ElementsAre("s", "p", "bad"));
  EXPECT_THAT(names(0, 2), ElementsAre("p", "bad"));
  EXPECT_THAT(names(2, 10), ElementsAre("bad"));
  EXPECT_THAT(names(99, 10), ElementsAre());

  const auto results = results_for_notes(w.source(), 1, 10);
  EXPECT_EQ(results[0].op, "edit");
  EXPECT_EQ(results[0].idea, "idea of p");
  EXPECT_EQ(results[0].outcome, "OK");
  EXPECT_NEAR(results[0].change->mean, -0.29, 1e-12);
  EXPECT_NEAR(*results[0].max_vio, 0.295, 1e-12);
  EXPECT_EQ(results[1].outcome, "NONFINITE");
  EXPECT_EQ(results[1].reason, "it ended badly");
  EXPECT_FALSE(results[1].difference);
  EXPECT_THAT(prompts::make_notes_request(task_of(w.config), "", results).user,
              HasSubstr("## bad (edit): NONFINITE"));
}

}  // namespace
}  // namespace ballast::orchestrator
