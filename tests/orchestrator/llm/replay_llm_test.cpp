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
  // Asks these at once and stores what came.
  void record(const std::vector<std::string>& prompts) {
    std::atomic<int> count{0};
    const HttpServer server([&](const ServedRequest& request, Connection& c) {
      if (request.body.find("late") != std::string::npos) c.pause(0.2);
      if (request.body.find("bad") != std::string::npos) return c.respond(422, "");
      c.respond(200, chat("answer " + std::to_string(++count)));
    });
    client({model_at(server.url())});
    for (const std::string& prompt : prompts) client_->submit(call_of(prompt));
    while (client_->pending() > 0)
      if (const auto answer = client_->wait(1000)) original_.push_back(answer->reply.text);
    client_.reset();
  }
  std::vector<std::string> original_;  // in order of arrival
  fakes::FastClock other_clock_{1};
  population::Archive copy_{":memory:", other_clock_};
};

TEST_F(ReplayLlmTest, GivesTheSameAnswersInTheSameOrderWithoutANetwork) {
  record({"late", "a", "b", "a", "bad"});
  ReplayLlm replay(archive_->calls(), copy_);
  for (const char* prompt : {"late", "a", "b", "a", "bad"}) replay.submit(call_of(prompt));
  std::vector<std::string> replayed;
  while (replay.pending() > 0)
    if (const auto answer = replay.wait(0)) replayed.push_back(answer->reply.text);
  EXPECT_EQ(replayed, original_);
  ASSERT_EQ(copy_.calls().size(), 5u);
  EXPECT_EQ(copy_.llm_spending().usd, 0);
  for (size_t i = 0; i < 5; ++i) {
    const auto was = archive_->calls()[i], is = copy_.calls()[i];
    EXPECT_EQ(is.prompt_hash, was.prompt_hash);
    EXPECT_EQ(is.ordinal, was.ordinal);
    EXPECT_EQ(is.outcome, was.outcome);
    EXPECT_EQ(is.reply, was.reply);
    EXPECT_EQ(is.answered, was.answered);
  }
}

TEST_F(ReplayLlmTest, HoldsAnAnswerBackUntilThoseBeforeItWereGiven) {
  record({"late", "a"});
  ReplayLlm replay(archive_->calls(), copy_);
  const int64_t late = replay.submit(call_of("late"));
  EXPECT_FALSE(replay.wait(0)) << "the answer to \"a\" came first";
  const int64_t a = replay.submit(call_of("a"));
  EXPECT_EQ(replay.wait(0)->ticket, a);
  EXPECT_EQ(replay.wait(0)->ticket, late);
  ReplayLlm again(archive_->calls(), copy_);
  EXPECT_EQ(again.submit(call_of("late")), 1);
  EXPECT_TRUE(again.wait(1)) << "who has nothing better to do gets it";
}

TEST_F(ReplayLlmTest, AMissingAnswerIsAnErrorThatSaysWhich) {
  record({"a"});
  ReplayLlm replay(archive_->calls(), copy_);
  replay.submit(call_of("a"));
  for (const LlmCall& call : {call_of("a"), call_of("never asked"), call_of("a", "other")}) {
    try {
      replay.submit(call);
      FAIL() << "answered";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("replay: the archive holds no answer"),
                std::string::npos);
    }
  }
}

TEST_F(ReplayLlmTest, ServesTheBlockingCallAndCancels) {
  record({"a", "b"});
  ReplayLlm replay(archive_->calls(), copy_);
  EXPECT_EQ(ask(replay, call_of("a")).reply.outcome, LlmOutcome::kOk);
  const int64_t b = replay.submit(call_of("b"));
  replay.cancel(b);
  EXPECT_EQ(replay.wait(0)->reply.outcome, LlmOutcome::kCancelled);
  EXPECT_EQ(replay.pending(), 0);
}

}  // namespace
}  // namespace ballast::orchestrator
