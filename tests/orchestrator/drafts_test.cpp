// Whole searches with language models that follow a script: what is asked, what becomes of answers,
// and that none of it is lost.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/fakes/fake_llm.h"
#include "tests/orchestrator/killed_search.h"

namespace ballast::orchestrator {
namespace {

using fakes::FakeLlm;
using fakes::scripted_reply;

constexpr int64_t kLate = 40;

std::unique_ptr<Llm> scripted(population::Archive& archive) {
  auto llm = std::make_unique<FakeLlm>(
      archive, [](const LlmCall& call) { return scripted_reply(call, 11); });
  llm->latest = kLate;
  return llm;
}

// Each fifth draft gets no text, each fifth one that the language refuses, each fifth no answer,
// whatever is asked to mend it; the others as scripted.
std::unique_ptr<Llm> of_every_kind(population::Archive& archive) {
  auto llm = std::make_unique<FakeLlm>(archive, [](const LlmCall& call) {
    const int64_t kind = call.draft.value_or(0) % 5;
    if (call.op == "embed" || call.op == "notes" || kind == 0 || kind == 4)
      return scripted_reply(call, 11);
    LlmReply reply;
    reply.outcome = LlmOutcome::kOk;
    if (kind == 1) reply.text = "I cannot see what is wrong.";
    if (kind == 2) reply.text = "```python\ndef balance_loss(r):\n    return r.load.summ()\n```\n";
    if (kind == 3) reply.outcome = LlmOutcome::kNetwork;
    return reply;
  });
  llm->latest = kLate;
  return llm;
}

LlmReply failing(LlmOutcome outcome) {
  LlmReply reply;
  reply.outcome = outcome;
  reply.message = "as the test says";
  return reply;
}

TEST(Drafts, EndAsProposalsWithTheirCalls) {
  const ArchiveFile file("drafts");
  SmallSearch search(small_config_with_models(200, 2), file.path(), /*resume=*/true);
  search.llm = of_every_kind;
  const SearchEnd end = search.run();
  EXPECT_EQ(end.reason, "max_evaluations");
  search.read([&](const population::Archive& archive) {
    std::map<std::string, int> reasons, ops;
    const auto proposals = archive.proposals();
    std::map<int64_t, const population::DraftRow*> of_proposal;
    const auto drafts = archive.drafts();
    for (const auto& draft : drafts)
      if (draft.proposal) of_proposal[*draft.proposal] = &draft;
    for (size_t i = 0; i < proposals.size(); ++i) {
      const auto& row = proposals[i];
      if (row.op == "seed") continue;
      ++reasons[row.reason];
      EXPECT_FALSE(row.calls.empty()) << "proposal " << i + 1;
      const auto draft = of_proposal.find(static_cast<int64_t>(i) + 1);
      EXPECT_TRUE(draft != of_proposal.end() && draft->second->op == row.op)
          << "proposal " << i + 1;
    }
    for (const auto& call : archive.calls()) ++ops[call.op];
    for (const char* reason : {"accepted", "call", "static", "reply"})
      EXPECT_GT(reasons[reason], 0) << reason;
    for (const char* op : {"edit", "rewrite", "crossover", "repair", "embed", "notes"})
      EXPECT_GT(ops[op], 0) << op;
    EXPECT_GT(archive.drafts().size(), 20u);
    return 0;
  });
  EXPECT_GT(end.status.usd, 0);
}

TEST(Drafts, AreNeverMoreThanConfigured) {
  const ArchiveFile file("bounded");
  SmallSearch search(small_config_with_models(100, 2), file.path(), /*resume=*/true);
  FakeLlm* llm = nullptr;
  int64_t most = 0;
  class Watch : public SearchObserver {
   public:
    Watch(FakeLlm*& llm, int64_t& most) : llm_(llm), most_(most) {}
    void event(const SearchEvent&) override { most_ = std::max(most_, llm_->most_pending()); }

   private:
    FakeLlm*& llm_;
    int64_t& most_;
  } watch(llm, most);
  search.llm = [&](population::Archive& archive) {
    auto made = scripted(archive);
    llm = static_cast<FakeLlm*>(made.get());
    return made;
  };
  search.run({}, watch);
  EXPECT_EQ(most, search.config().models.in_flight);
}

// A model that never answers may not hold every place.
TEST(Drafts, LeaveAPlaceForTheOtherModel) {
  const ArchiveFile file("deaf");
  SearchConfig config = small_config_with_models(60, 1);
  config.models.notes = config.models.embedder = config.models.judge = "";
  SmallSearch search(config, file.path(), /*resume=*/true);
  class Deaf : public Llm {
   public:
    explicit Deaf(population::Archive& archive)
        : inner_(std::make_unique<FakeLlm>(
              archive, [](const LlmCall& call) { return scripted_reply(call, 11); })) {}
    int64_t submit(const LlmCall& call) override {
      if (call.model != "small") return inner_->submit(call);
      return -++silent_;
    }
    std::optional<LlmAnswer> wait(double s) override {
      if (auto answer = inner_->wait(s)) return answer;
      if (cancelled_ == 0) return std::nullopt;
      LlmAnswer answer;
      answer.ticket = -cancelled_--;
      answer.reply.outcome = LlmOutcome::kCancelled;
      --silent_;
      return answer;
    }
    void cancel(int64_t ticket) override {
      if (ticket > 0) return inner_->cancel(ticket);
      ++cancelled_;
    }
    int64_t pending() const override { return inner_->pending() + silent_; }

   private:
    std::unique_ptr<Llm> inner_;
    int64_t silent_ = 0, cancelled_ = 0;
  };
  search.llm = [](population::Archive& archive) { return std::make_unique<Deaf>(archive); };
  EXPECT_EQ(search.run().reason, "max_evaluations");
  search.read([&](const population::Archive& archive) {
    int64_t large = 0, small = 0;
    for (const auto& draft : archive.drafts()) ++(draft.model == "large" ? large : small);
    EXPECT_EQ(small, search.config().models.in_flight - 1);
    EXPECT_GT(large, 5);
    return 0;
  });
}

TEST(Drafts, OfAModelThatIsClosedForGoodAreNotAskedAgain) {
  const ArchiveFile file("closed");
  SearchConfig config = small_config_with_models(120, 1, /*free=*/true);
  config.models = {.in_flight = 3};
  SmallSearch search(config, file.path(), /*resume=*/true);
  search.llm = [](population::Archive& archive) {
    return std::make_unique<FakeLlm>(archive,
                                     [](const LlmCall&) { return failing(LlmOutcome::kAuth); });
  };
  EXPECT_EQ(search.run().reason, "max_evaluations");
  search.read([&](const population::Archive& archive) {
    EXPECT_LE(archive.drafts().size(), 6u);  // two models, asked at most as often as at once
    int64_t free = 0;
    for (const auto& row : archive.proposals())
      free += row.reason == "accepted" && row.calls.empty();
    EXPECT_GT(free, 5);
    return 0;
  });
}

TEST(Drafts, EndTheSearchWhenTheBudgetIsSpent) {
  const ArchiveFile file("spent");
  SmallSearch search(small_config_with_models(1000, 1), file.path(), /*resume=*/true);
  search.llm = [](population::Archive& archive) {
    return std::make_unique<FakeLlm>(archive, [calls = 0](const LlmCall& call) mutable {
      return ++calls > 20 ? failing(LlmOutcome::kBudget) : scripted_reply(call, 11);
    });
  };
  const SearchEnd end = search.run();
  EXPECT_EQ(end.reason, "budget");
  EXPECT_EQ(end.status.waiting, 0);  // what was paid for has been measured
  EXPECT_EQ(end.status.drafts, 0);
}

TEST(Drafts, AreDrawnAgainWhenTheirTextIsTooClose) {
  const ArchiveFile file("close");
  SearchConfig config = small_config_with_models(40, 1);
  config.models.judge = "";
  config.resamples = 15;
  SmallSearch search(config, file.path(), /*resume=*/true);
  search.llm = [](population::Archive& archive) {
    return std::make_unique<FakeLlm>(archive, [calls = 0](const LlmCall& call) mutable {
      if (call.op != "embed") return scripted_reply(call, static_cast<uint64_t>(++calls));
      return scripted_reply({.model = "vectors", .prompt = {"", "the same"}, .op = "embed"}, 4);
    });
  };
  search.run();
  search.read([&](const population::Archive& archive) {
    int64_t accepted = 0, close = 0;
    for (const auto& row : archive.proposals()) {
      accepted += row.op != "seed" && row.reason == "accepted";
      close += row.reason == "embedding";
    }
    EXPECT_EQ(accepted, 1);  // all others have its embedding
    EXPECT_GT(close, 3);
    std::map<std::string, int64_t> asked;  // questions with the same parents, in a row
    int64_t in_row = 0, most = 0;
    const population::DraftRow* last = nullptr;
    const auto drafts = archive.drafts();
    for (const auto& draft : drafts) {
      const bool same = last != nullptr && last->op == draft.op && last->model == draft.model &&
                        last->parents == draft.parents;
      in_row = same ? in_row + 1 : 1;
      most = std::max(most, in_row);
      last = &draft;
    }
    EXPECT_GE(most, 2);
    return 0;
  });
}

TEST(Drafts, ShowNotesToLaterQuestions) {
  const ArchiveFile file("notes");
  SmallSearch search(small_config_with_models(150, 1), file.path(), /*resume=*/true);
  search.llm = scripted;
  search.run();
  search.read([&](const population::Archive& archive) {
    bool noted = false;
    int64_t with = 0;
    for (const auto& call : archive.calls()) {
      if (call.op == "notes" && call.outcome == "OK") noted = true;
      if (call.op == "rewrite" && call.user.find("Hinges.") != std::string::npos) {
        EXPECT_TRUE(noted);
        ++with;
      }
    }
    EXPECT_GT(with, 0);
    return 0;
  });
}

// What was answered before a stop is used after it, and nothing is paid twice.
TEST(Drafts, GoOnAfterAStop) {
  const ArchiveFile file("stopped");
  SmallSearch search(small_config_with_models(160, 2), file.path(), /*resume=*/true);
  search.llm = scripted;
  for (int count = 3; count < 24; count += 4) {
    class Stop : public SearchObserver {
     public:
      explicit Stop(int left) : left_(left) {}
      void event(const SearchEvent& e) override {
        if (e.kind == SearchEventKind::kAnswered && --left_ == 0) stop.request_stop();
      }
      std::stop_source stop;

     private:
      int left_;
    } observer(count);
    EXPECT_EQ(search.run(observer.stop.get_token(), observer).reason, "interrupted");
  }
  EXPECT_EQ(search.run().reason, "max_evaluations");
  search.read([&](const population::Archive& archive) {
    std::set<std::pair<int64_t, std::string>> seen;
    for (const auto& call : archive.calls()) {
      if (call.outcome == "CANCELLED" || call.outcome.empty()) continue;
      EXPECT_TRUE(seen.emplace(call.draft.value_or(0), call.op + call.prompt_hash).second)
          << "call " << call.id << " was answered twice";
    }
    return 0;
  });
}

// What waits when its model is taken out of the file ends its draft; nobody is asked.
TEST(Drafts, OfAModelThatIsConfiguredNoMoreEnd) {
  for (const std::string op : {"embed", "notes"}) {
    SCOPED_TRACE(op);
    const ArchiveFile file("orphans");
    SearchConfig config = small_config_with_models(120, 1);
    config.notes_every = 1;
    SmallSearch search(config, file.path(), /*resume=*/true);
    search.llm = [](population::Archive& archive) {
      auto llm = std::make_unique<FakeLlm>(
          archive, [](const LlmCall& call) { return scripted_reply(call, 11); });
      llm->latest = 2000;
      return llm;
    };
    class Stop : public SearchObserver {
     public:
      void event(const SearchEvent& e) override {
        if (e.kind == SearchEventKind::kAnswered) stop.request_stop();
      }
      std::stop_source stop;
    };
    const auto asked = [&] {
      return search.read([&](const population::Archive& archive) {
        int64_t waiting = 0, all = 0;
        for (const auto& call : archive.calls()) {
          all += call.op == op;
          waiting += call.op == op && call.outcome == "CANCELLED";
        }
        return std::pair(waiting, all);
      });
    };
    for (int starts = 0; asked().first == 0 && starts < 40; ++starts) {  // until one waits
      Stop observer;
      ASSERT_EQ(search.run(observer.stop.get_token(), observer).reason, "interrupted");
    }
    const auto [waiting, all] = asked();
    ASSERT_GT(waiting, 0);
    (op == "embed" ? search.config().models.embedder : search.config().models.notes) = "";
    search.llm = scripted;
    EXPECT_EQ(search.run().reason, "max_evaluations");
    EXPECT_EQ(asked().second, all);
  }
}

}  // namespace
}  // namespace ballast::orchestrator
