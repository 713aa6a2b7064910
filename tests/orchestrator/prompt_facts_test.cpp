#include "orchestrator/prompt_facts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "common/hash.h"
#include "prompts/request.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/orchestrator/game.h"

namespace ballast::orchestrator {
namespace {

// Two layers of two experts; the first layer's MaxVio is `max_vio`.
Metrics metrics_of(double cross_entropy, double max_vio) {
  Metrics out;
  out.scalars = {{"cross_entropy", cross_entropy}, {"max_vio_global", max_vio}};
  out.arrays = {{"layer_max_vio_global", {max_vio, 0.125}},
                {"layer_load", {0.75, 0.25, 0.5, 0.5}},
                {"train_curve_tokens", {5, 10}},
                {"train_curve_cross_entropy", {5.5, 2.25}},
                {"train_curve_max_vio_global", {3, max_vio}},
                {"train_curve_balance_grad_norm", {0.01, 0.02}}};
  return out;
}

// A game whose rows are in an archive, too; what is measured is the cross entropy.
class Shelf {
 public:
  explicit Shelf(const SearchConfig& config = small_rungs())
      : config_(config),
        archive(folder_ / "archive.sqlite", clock_),
        game(config),
        source{config_, game.ledger, made, archive, "", {}} {
    for (const Entry& entry : game.ledger.entries())
      archive.add_candidate(row(entry.identity, entry.track));
  }
  static SearchConfig small_rungs() {
    SearchConfig config = config_of();
    config.eta = 1.5;  // two of three climb
    config.rungs.pop_back();
    return config;
  }

  size_t add(const std::string& name, const Made& birth) {
    population::CandidateRow candidate = row(sha256_hex(name));
    candidate.name = name;
    candidate.source = text(name);
    archive.add_candidate(candidate);
    const size_t entry = game.ledger.add(candidate, birth.op);
    made.push_back(birth);
    made.back().child = entry;
    made.back().reason = "accepted";
    source.made = made;
    return entry;
  }
  void fail(const Made& attempt) {
    made.push_back(attempt);
    source.made = made;
  }
  static std::string text(const std::string& name) {
    return "def balance_loss(r):\n    return r." + name + "\n";
  }

  // All that the search would; nothing in `metrics` means that it diverges.
  void measure() {
    archive.together([&] { measure_all(); });  // one transaction: fast
  }
  void measure_all() {
    while (const auto want = next_want(game.ledger)) {
      game.ledger.begin(*want);
      const std::optional<Metrics> found = metrics(*want);
      store(game.ledger.key(*want), found);
      game.ledger.finish(*want, found ? Outcome::kOk : Outcome::kDiverged, score(*want));
    }
  }
  void store(const population::EvaluationKey& key, const std::optional<Metrics>& found) {
    const int64_t id = archive.begin_evaluation(key, "estimate", 10);
    archive.finish_evaluation(id, archive.attempt(id), found ? Outcome::kOk : Outcome::kDiverged,
                              "", found.value_or(Metrics()), 1, "L3");
  }
  prompts::Facts facts(const std::vector<size_t>& parents, uint64_t seed = 1) const {
    Rng rng(seed);
    return facts_for(source, parents, rng);
  }

 private:
  fakes::TemporaryFolder folder_;
  SystemClock clock_;
  SearchConfig config_;

 public:
  population::Archive archive;
  Game game;
  std::vector<Made> made;
  FactsSource source;
  std::function<double(const Want&)> score = [](const Want&) { return 2.0; };
  std::function<std::optional<Metrics>(const Want&)> metrics = [this](const Want& want) {
    return metrics_of(score(want), 0.5);
  };
};

// p, its child a, and a's child b, which stays at rung 1; seeds differ by 0.02.
struct Line : Shelf {
  Line() {
    p = add("p", {.op = "seed", .detail = "shipped as p"});
    a = add("a", {.op = "edit", .parent = p, .model = "m", .detail = "a hinge\nand more"});
    b = add("b", {.op = "rewrite", .parent = a, .model = "m", .detail = "a square"});
    score = [this](const Want& want) {
      const double off = want.coefficient == "0.1" ? 0 : 0.25;
      const double wobble = want.seed == 0 ? 0.01 : -0.01;
      if (want.entry == p) return off + (want.rung == 1 ? 1.9 : 1.8 + wobble);
      if (want.entry == a) return off + (want.rung == 1 ? 1.8 : 1.75 - wobble);
      return want.entry == b ? off + 2.5 : 2.0;
    };
    metrics = [this](const Want& want) { return metrics_of(score(want), 0.5 + 0.25 * want.seed); };
    measure();
  }
  size_t p = 0, a = 0, b = 0;
};

TEST(PromptFacts, OfAParentAreTakenAtItsHighestRung) {
  const Line line;
  const prompts::ParentFacts a = line.facts({line.a}).parents.at(0);
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.source, Shelf::text("a"));
  EXPECT_EQ(a.track, "loss");
  EXPECT_EQ(a.coefficient, "0.1");
  ASSERT_TRUE(a.difference && a.difference->standard_error);
  EXPECT_NEAR(a.difference->mean, -0.25, 1e-12);
  EXPECT_NEAR(*a.difference->standard_error, 0.01, 1e-12);  // of 0.26 and 0.24
  EXPECT_EQ(a.difference->pairs, 2);
  ASSERT_TRUE(a.cross_entropy && a.max_vio);
  EXPECT_NEAR(*a.cross_entropy, 1.75, 1e-12) << "mean of the two seeds of rung 2";
  EXPECT_NEAR(*a.max_vio, 0.625, 1e-12);

