// Calls to language models: stored before they are made, counted at their worst until known; and
// the drafts they are about.
#include <gtest/gtest.h>

#include "population/db.h"
#include "population/reader.h"
#include "tests/population/fixture.h"

namespace ballast::population {
namespace {

CallRow a_call(const std::string& user, const std::string& model = "small") {
  CallRow call;
  call.model = model;
  call.provider = "anthropic";
  call.remote = "claude";
  call.op = "edit";
  call.variant = "v1";
  call.system = "You improve losses.";
  call.user = user;
  call.sampling = R"({"max_output_tokens":100})";
  return call;
}

DraftRow a_draft(int64_t number, const std::string& op = "edit") {
  return {.number = number, .op = op, .model = "small", .variant = "v1"};
}

AttemptEnd an_end(const std::string& outcome, std::optional<double> usd, TokenCounts tokens = {}) {
  AttemptEnd end;
  end.outcome = outcome;
  end.status = 200;
  end.tokens = tokens;
  end.usd = usd;
  end.seconds = 2;
  return end;
}

CallEnd answered(const std::string& reply, const std::string& outcome = "OK") {
  CallEnd end;
  end.outcome = outcome;
  end.reply = reply;
  end.request_id = "r";
  end.attempts = 1;
  end.seconds = 2;
  return end;
}

class CallsTest : public testing::Test {
 protected:
  int64_t asked(const CallRow& call, const CallEnd& end, double usd = 0.01) {
    const int64_t id = archive_->begin_call(call);
    archive_->finish_attempt(archive_->begin_attempt(id, 1, 1, 100), an_end("OK", usd));
    archive_->finish_call(id, end);
    return id;
  }
  void add_reference() { archive_->add_candidate(a_candidate("builtin:global_lbl")); }
  void reopen() {
    archive_.reset();
    archive_ = std::make_unique<Archive>(path_, clock_);
  }
  Folder folder_;
  FixedClock clock_;
  const std::filesystem::path path_ = folder_ / "a.db";
  std::unique_ptr<Archive> archive_ = std::make_unique<Archive>(path_, clock_);
};

TEST_F(CallsTest, ReadBackAsTheyWereStored) {
  const int64_t id = archive_->begin_call(a_call("Improve this."));
  const int64_t attempt = archive_->begin_attempt(id, 1, 0.5, 1000);
  const TokenCounts tokens{.input = 10,
                           .cache_read = 20,
                           .cache_write = 30,
                           .cache_write_1h = 40,
                           .output = 50,
                           .reasoning = 5};
  archive_->finish_attempt(attempt, an_end("OK", 0.125, tokens));
  archive_->finish_call(id, answered("def balance_loss(r): ..."));
  reopen();
  const std::vector<CallRow> calls = archive_->calls();
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].id, id);
  EXPECT_EQ(calls[0].system, "You improve losses.");
  EXPECT_EQ(calls[0].user, "Improve this.");
  EXPECT_EQ(calls[0].variant, "v1");
  EXPECT_EQ(calls[0].prompt_hash, prompt_hash("You improve losses.", "Improve this."));
  EXPECT_EQ(calls[0].ordinal, 0);
  EXPECT_EQ(calls[0].outcome, "OK");
  EXPECT_EQ(calls[0].reply, "def balance_loss(r): ...");
  EXPECT_EQ(calls[0].answered, 1);
  const std::vector<AttemptRow> attempts = archive_->attempts();
  ASSERT_EQ(attempts.size(), 1u);
  EXPECT_EQ(attempts[0].call, id);
  EXPECT_EQ(attempts[0].worst_usd, 0.5);
  EXPECT_EQ(attempts[0].end.usd, 0.125);
  EXPECT_EQ(attempts[0].end.tokens, tokens);
  EXPECT_EQ(archive_->llm_spending().tokens, 150);
}

TEST_F(CallsTest, APromptSplitElsewhereIsAnotherPrompt) {
  EXPECT_NE(prompt_hash("ab", "c"), prompt_hash("a", "bc"));
  EXPECT_EQ(prompt_hash("a", "b"), prompt_hash("a", "b"));
}

