// Embeddings made by the real trainer in the real sandbox, within a search.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "evaluator/bubblewrap.h"
#include "orchestrator/embedding.h"
#include "orchestrator/llm/local_embedder.h"
#include "orchestrator/llm/vector_text.h"
#include "tests/orchestrator/replayed.h"

namespace ballast::orchestrator {
namespace {

// A scripted model, and the tiny encoder beside it.
class WithTinyEncoder final : public Llm {
 public:
  WithTinyEncoder(population::Archive& archive, const Clock& clock, evaluator::Sandbox& sandbox)
      : others_(archive,
                [calls = 0](const LlmCall& call) mutable {
                  return fakes::scripted_reply(call, static_cast<uint64_t>(++calls));
                }),
        embedder_({.name = "vectors",
                   .provider = Provider::kLocal,
                   .model = "tiny",
                   .uses = {Use::kEmbed}},
                  [&sandbox](const std::string& text) {
                    return sandbox.embed({.folder = BALLAST_TINY_ENCODER, .texts = {text}}, {});
                  },
                  others_, archive, clock, {}) {}

  int64_t submit(const LlmCall& call) override { return embedder_.submit(call); }
  // Waits a little: nobody wakes this search up.
  std::optional<LlmAnswer> wait(double seconds) override {
    return embedder_.wait(std::max(seconds, 0.05));
  }
  void cancel(int64_t ticket) override { embedder_.cancel(ticket); }
  int64_t pending() const override { return embedder_.pending(); }

 private:
  fakes::FakeLlm others_;
  LocalEmbedder embedder_;
};

TEST(LocalEmbedding, RejectsATextTooCloseAndReplaysWithoutTheEncoder) {
  evaluator::SandboxConfig trainer;
  trainer.trainer = BALLAST_TRAINER;
  trainer.accept_no_sandbox = true;
  const std::unique_ptr<evaluator::Sandbox> sandbox = evaluator::make_sandbox(trainer);
  const std::string path =
      (std::filesystem::temp_directory_path() / ("local-embedding-" + std::to_string(::getpid())))
          .string();
  remove_archive(path);
  SearchConfig config = small_config_with_models(34);
  config.models.judge = "";
  SmallSearch search(config, path, /*resume=*/true);
  search.llm = [&](population::Archive& archive) {
    return std::make_unique<WithTinyEncoder>(archive, *search.clock, *sandbox);
  };
  search.run();
  search.read([](const population::Archive& archive) {
    int64_t embedded = 0, close = 0, accepted = 0;
    for (const population::CallRow& call : archive.calls()) {
      if (call.op != "embed" || call.outcome == "CANCELLED") continue;
      ++embedded;
      EXPECT_EQ(call.outcome, "OK") << call.message;
      EXPECT_EQ(call.provider, "local");
      const auto vector = parse_vector_text(call.reply);
      EXPECT_EQ(vector ? vector->size() : 0, 16u);
    }
    for (const population::ProposalRow& row : archive.proposals()) {
      accepted += row.op != "seed" && row.reason == "accepted";
      close += row.reason == "embedding";
    }
    EXPECT_GT(embedded, 5);
    EXPECT_GT(accepted, 1);
    EXPECT_GT(close, 0);
    return 0;
  });
  const population::Record record = record_of(path);
  for (int i = 0; i < 2; ++i) expect_same(replay(record, config), search.last_digest());
  remove_archive(path);
}

}  // namespace
}  // namespace ballast::orchestrator
