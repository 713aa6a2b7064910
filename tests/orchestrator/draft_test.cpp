#include "orchestrator/draft.h"

#include <gtest/gtest.h>

#include <set>

#include "common/error.h"
#include "orchestrator/llm/vector_text.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/orchestrator/game.h"
#include "tests/orchestrator/small_search.h"

namespace ballast::orchestrator {
namespace {

constexpr const char* kGood =
    "Idea: hinge it.\n```python\ndef balance_loss(r):\n"
    "    return 0.4 * torch.relu(r.load_global - r.probs.mean(0)).sum()\n```\n";
constexpr const char* kTypo = "```python\ndef balance_loss(r):\n    return r.probz.sum()\n```\n";

LlmReply reply(std::string text, LlmOutcome outcome = LlmOutcome::kOk) {
  LlmReply out;
  out.outcome = outcome;
  out.text = std::move(text);
  if (outcome != LlmOutcome::kOk) out.message = "as the test says";
  return out;
}
LlmReply vector(const std::vector<float>& values) { return reply(vector_text(values)); }

// One draft of the model "small" on one parent, whose embedding is (1, 0).
struct Bench {
  Bench() : ledger(config), proposer(config, ledger, known, sandbox) {
    for (const BuiltinConfig& builtin : config.builtins) {
      ledger.add(row("builtin:" + builtin.name), "");
      known.add({});
      texts.add({});
    }
    const Proposal made = proposer.seed(1, config.seeds.at(0));
    if (!made.candidate) throw Error(made.row.detail);
    ledger.add(*made.candidate, "seed");
    known.add(made.candidate->fingerprint);
    texts.add(std::vector<float>{1, 0});
    draft.row.number = 1;
    draft.row.op = "rewrite";
    draft.row.model = "small";
    draft.row.island = 1;
    draft.row.parents = {made.candidate->identity};
  }
  std::variant<Asking, Proposal> next(const LlmReply& reply) {
    return Dialogue{config,     ledger, {},       archive,  memory,
                    scratchpad, texts,  proposer, embedder, judge}
        .next(draft, reply);
  }
  Asking asked(const LlmReply& reply) {
    auto out = next(reply);
    if (auto* end = std::get_if<Proposal>(&out))
      throw Error("nothing is asked: " + end->row.reason + ": " + end->row.detail);
    return std::get<Asking>(out);
  }
  Proposal ended(const LlmReply& reply) {
    auto out = next(reply);
    if (auto* asking = std::get_if<Asking>(&out)) throw Error("it asks for " + asking->op);
    Proposal proposal = std::get<Proposal>(std::move(out));
    EXPECT_EQ(proposal.candidate.has_value(), proposal.row.reason == "accepted");
    EXPECT_EQ(proposal.row.op, "rewrite");
    EXPECT_EQ(proposal.row.parents, draft.row.parents);
    EXPECT_EQ(proposal.island, 1);
    return proposal;
  }
  std::string last_message() const { return draft.chain.failures.back().message; }