  // Layers and curve are those of one training: the lowest seed's.
  const auto seed_of = [&](int i) { return line.game.ledger.key({line.a, 2, i, "0.1"}).seed; };
  const double lowest = seed_of(0) < seed_of(1) ? 0.5 : 0.75;
  ASSERT_EQ(a.layers.size(), 2u);
  EXPECT_EQ(a.layers[0].max_vio, lowest);
  EXPECT_EQ(a.layers[0].load, (std::vector<double>{0.75, 0.25}));
  ASSERT_EQ(a.curve.size(), 2u);
  EXPECT_EQ(a.curve[1].tokens, 10);
  EXPECT_EQ(a.curve[1].max_vio, lowest);
}

TEST(PromptFacts, LeaveOutOtherCoefficientsAndOtherBuilds) {
  Line line;
  population::EvaluationKey key = line.game.ledger.key({line.b, 1, 0, "0.1"});
  key.build = "another";
  line.store(key, metrics_of(9, 9));
  const prompts::ParentFacts b = line.facts({line.b}).parents.at(0);
  EXPECT_EQ(line.archive.evaluations(key.identity).size(), 4u)
      << "three trials and the other build's";
  EXPECT_NEAR(b.cross_entropy.value(), 2.5, 1e-12);
  EXPECT_NEAR(b.max_vio.value(), 0.5, 1e-12);
  EXPECT_NEAR(b.difference.value().mean, 0.5, 1e-12);
  EXPECT_EQ(b.difference.value().pairs, 1);
}

TEST(PromptFacts, NameTheAncestorsNearestFirstWithTheirIdeas) {
  const Line line;
  const std::vector<prompts::Ancestor> up = line.facts({line.b}).parents.at(0).ancestors;
  ASSERT_EQ(up.size(), 2u);
  EXPECT_EQ(up[0].op, "edit");
  EXPECT_EQ(up[0].idea, "a hinge") << "one line";
  EXPECT_EQ(up[0].outcome, "OK");
  EXPECT_NEAR(up[0].difference.value().mean, -0.25, 1e-12);
  EXPECT_NEAR(up[0].change.value().mean, -0.05, 1e-12) << "from p, on both seeds of rung 2";
  EXPECT_EQ(up[0].change.value().pairs, 2);
  EXPECT_EQ(up[1].op, "seed");
  EXPECT_EQ(up[1].idea, "shipped as p");
  EXPECT_FALSE(up[1].change);
  EXPECT_TRUE(line.facts({line.p}).parents.at(0).ancestors.empty());
}

TEST(PromptFacts, EndTheLineOfAncestorsAfterFour) {
  Shelf shelf;
  std::optional<size_t> last;
  for (int i = 0; i < 8; ++i)
    last = shelf.add("c" + std::to_string(i),
                     {.op = "mutate", .parent = last, .detail = "step " + std::to_string(i)});
  const prompts::Facts facts = shelf.facts({*last});
  ASSERT_EQ(facts.parents[0].ancestors.size(), 4u);
  EXPECT_EQ(facts.parents[0].ancestors[0].idea, "step 6");
  EXPECT_EQ(facts.parents[0].ancestors[3].idea, "step 3");
  EXPECT_EQ(facts.parents[0].ancestors[0].outcome, "not measured yet");
  EXPECT_FALSE(facts.parents[0].difference || facts.parents[0].cross_entropy);
}

// Eight candidates c0 (the best) to c7, and one that diverges.
struct Crowd : Shelf {
  Crowd() : Shelf(config_of()) {
    for (int i = 0; i < 8; ++i) add("c" + std::to_string(i), {.op = "seed"});
    failed = add("failed", {.op = "seed"});
    score = [this](const Want& want) {
      const std::string& name = game.entry(want.entry).name;
      return name[0] == 'c' ? 1.5 + 0.05 * (name[1] - '0') : 2.0;
    };
    metrics = [this](const Want& want) {
      return want.entry == failed ? std::nullopt : std::optional(metrics_of(score(want), 0.5));
    };
    measure();
  }
  size_t entry(const std::string& name) const { return *game.ledger.find(sha256_hex(name)); }
  size_t failed = 0;
};

TEST(PromptFacts, ShowTheTwoBestAndTwoDrawnOnesTheBestLast) {
  const Crowd crowd;
  ASSERT_TRUE(crowd.game.entry(crowd.failed).failed);
  std::set<std::string> drawn;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const auto shown = crowd.facts({crowd.entry("c0"), crowd.entry("c2")}, seed).inspirations;
    ASSERT_EQ(shown.size(), 4u);
    EXPECT_EQ(shown[3].name, "c1");  // c0 and c2 are the parents
    EXPECT_EQ(shown[2].name, "c3");
    EXPECT_EQ(shown[2].from, "top");
    EXPECT_EQ(shown[3].from, "top");
    EXPECT_GT(shown[0].name, shown[1].name) << "the better one later";
    for (const size_t i : {0u, 1u}) {
      EXPECT_EQ(shown[i].from, "archive");
      drawn.insert(shown[i].name);
    }
  }
  EXPECT_EQ(drawn, (std::set<std::string>{"c4", "c5", "c6", "c7"}))
      << "no parents, no built-ins, none that failed";
}