TEST_F(CallsTest, OrdinalsCountPerPromptAndModelAndALostOneIsFreeAgain) {
  asked(a_call("p"), answered("first"));
  archive_->begin_call(a_call("p"));  // lost, below
  asked(a_call("p"), answered("third"));
  asked(a_call("p", "big"), answered("another model"));
  asked(a_call("p"), answered("", "CANCELLED"));
  reopen();
  EXPECT_EQ(archive_->lose_open_calls(), 1);
  EXPECT_EQ(archive_->lose_open_calls(), 0);
  asked(a_call("p"), answered("second"));
  std::vector<std::optional<int64_t>> ordinals;
  for (const CallRow& call : archive_->calls()) ordinals.push_back(call.ordinal);
  EXPECT_EQ(ordinals, (std::vector<std::optional<int64_t>>{0, {}, 2, 0, {}, 1}));
  EXPECT_EQ(archive_->calls()[1].outcome, "LOST");
  EXPECT_EQ(archive_->calls().back().answered, 4) << "cancelled and lost ones have no place";
}

TEST_F(CallsTest, WhatIsUnderWayLostOrUnknownCountsAtItsWorst) {
  const int64_t id = archive_->begin_call(a_call("p"));
  archive_->finish_attempt(archive_->begin_attempt(id, 1, 1.0, 1000),
                           an_end("OK", 0.25, {.input = 7, .output = 3}));
  archive_->finish_attempt(archive_->begin_attempt(id, 2, 2.0, 2000), an_end("STALLED", {}));
  archive_->begin_attempt(id, 3, 4.0, 4000);
  for (int i = 0; i < 2; ++i) {
    const Spending spent = archive_->llm_spending();
    EXPECT_EQ(spent.usd, 6.25);
    EXPECT_EQ(spent.tokens, 6010);
    EXPECT_EQ(spent.requests, 3);
    reopen();
    archive_->lose_open_calls();
  }
}

TEST_F(CallsTest, EndOnce) {
  const int64_t id = archive_->begin_call(a_call("p"));
  const int64_t attempt = archive_->begin_attempt(id, 1, 1, 1);
  archive_->finish_attempt(attempt, an_end("OK", 1));
  EXPECT_THROW(archive_->finish_attempt(attempt, an_end("OK", 0)), Error);
  archive_->finish_call(id, answered("a"));
  EXPECT_THROW(archive_->finish_call(id, answered("b")), Error);
  EXPECT_EQ(archive_->calls()[0].reply, "a");
  EXPECT_EQ(archive_->llm_spending().usd, 1);
}

TEST_F(CallsTest, AProposalKnowsItsCalls) {
  const int64_t first = asked(a_call("p"), answered("bad"));
  const int64_t second = asked(a_call("repair"), answered("good"));
  asked(a_call("q"), answered("not used"));
  ProposalRow proposal;
  proposal.op = "edit";
  proposal.identity = identity('a');
  proposal.reason = "accepted";
  proposal.calls = {first, second};
  archive_->add_proposal(proposal);
  EXPECT_EQ(archive_->proposals()[0].calls, (std::vector<int64_t>{first, second}));
  const std::vector<CallRow> calls = Reader(path_).calls(identity('a'));
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[1].reply, "good");
}

TEST_F(CallsTest, ACallCostsWhatItsAttemptsDidUnknownOnesAtTheirWorst) {
  const int64_t id = archive_->begin_call(a_call("p"));
  EXPECT_EQ(archive_->calls()[0].usd, 0);
  archive_->finish_attempt(archive_->begin_attempt(id, 1, 1.0, 1000), an_end("OVERLOADED", 0.25));
  archive_->finish_attempt(archive_->begin_attempt(id, 2, 2.0, 2000), an_end("STALLED", {}));
  asked(a_call("q"), answered("x"), 0.5);
  EXPECT_EQ(archive_->calls()[0].usd, 2.25);
  EXPECT_EQ(archive_->calls()[1].usd, 0.5);
  EXPECT_EQ(Reader(path_).calls()[0].usd, 2.25);
}

TEST_F(CallsTest, DraftsAreReadBackByNumberAlsoByTheNextProcess) {
  add_reference();
  archive_->add_candidate(a_candidate(identity('a')));
  DraftRow draft = a_draft(2);
  draft.parents = {identity('a'), "builtin:global_lbl"};
  draft.island = 3;
  archive_->add_draft(draft);
  archive_->add_draft(a_draft(1, "notes"));
  archive_->end_draft(1, std::nullopt);
  reopen();
  const std::vector<DraftRow> drafts = archive_->drafts();
  ASSERT_EQ(drafts.size(), 2u);
  EXPECT_EQ(drafts[0].number, 1);
  EXPECT_EQ(drafts[0].op, "notes");
  EXPECT_TRUE(drafts[0].parents.empty());
  EXPECT_FALSE(drafts[0].island);
  EXPECT_EQ(drafts[0].ended_ns, clock_.wall_ns());
  EXPECT_EQ(drafts[1].number, 2);
  EXPECT_EQ(drafts[1].op, "edit");
  EXPECT_EQ(drafts[1].model, "small");
  EXPECT_EQ(drafts[1].variant, "v1");
  EXPECT_EQ(drafts[1].parents, draft.parents);
  EXPECT_EQ(drafts[1].island, 3);
  EXPECT_EQ(drafts[1].asked_ns, clock_.wall_ns());
  EXPECT_FALSE(drafts[1].ended_ns);
  const Record record = Reader(path_).record();
  ASSERT_EQ(record.drafts.size(), 2u);
  EXPECT_EQ(record.drafts[1].parents, draft.parents);
}

