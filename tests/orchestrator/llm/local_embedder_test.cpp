#include "orchestrator/llm/local_embedder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>

#include "common/error.h"
#include "orchestrator/llm/vector_text.h"
#include "tests/fakes/fake_llm.h"

namespace ballast::orchestrator {
namespace {

EmbedResult vector_of(const std::string& text) {
  EmbedResult result;
  result.outcome = Outcome::kOk;
  result.vectors = {{static_cast<float>(text.size()), 1}};
  return result;
}

class LocalEmbedding : public testing::Test {
 protected:
  LocalEmbedding() { model_.uses = {Use::kEmbed}; }

  LocalEmbedder& embedder(LocalEmbedder::Embed embed) {
    embedder_ = std::make_unique<LocalEmbedder>(model_, std::move(embed), others_, archive_, clock_,
                                                [this] { ++notified_; });
    return *embedder_;
  }
  static LlmCall call(const std::string& text) {
    return {.model = "vectors", .prompt = {"", text}, .op = "embed"};
  }
  population::CallRow row(int64_t id) const {
    for (const population::CallRow& row : archive_.calls())
      if (row.id == id) return row;
    throw Error("no such call");
  }

  const SystemClock clock_;
  population::Archive archive_{":memory:", clock_};
  fakes::FakeLlm others_{archive_, [](const LlmCall&) {
                           LlmReply reply;
                           reply.outcome = LlmOutcome::kOk;
                           reply.text = "a loss";
                           return reply;
                         }};
  Model model_{.name = "vectors", .provider = Provider::kLocal, .model = "tiny@0123"};
  std::atomic<int> notified_{0};
  std::unique_ptr<LocalEmbedder> embedder_;
};

TEST_F(LocalEmbedding, AnswersAndStoresVectorsAsAnEndpointDoes) {
  LocalEmbedder& llm = embedder(vector_of);
  const LlmAnswer answer = ask(llm, call("four"));
  EXPECT_EQ(answer.reply.outcome, LlmOutcome::kOk);
  EXPECT_EQ(parse_vector_text(answer.reply.text), (std::vector<float>{4, 1}));
  EXPECT_EQ(answer.usd, 0);
  const population::CallRow stored = row(answer.call);
  EXPECT_EQ(stored.model, "vectors");
  EXPECT_EQ(stored.provider, "local");
  EXPECT_EQ(stored.remote, "tiny@0123");
  EXPECT_EQ(stored.user, "four");
  EXPECT_EQ(stored.outcome, "OK");
  EXPECT_EQ(stored.reply, answer.reply.text);
  EXPECT_EQ(stored.attempts, 0);
  EXPECT_EQ(archive_.llm_spending().requests, 0);
  EXPECT_EQ(notified_, 1);
  EXPECT_EQ(llm.pending(), 0);
}

TEST_F(LocalEmbedding, LeavesOtherModelsToOthers) {
  LocalEmbedder& llm = embedder(vector_of);
  std::set<int64_t> tickets{
      llm.submit(call("a")), llm.submit({.model = "small", .prompt = {"", "b"}}),
      llm.submit(call("c")), llm.submit({.model = "small", .prompt = {"", "d"}})};
  ASSERT_EQ(tickets.size(), 4u);
  EXPECT_EQ(llm.pending(), 4);
  int64_t losses = 0;
  while (llm.pending() > 0) {
    const auto answer = llm.wait(10);
    ASSERT_TRUE(answer);
    EXPECT_EQ(tickets.erase(answer->ticket), 1u);
    losses += answer->reply.text == "a loss";
  }
  EXPECT_EQ(losses, 2);
  EXPECT_TRUE(tickets.empty());
  EXPECT_FALSE(llm.wait(10));  // at once: nothing is pending
}

TEST_F(LocalEmbedding, IsABadRequestWhereThereIsNoVector) {
  LocalEmbedder& llm = embedder([calls = 0](const std::string&) mutable -> EmbedResult {
    if (++calls == 1) throw Error("no encoder here");
    EmbedResult result;
    result.outcome = Outcome::kOom;
    result.message = "out of memory";
    return result;
  });
  LlmAnswer answer = ask(llm, call("x"));
  EXPECT_EQ(answer.reply.outcome, LlmOutcome::kBadRequest);
  EXPECT_EQ(answer.reply.message, "INFRA: no encoder here");
  answer = ask(llm, call("x"));
  EXPECT_EQ(answer.reply.outcome, LlmOutcome::kBadRequest);
  EXPECT_EQ(answer.reply.message, "OOM: out of memory");
  EXPECT_EQ(row(answer.call).outcome, "BAD_REQUEST");
}

TEST_F(LocalEmbedding, DoesNotBlockAndBeginsNothingBeforeTheNextWait) {
  std::mutex mutex;
  std::condition_variable changed;
  bool begun = false, go = false;
  LocalEmbedder& llm = embedder([&](const std::string& text) {
    std::unique_lock lock(mutex);
    begun = true;
    changed.wait(lock, [&] { return go; });
    return vector_of(text);
  });
  const int64_t slow = llm.submit(call("slow"));
  EXPECT_FALSE([&] {
    const std::lock_guard lock(mutex);
    return begun;
  }());
  EXPECT_FALSE(llm.wait(0));  // while the text is under way
  llm.cancel(slow);
  const auto cancelled = llm.wait(0);
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->ticket, slow);
  EXPECT_EQ(cancelled->reply.outcome, LlmOutcome::kCancelled);
  EXPECT_EQ(row(cancelled->call).outcome, "CANCELLED");
  {
    const std::lock_guard lock(mutex);
    go = true;
  }
  changed.notify_all();
  EXPECT_EQ(ask(llm, call("next")).reply.outcome, LlmOutcome::kOk);  // the first is not handed out
}

}  // namespace
}  // namespace ballast::orchestrator