TEST(PromptFacts, ShowFewerOthersWhereThereAreFewer) {
  const Line line;
  const auto shown = line.facts({line.a}).inspirations;
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_EQ(shown[0].name, "b");
  EXPECT_EQ(shown[0].idea, "a square");
  EXPECT_EQ(shown[1].name, "p");
  EXPECT_NEAR(shown[1].difference.value().mean, -0.2, 1e-12);
  EXPECT_NEAR(shown[1].cross_entropy.value(), 1.8, 1e-12);
  EXPECT_NEAR(shown[1].max_vio.value(), 0.625, 1e-12);
}

TEST(PromptFacts, NameFailuresOfModelsNewestFirstAndEachReasonOnce) {
  Shelf shelf;
  const auto attempt = [](const char* model, const char* reason, const std::string& detail,
                          Outcome outcome) {
    return Made{
        .op = "edit", .model = model, .reason = reason, .detail = detail, .outcome = outcome};
  };
  const size_t p = shelf.add("p", {.op = "seed"});
  shelf.measure();
  shelf.add("bad", {.op = "rewrite", .parent = p, .model = "m", .detail = "too steep"});
  shelf.metrics = [](const Want&) { return std::nullopt; };
  shelf.measure();
  shelf.add("new", {.op = "edit", .parent = p, .model = "m"});  // waits to be measured
  shelf.fail(attempt("m", "identity", "UNCHANGED: the same", Outcome::kOk));
  shelf.fail(attempt("", "static", "of no model", Outcome::kStaticReject));
  shelf.fail(attempt("m", "static", "no r.probz\nhere", Outcome::kStaticReject));
  shelf.fail(attempt("m", "call", "NETWORK: gone", Outcome::kInfra));
  shelf.fail(attempt("n", "static", "no r.probz", Outcome::kStaticReject));
  const auto failures = shelf.facts({p}).failures;
  ASSERT_EQ(failures.size(), 3u);
  EXPECT_EQ(failures[0].outcome, "STATIC_REJECT");
  EXPECT_EQ(failures[0].reason, "no r.probz");
  EXPECT_EQ(failures[1].outcome, "identity");
  EXPECT_EQ(failures[2].outcome, "FAILED");
  EXPECT_EQ(failures[2].op, "rewrite");
  EXPECT_EQ(failures[2].idea, "too steep");
  EXPECT_EQ(failures[2].reason, "its training failed at rung 1");

  for (int i = 0; i < 9; ++i)
    shelf.fail(attempt("m", "reply", "n" + std::to_string(i), Outcome::kStaticReject));
  const auto newest = shelf.facts({p}).failures;
  ASSERT_EQ(newest.size(), 5u);
  EXPECT_EQ(newest[0].reason, "n8");
  EXPECT_EQ(newest[4].reason, "n4");
}

TEST(PromptFacts, DoWithoutWhatWasNotMeasured) {
  Shelf shelf;
  const size_t p = shelf.add("p", {.op = "seed"});
  shelf.metrics = [](const Want&) {
    Metrics some;
    some.scalars = {{"cross_entropy", NAN}, {"max_vio_global", 0.5}};
    some.arrays = {{"layer_max_vio_global", {0.5, 0.5}}, {"train_curve_tokens", {5, 10}}};
    return some;
  };
  shelf.measure();
  const prompts::Facts facts = shelf.facts({p});
  EXPECT_FALSE(facts.parents[0].cross_entropy);
  EXPECT_EQ(facts.parents[0].max_vio, 0.5);
  EXPECT_TRUE(facts.parents[0].difference);
  EXPECT_TRUE(facts.parents[0].layers.empty());
  EXPECT_TRUE(facts.parents[0].curve.empty());
  const std::string user =
      prompts::make_request(task_of(shelf.source.config), "edit", "default", facts).user;
  EXPECT_EQ(user.find("nan"), std::string::npos);
  EXPECT_NE(user.find("MaxVio 0.500"), std::string::npos);
}