TEST_F(CallsTest, ADraftBeginsOnceAndEndsOnce) {
  archive_->add_draft(a_draft(1));
  EXPECT_NE(error_of([&] { archive_->add_draft(a_draft(1)); }).find("draft 1, whose number is"),
            std::string::npos);
  EXPECT_THROW(archive_->add_draft(a_draft(0)), Error);
  EXPECT_THROW(archive_->end_draft(2, std::nullopt), Error) << "there is none";
  archive_->end_draft(1, std::nullopt);
  EXPECT_NE(
      error_of([&] { archive_->end_draft(1, std::nullopt); }).find("draft 1, which does not wait"),
      std::string::npos);
  EXPECT_THROW(archive_->add_draft(a_draft(1)), Error) << "an ended one keeps its number";
  DraftRow orphan = a_draft(3);
  orphan.parents = {identity('c')};
  EXPECT_THROW(archive_->add_draft(orphan), Error) << "no such candidate";
  EXPECT_EQ(archive_->drafts().size(), 1u);
}

TEST_F(CallsTest, TheCallsOfADraftComeInTheOrderAsked) {
  archive_->add_draft(a_draft(1));
  archive_->add_draft(a_draft(2));
  const auto of = [](int64_t draft, const std::string& user) {
    CallRow call = a_call(user);
    call.draft = draft;
    return call;
  };
  const int64_t first = archive_->begin_call(of(1, "p"));
  asked(of(2, "p"), answered("z"));
  asked(a_call("p"), answered("of no draft"));
  const int64_t second = archive_->begin_call(of(1, "q"));
  archive_->finish_call(second, answered("y"));
  archive_->finish_call(first, answered("x"));
  EXPECT_THROW(archive_->begin_call(of(7, "p")), Error) << "no such draft";
  reopen();
  const std::vector<CallRow> calls = archive_->calls_of_draft(1);
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].id, first);
  EXPECT_EQ(calls[0].reply, "x");
  EXPECT_EQ(calls[0].draft, 1);
  EXPECT_EQ(calls[1].id, second);
  EXPECT_TRUE(archive_->calls_of_draft(9).empty());
  const std::vector<CallRow> all = Reader(path_).record().calls;
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[1].draft, 2);
  EXPECT_FALSE(all[2].draft);
}

TEST_F(CallsTest, AnAnswerArrivesOnceAndOnlyWhenItIsThere) {
  const int64_t id = archive_->begin_call(a_call("p"));
  EXPECT_THROW(archive_->add_arrival({.call = id}), Error) << "no run";
  archive_->begin_run(a_run());
  EXPECT_THROW(archive_->add_arrival({.call = id}), Error) << "under way";
  EXPECT_THROW(archive_->add_arrival({.call = id + 1}), Error) << "no such call";
  EXPECT_THROW(archive_->add_arrival({}), Error) << "neither result nor answer";
  archive_->finish_call(id, answered("x"));
  EXPECT_FALSE(archive_->calls()[0].handled_ns);
  archive_->add_arrival({.call = id, .steps = 7});
  EXPECT_THROW(archive_->add_arrival({.call = id, .steps = 8}), Error);
  reopen();
  EXPECT_EQ(archive_->calls()[0].handled_ns, clock_.wall_ns());
  const std::vector<ArrivalRow> arrivals = Reader(path_).record().arrivals;
  ASSERT_EQ(arrivals.size(), 1u);
  EXPECT_EQ(arrivals[0].call, id);
  EXPECT_EQ(arrivals[0].steps, 7);
  EXPECT_EQ(arrivals[0].session, 1);
}