  SearchConfig config = small_config_with_models(0);
  Ledger ledger;
  FingerprintIndex known;
  fakes::FakeSandbox sandbox;
  Proposer proposer;
  EmbeddingIndex texts;
  FactsMemory memory;
  Scratchpad scratchpad;
  SystemClock clock;
  fakes::TemporaryFolder folder;
  population::Archive archive{folder / "archive.sqlite", clock};
  bool embedder = true, judge = true;
  Draft draft;
};

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Dialogue, AsksToMendWhatCannotBeReadAndSaysWhy) {
  const std::pair<LlmReply, prompts::FailureKind> kCases[] = {
      {reply("```python\ndef balance_loss(r):\n    return r.lo", LlmOutcome::kTruncated),
       prompts::FailureKind::kCutOff},
      {reply("I would balance the experts better."), prompts::FailureKind::kNoCode},
      {reply(kTypo), prompts::FailureKind::kStatic},
      {reply("```python\ndef balance_loss(r):\n    return r.load.sum()\n```\n"),
       prompts::FailureKind::kNoGradient}};
  for (const auto& [answer, kind] : kCases) {
    SCOPED_TRACE(prompts::to_string(kind));
    Bench bench;
    const Asking asking = bench.asked(answer);
    EXPECT_EQ(asking.op, "repair");
    EXPECT_EQ(asking.model, "small");
    EXPECT_TRUE(asking.variant.starts_with("repair/1@")) << asking.variant;
    ASSERT_EQ(bench.draft.chain.failures.size(), 1u);
    EXPECT_EQ(bench.draft.chain.failures[0].kind, kind);
    ASSERT_FALSE(bench.last_message().empty());
    EXPECT_TRUE(holds(asking.prompt.user, bench.last_message()));
    EXPECT_TRUE(holds(asking.prompt.user, bench.ledger.entries().back().source)) << "the parent";
    EXPECT_EQ(bench.sandbox.probes(), 1) << "the seed's";
  }
}

TEST(Dialogue, TakesWhatWasMended) {
  Bench bench;
  bench.embedder = false;
  bench.asked(reply(kTypo));
  const Proposal end = bench.ended(reply(kGood));
  EXPECT_EQ(end.row.reason, "accepted");
  EXPECT_EQ(end.row.detail, "hinge it.");
  EXPECT_EQ(end.row.identity, end.candidate->identity);
}

TEST(Dialogue, GivesUpAfterTheTurnsThatAreConfigured) {
  for (const int turns : {0, 1, 2}) {
    SCOPED_TRACE(turns);
    Bench bench;
    bench.config.repair_turns = turns;
    for (int i = 1; i <= turns; ++i)
      EXPECT_TRUE(bench.asked(reply("Sorry.")).variant.starts_with("repair/" + std::to_string(i)));
    const Proposal end = bench.ended(reply("Sorry."));
    EXPECT_EQ(end.row.reason, "reply");
    EXPECT_EQ(end.row.outcome, Outcome::kStaticReject);
    EXPECT_TRUE(end.row.detail.starts_with("NO_CODE: the reply holds no function"))
        << end.row.detail;
    EXPECT_EQ(end.row.source, "Sorry.");
  }
}

TEST(Dialogue, ShowsTheEarlierErrorToo) {
  Bench bench;
  bench.asked(reply(kTypo));
  const std::string first = bench.last_message();
  const Asking second = bench.asked(reply("Sorry."));
  EXPECT_TRUE(holds(second.prompt.user, first));
  EXPECT_TRUE(holds(second.prompt.user, bench.last_message()));
}

TEST(Dialogue, EndsAsStaticWithTheLastText) {
  Bench bench;
  bench.config.repair_turns = 0;
  const Proposal end = bench.ended(reply(kTypo));
  EXPECT_EQ(end.row.reason, "static");
  EXPECT_EQ(end.row.outcome, Outcome::kStaticReject);
  EXPECT_TRUE(holds(end.row.detail, "probz")) << end.row.detail;
  EXPECT_FALSE(holds(end.row.detail, "\n"));
  EXPECT_TRUE(holds(end.row.source, "probz"));
}

// The language takes it, the search finds it too dear.
TEST(Dialogue, AsksToMendWhatCostsTooMuch) {
  Bench bench;
  bench.config.max_flops = 1;
  EXPECT_TRUE(holds(bench.asked(reply(kGood)).prompt.user, "FLOP"));
  bench.config.repair_turns = 0;
  EXPECT_EQ(bench.ended(reply(kGood)).row.reason, "static");
}

TEST(Dialogue, EndsAsContractWithWhatTheProbeSaid) {
  for (const Outcome outcome : {Outcome::kContractViolation, Outcome::kTimeout}) {
    SCOPED_TRACE(to_string(outcome));
    Bench bench;
    bench.config.repair_turns = 1;
    bench.sandbox.probe_script = [&](const ProbeJob&) {
      return std::optional(Reply{0, outcome, "not finite at zero loads"});
    };
    const Asking asking = bench.asked(reply(kGood));
    EXPECT_EQ(asking.op, "repair");
    EXPECT_TRUE(holds(asking.prompt.user, "not finite at zero loads"));
    const Proposal end = bench.ended(reply(kGood));
    EXPECT_EQ(end.row.reason, "contract");
    EXPECT_EQ(end.row.outcome, outcome);
    EXPECT_EQ(end.row.identity.size(), 64u) << "it is a candidate";
    EXPECT_EQ(end.row.detail, "CONTRACT: not finite at zero loads");
    EXPECT_TRUE(holds(end.row.source, "relu("));
  }
}

TEST(Dialogue, DoesNotAskAboutTheParentAgain) {
  Bench bench;
  const Proposal end =
      bench.ended(reply("```python\n" + bench.ledger.entries().back().source + "```\n"));
  EXPECT_EQ(end.row.reason, "identity");
  EXPECT_EQ(end.row.outcome, Outcome::kOk);
  EXPECT_TRUE(end.row.detail.starts_with("UNCHANGED: ")) << end.row.detail;
}

TEST(Dialogue, EndsAsCallWhenNoTextCame) {
  for (const LlmOutcome outcome :
       {LlmOutcome::kRefused, LlmOutcome::kFiltered, LlmOutcome::kEmpty, LlmOutcome::kNetwork,
        LlmOutcome::kTimeout, LlmOutcome::kAuth, LlmOutcome::kBudget}) {
    SCOPED_TRACE(to_string(outcome));
    for (const bool mending : {false, true}) {
      Bench bench;
      if (mending) bench.asked(reply("Sorry."));
      const Proposal end = bench.ended(reply("", outcome));
      EXPECT_EQ(end.row.reason, "call");
      EXPECT_EQ(end.row.outcome, Outcome::kInfra);
      EXPECT_EQ(end.row.detail, std::string(to_string(outcome)) + ": as the test says");
    }
  }
}

TEST(Dialogue, AsksForAnEmbeddingOfAGoodTextWhereItCan) {
  Bench bench;
  const Asking asking = bench.asked(reply(kGood));
  EXPECT_EQ(asking.op, "embed");
  EXPECT_EQ(asking.model, "vectors");
  EXPECT_EQ(asking.prompt.system, "");
  EXPECT_TRUE(asking.prompt.user.starts_with("def balance_loss(r):")) << asking.prompt.user;
  const Proposal end = bench.ended(vector({0, 1}));
  EXPECT_EQ(end.row.reason, "accepted");
  EXPECT_EQ(bench.draft.embedding, (std::vector<float>{0, 1}));

  Bench without;
  without.config.models.embedder = "";
  EXPECT_EQ(without.ended(reply(kGood)).row.reason, "accepted");
}

TEST(Dialogue, TakesAnEmbeddingThatItCannotUseAsNone) {
  for (const LlmReply& answer : {vector({1, 0, 0}), reply("no vector"), vector({0, 0}),
                                 reply("", LlmOutcome::kOverloaded)}) {
    Bench bench;
    bench.asked(reply(kGood));
    EXPECT_EQ(bench.ended(answer).row.reason, "accepted");
    EXPECT_TRUE(bench.draft.embedding.empty());
  }
}

TEST(Dialogue, AsksTheJudgeAboutACloseText) {
  Bench bench;
  bench.asked(reply(kGood));
  const Asking asking = bench.asked(vector({1, 0.01F}));
  EXPECT_EQ(asking.op, "judge");
  EXPECT_EQ(asking.model, "large");
  EXPECT_TRUE(asking.variant.starts_with("novelty/default@")) << asking.variant;
  EXPECT_TRUE(holds(asking.prompt.user, bench.ledger.entries().back().source));
  EXPECT_TRUE(holds(asking.prompt.user, "relu("));
  const Proposal end = bench.ended(reply("NOT_NOVEL: constants only"));
  EXPECT_EQ(end.row.reason, "embedding");
  EXPECT_EQ(end.row.outcome, Outcome::kOk);
  EXPECT_TRUE(holds(end.row.detail, "not novel: constants only")) << end.row.detail;
  EXPECT_TRUE(holds(end.row.source, "relu("));
}

TEST(Dialogue, AcceptsWhatTheJudgeDoesNotTurnDown) {
  for (const LlmReply& answer :
       {reply("NOVEL: a hinge"), reply("Well, that depends."), reply("", LlmOutcome::kRefused),
        reply("NOT_NOVEL: cut", LlmOutcome::kTruncated)}) {
    SCOPED_TRACE(answer.text);
    Bench bench;
    bench.asked(reply(kGood));
    bench.asked(vector({1, 0}));
    const Proposal end = bench.ended(answer);
    EXPECT_EQ(end.row.reason, "accepted");
    EXPECT_TRUE(end.row.detail.starts_with("hinge it.: cosine 1")) << end.row.detail;
    EXPECT_EQ(bench.draft.embedding, (std::vector<float>{1, 0}));
  }
}

TEST(Dialogue, TurnsDownACloseTextWithoutAJudge) {
  for (const bool configured : {false, true}) {
    Bench bench;
    bench.judge = false;
    if (!configured) {
      bench.judge = true;
      bench.config.models.judge = "";
    }
    bench.asked(reply(kGood));
    const Proposal end = bench.ended(vector({1, 0}));
    EXPECT_EQ(end.row.reason, "embedding");
    EXPECT_TRUE(holds(end.row.detail, "(plain)")) << "whom it is close to: " << end.row.detail;
  }
}

TEST(Dialogue, DependsOnTheDraftsNumber) {
  Bench bench;
  bench.scratchpad.suggestions = {"one", "two", "three", "four"};
  std::set<std::string> variants;
  for (int64_t number = 1; number <= 40; ++number) {
    bench.draft.row.number = number;
    const Dialogue dialogue{bench.config, bench.ledger,     {},          bench.archive,
                            bench.memory, bench.scratchpad, bench.texts, bench.proposer};
    const Asking asking = dialogue.question(bench.draft);
    EXPECT_EQ(asking.op, "rewrite");
    EXPECT_EQ(asking.model, "small");
    EXPECT_EQ(asking.prompt, dialogue.question(bench.draft).prompt);
    variants.insert(asking.variant.substr(0, asking.variant.find('@')));
  }
  EXPECT_EQ(variants.size(), 5u);
}

}  // namespace
}  // namespace ballast::orchestrator
