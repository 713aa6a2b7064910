// Recorded answers instead of a network.
#include "orchestrator/llm/replay_llm.h"

#include <atomic>
#include <map>

#include "common/error.h"
#include "tests/orchestrator/llm/llm_server.h"

namespace ballast::orchestrator {
namespace {

class ReplayLlmTest : public ClientTest {
 protected:
  // Asks these at once, the n-th for draft n; notes each answer as used as it comes.
  void record(const std::vector<std::string>& prompts, Ceilings ceilings = {}) {
    std::atomic<int> count{0};
    const HttpServer server([&](const ServedRequest& request, Connection& c) {
      if (request.body.find("late") != std::string::npos) c.pause(0.2);
      if (request.body.find("torn") != std::string::npos) return c.reset();
      if (request.body.find("bad") != std::string::npos) return c.respond(422, "");
      c.respond(200, chat("answer " + std::to_string(++count)));
    });
    population::RunRow run;
    run.config = "";
    run.spec = "{}";
    run.reference = "builtin:global_lbl";
    archive_->begin_run(run);
    client({model_at(server.url())}, ceilings);
    int64_t draft = 0;
    for (const std::string& prompt : prompts) client_->submit(asked(prompt, ++draft));
    while (client_->pending() > 0)
      if (const auto answer = client_->wait(1000)) {
        archive_->add_arrival({.call = answer->call});
        order_.push_back(answer->call);
        money_ += answer->usd;
      }
    client_.reset();
  }
  // A question of a draft, which is stored first.
  LlmCall asked(const std::string& prompt, int64_t draft) {
    for (population::Archive* archive : {archive_.get(), &copy_})
      if (archive->drafts().size() < static_cast<size_t>(draft))
        archive->add_draft({.number = draft, .op = "edit", .model = "m", .variant = ""});
    LlmCall call = call_of(prompt);
    call.draft = draft;
    return call;
  }
  std::vector<int64_t> order_;  // calls, as their answers arrived
  double money_ = 0;
  fakes::FastClock other_clock_{1};
  population::Archive copy_{":memory:", other_clock_};
};

TEST_F(ReplayLlmTest, GivesTheSameAnswersWhenToldToWithoutANetwork) {
  record({"late", "a", "b", "a", "bad"});
  ReplayLlm replay(archive_->calls(), copy_);
  int64_t draft = 0;
  for (const char* prompt : {"late", "a", "b", "a", "bad"}) replay.submit(asked(prompt, ++draft));
  EXPECT_FALSE(replay.wait(0)) << "not told to yet";
  double money = 0;
  for (const int64_t call : order_) {
    ASSERT_TRUE(replay.give(call));
    EXPECT_FALSE(replay.give(call)) << "once";
    const auto answer = replay.wait(0);
    ASSERT_TRUE(answer);
    const auto all = archive_->calls();
    EXPECT_EQ(answer->reply.text, all[static_cast<size_t>(call - 1)].reply);
    money += answer->usd;
  }
  EXPECT_EQ(replay.pending(), 0);
  EXPECT_EQ(money, money_);
  EXPECT_EQ(copy_.llm_spending().usd, archive_->llm_spending().usd);
  for (size_t i = 0; i < 5; ++i) {
    const auto was = archive_->calls()[i], is = copy_.calls()[i];
    EXPECT_EQ(is.prompt_hash, was.prompt_hash);
    EXPECT_EQ(is.outcome, was.outcome);
    EXPECT_EQ(is.reply, was.reply);
    EXPECT_EQ(is.answered, was.answered);
    EXPECT_EQ(is.draft, was.draft);
  }
}

// Its first attempt may have been paid for; the ceiling leaves no room for another.
TEST_F(ReplayLlmTest, ACallThatACeilingEndedKeepsItsCost) {
  record({"torn"}, {.usd = 0, .tokens = 0, .requests = 1});
  ASSERT_EQ(archive_->calls()[0].outcome, "BUDGET");
  ASSERT_GT(money_, 0);
  ReplayLlm replay(archive_->calls(), copy_);
  replay.submit(asked("torn", 1));
  ASSERT_TRUE(replay.give(order_[0]));
  const auto answer = replay.wait(0);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->reply.outcome, LlmOutcome::kBudget);
  EXPECT_EQ(answer->usd, money_);
  EXPECT_EQ(copy_.llm_spending().usd, archive_->llm_spending().usd);
}

TEST_F(ReplayLlmTest, AnotherPromptIsAnErrorThatSaysWhich) {
  record({"a"});
  ReplayLlm replay(archive_->calls(), copy_);
  try {
    replay.submit(asked("another", 1));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("draft 1 asks"), std::string::npos) << error.what();
  }
}

TEST_F(ReplayLlmTest, ACancelledQuestionMayBeAskedAgain) {
  record({"a"});
  ReplayLlm replay(archive_->calls(), copy_);
  replay.cancel(replay.submit(asked("a", 1)));
  const auto cancelled = replay.wait(0);
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->reply.outcome, LlmOutcome::kCancelled);
  replay.submit(asked("a", 1));
  ASSERT_TRUE(replay.give(order_[0]));
  EXPECT_EQ(replay.wait(0)->reply.text, "answer 1");
}

TEST_F(ReplayLlmTest, AQuestionWithoutAnAnswerWaits) {
  record({"a"});
  ReplayLlm replay(archive_->calls(), copy_);
  replay.submit(asked("new", 2));
  EXPECT_FALSE(replay.give(order_[0])) << "nobody asked for it";
  EXPECT_EQ(replay.pending(), 1);
}

}  // namespace
}  // namespace ballast::orchestrator