TEST_F(CallsTest, ADraftKnowsItsProposalItsMoneyAndItsLastReplies) {
  archive_->begin_run(a_run());
  archive_->add_draft(a_draft(1));
  const auto answer = [&](const char* op, const std::string& text, bool used) {
    CallRow call = a_call("p" + text);
    call.op = op;
    call.draft = 1;
    const int64_t id = archive_->begin_call(call);
    const int64_t attempt = archive_->begin_attempt(id, 1, 0.5, 10);
    archive_->finish_attempt(attempt, {.outcome = "OK", .usd = 0.25});
    archive_->finish_call(id, answered(text));
    if (used) archive_->add_arrival({.call = id});
  };
  answer("edit", "text", true);
  answer("embed", "first", true);
  answer("embed", "second", true);
  answer("embed", "unused", false);
  EXPECT_TRUE(archive_->last_replies("embed").empty()) << "no proposal yet";
  const int64_t proposal = archive_->add_proposal({"edit", {}, "", Outcome::kOk, "reply", "", ""});
  archive_->end_draft(1, proposal);
  const DraftRow draft = archive_->drafts().at(0);
  EXPECT_EQ(draft.proposal, proposal);
  EXPECT_EQ(draft.usd, 0.75);
  using Replies = std::vector<std::pair<int64_t, std::string>>;
  EXPECT_EQ(archive_->last_replies("embed"), (Replies{{proposal, "unused"}}));
}

// The last calls of a chain only look at the text that an earlier one wrote.
TEST_F(CallsTest, AProposalIsCreditedToWhoWroteItNotToEmbedderOrJudge) {
  add_reference();
  const auto by = [&](const std::string& op, const std::string& model) {
    CallRow call = a_call(op, model);
    call.op = op;
    return asked(call, answered("x"));
  };
  ProposalRow proposal;
  proposal.op = "edit";
  proposal.parents = {"builtin:global_lbl"};
  proposal.identity = identity('a');
  proposal.reason = "accepted";
  proposal.calls = {by("edit", "small"), by("repair", "small"), by("embed", "vectors"),
                    by("judge", "big")};
  archive_->add_candidate(a_candidate(identity('a')));
  archive_->add_proposal(proposal);
  const std::vector<CostRow> costs = Reader(path_).costs();
  ASSERT_EQ(costs.size(), 4u);
  for (const CostRow& row : costs) {
    EXPECT_EQ(row.proposals, row.op == "repair" ? 1 : 0) << row.model << " " << row.op;
    EXPECT_EQ(row.accepted, row.proposals);
    EXPECT_EQ(row.usd, 0.01);
  }
}

// Two models; one proposal improves on its parent at the rung both have reached, one does not.
TEST_F(CallsTest, CostsPerModelAndOperatorWithWhatTheyBrought) {
  archive_->begin_run(a_run());
  archive_->add_candidate(a_candidate("builtin:global_lbl"));
  const auto child = [&](char digit, int64_t call, double difference) {
    archive_->add_candidate(a_candidate(identity(digit)));
    ProposalRow proposal;
    proposal.op = "edit";
    proposal.parents = {"builtin:global_lbl"};
    proposal.identity = identity(digit);
    proposal.reason = "accepted";
    proposal.calls = {call};
    archive_->add_proposal(proposal);
    archive_->put_estimate({identity(digit), 2, "1", 2, difference, 0.1});
    archive_->put_estimate({identity(digit), 1, "1", 2, -difference, 0.1});
  };
  archive_->put_estimate({"builtin:global_lbl", 2, "1", 2, 0, 0.1});
  archive_->put_estimate({"builtin:global_lbl", 1, "1", 2, 0, 0.1});
  child('a', asked(a_call("1"), answered("x"), 0.5), -0.1);
  child('b', asked(a_call("2"), answered("y"), 0.25), 0.1);
  asked(a_call("3", "big"), answered("z"), 4);
  const int64_t lost = archive_->begin_call(a_call("4", "big"));
  archive_->begin_attempt(lost, 1, 1.5, 10);
  const std::vector<CostRow> costs = Reader(path_).costs();
  ASSERT_EQ(costs.size(), 2u);
  EXPECT_EQ(costs[0].model, "big");
  EXPECT_EQ(costs[0].calls, 2);
  EXPECT_EQ(costs[0].answers, 1);
  EXPECT_EQ(costs[0].usd, 5.5);
  EXPECT_EQ(costs[0].usd_uncertain, 1.5);
  EXPECT_EQ(costs[0].improvements, 0);
  EXPECT_FALSE(costs[0].usd_per_improvement);
  EXPECT_EQ(costs[1].model, "small");
  EXPECT_EQ(costs[1].op, "edit");
  EXPECT_EQ(costs[1].usd, 0.75);
  EXPECT_EQ(costs[1].proposals, 2);
  EXPECT_EQ(costs[1].accepted, 2);
  EXPECT_EQ(costs[1].improvements, 1);
  EXPECT_EQ(costs[1].usd_per_improvement, 0.75);
}

}  // namespace
}  // namespace ballast::population