TEST(PromptFacts, AreAllInTheRequestAndTheSameForTheSameInputs) {
  Line line;
  line.fail({.op = "edit",
             .model = "m",
             .reason = "static",
             .detail = "no r.probz",
             .outcome = Outcome::kStaticReject});
  line.source.notes = "Hinges work.";
  line.source.suggestions = {"square it"};
  const auto request = [&](uint64_t seed) {
    return prompts::make_request(task_of(line.source.config), "rewrite", "default",
                                 line.facts({line.b}, seed));
  };
  const prompts::Request made = request(5);
  for (const std::string& part : std::vector<std::string>{
           Shelf::text("b"), Shelf::text("a"), Shelf::text("p"), "Hinges work.", "square it",
           "STATIC_REJECT: no r.probz", "a hinge: OK; to the reference -0.250 +- 0.010 (2 seeds)",
           "cross-entropy 2.50000, MaxVio 0.500", "| 10 | 2.2500 |", "1.50 0.50",
           "coefficient 0.1."})
    EXPECT_NE(made.user.find(part), std::string::npos) << part << "\nis not in\n" << made.user;
  EXPECT_EQ(request(5).user, made.user);
  EXPECT_EQ(request(5).system, made.system);

  const Crowd crowd;
  const auto names = [&](uint64_t seed) {
    std::string out;
    for (const auto& one : crowd.facts({crowd.entry("c0")}, seed).inspirations) out += one.name;
    return out;
  };
  std::set<std::string> different;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(names(seed), names(seed));
    different.insert(names(seed));
  }
  EXPECT_GT(different.size(), 1u);
}

TEST(PromptFacts, ToMendATextAreThoseOfItsParentsAlone) {
  const Line line;
  const prompts::Facts facts = parents_only(line.source, {line.a, line.p});
  ASSERT_EQ(facts.parents.size(), 2u);
  EXPECT_EQ(facts.parents[0].name, "a");
  EXPECT_EQ(facts.parents[1].name, "p");
  EXPECT_NEAR(facts.parents[0].difference.value().mean, -0.25, 1e-12);
  EXPECT_FALSE(facts.parents[0].layers.empty());
  EXPECT_TRUE(facts.inspirations.empty() && facts.failures.empty());
}

TEST(ResultsForNotes, AreThoseWithAVerdictSinceThen) {
  Line line;
  line.fail({.op = "edit", .model = "m", .reason = "static", .detail = "no r.probz"});
  const size_t c = line.add("c", {.op = "edit", .parent = line.b, .model = "m", .detail = "cube"});
  line.metrics = [](const Want&) { return std::nullopt; };
  line.measure();
  ASSERT_TRUE(line.game.entry(c).failed);
  line.add("d", {.op = "edit", .parent = line.b, .model = "m"});  // not measured yet

  const auto all = results_for_notes(line.source, 0, 40);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].name, "p");
  EXPECT_EQ(all[0].op, "seed");
  EXPECT_FALSE(all[0].change);
  EXPECT_EQ(all[1].name, "a");
  EXPECT_EQ(all[1].idea, "a hinge");
  EXPECT_EQ(all[1].outcome, "OK");
  EXPECT_EQ(all[1].source, Shelf::text("a"));
  EXPECT_NEAR(all[1].difference.value().mean, -0.25, 1e-12);
  EXPECT_NEAR(all[1].change.value().mean, -0.05, 1e-12);
  EXPECT_NEAR(all[1].cross_entropy.value(), 1.75, 1e-12);
  EXPECT_NEAR(all[1].max_vio.value(), 0.625, 1e-12);
  EXPECT_NEAR(all[2].change.value().mean, 0.7, 1e-12) << "on the one seed of rung 1";
  EXPECT_EQ(all[3].name, "c");
  EXPECT_EQ(all[3].outcome, "FAILED");
  EXPECT_EQ(all[3].reason, "failed at rung 1");
  EXPECT_FALSE(all[3].difference || all[3].cross_entropy);

  const auto since = results_for_notes(line.source, 2, 40);
  ASSERT_EQ(since.size(), 2u);
  EXPECT_EQ(since[0].name, "b");
  const auto last = results_for_notes(line.source, 0, 1);
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].name, "c");
  EXPECT_TRUE(results_for_notes(line.source, 99, 40).empty());
}

}  // namespace
}  // namespace ballast::orchestrator
