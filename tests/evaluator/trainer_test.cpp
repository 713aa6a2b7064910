// The real ballast-trainer, locked down, in the real sandbox: what the lists of allowed calls and
// files are held against.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>

#include "evaluator/bubblewrap.h"
#include "evaluator/evaluator.h"
#include "tests/fakes/temporary_folder.h"

namespace ballast::evaluator {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCandidate =
    "def balance_loss(r):\n"
    "    return r.num_experts * (r.load_global * r.probs.mean(0)).sum()\n"
    "\n"
    "def selection_bias(r, bias):\n"
    "    return bias + 0.01 * torch.sign(r.load_global.mean() - r.load_global)\n";

class RealTrainer : public testing::Test {
 protected:
  void SetUp() override {
    const HostReport host = inspect_host();
    if (!host.namespaces) GTEST_SKIP() << "no user namespaces here: " << host.notes.front();
    folder_ = fakes::make_temporary_folder();
    for (const char* name : {"code", "prose"})
      for (const char* split : {"train", "select"})
        write_corpus(folder_ / (std::string(name) + '.' + split + ".bin"));
    SandboxConfig config;
    config.trainer = BALLAST_TRAINER;
    sandbox_ = make_sandbox(config);
  }
  void TearDown() override {
    sandbox_.reset();
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  // Bytes as uint16, of a small alphabet, so that there is something to learn.
  static void write_corpus(const fs::path& path) {
    std::minstd_rand random(static_cast<unsigned>(path.string().size()));
    std::ofstream out(path, std::ios::binary);
    for (unsigned i = 0; i < 40'000; ++i) {
      const char token[2] = {static_cast<char>('a' + random() % (1 + i % 7)), 0};
      out.write(token, 2);
    }
  }

  TrainJob job(BalancerRef balancer) const {
    TrainJob j;
    j.attempt = 1;
    j.spec = preset("tiny");
    j.data = {folder_, "train", {"code", "prose"}};
    j.balancer = std::move(balancer);
    j.coefficient = 0.01;
    j.tokens = 10 * tokens_per_step(j.spec.schedule);
    j.progress_tokens = j.tokens;
    return j;
  }

  fs::path folder_;
  JobLimits limits_;
  std::unique_ptr<Sandbox> sandbox_;
};

TEST_F(RealTrainer, TrainsAndScoresEveryKindOfBalancer) {
  for (const BalancerRef& balancer :
       std::vector<BalancerRef>{{"none", ""}, {"loss_free", ""}, {"", kCandidate}}) {
    int64_t steps = 0;
    const TrainResult trained =
        sandbox_->train(job(balancer), limits_, [&](const Progress& p) { steps = p.steps; }, {});
    ASSERT_EQ(to_string(trained.outcome), "OK") << trained.message;
    EXPECT_EQ(steps, 10);
    ScoreJob score;
    score.attempt = 2;
    score.spec = preset("tiny");
    score.data = {folder_, "select", {"code", "prose"}};
    score.tokens = 4096;
    score.weights = trained.weights;
    const ScoreResult scored = sandbox_->score(score, limits_, {});
    ASSERT_EQ(to_string(scored.outcome), "OK") << scored.message;
    EXPECT_TRUE(std::isfinite(scored.metrics.scalars.at("cross_entropy")));
  }
}

TEST_F(RealTrainer, Probes) {
  const ProbeResult fine = sandbox_->probe({1, kCandidate, ""}, limits_);
  EXPECT_EQ(to_string(fine.outcome), "OK") << fine.message;
  EXPECT_TRUE(fine.has_loss && fine.has_bias);
  const ProbeResult wrong =
      sandbox_->probe({2, "def balance_loss(r):\n    return r.nothing\n", ""}, limits_);
  EXPECT_EQ(to_string(wrong.outcome), "STATIC_REJECT") << wrong.message;
  EXPECT_EQ(
      to_string(
          sandbox_
              ->probe({3, "def balance_loss(r):\n    return (r.logits / 0).sum()\n", ""}, limits_)
              .outcome),
      "CONTRACT_VIOLATION");
}

// The encoder's GELU makes no machine code either, and its files are read after the lockdown.
TEST_F(RealTrainer, EmbedsTextsWithATinyEncoder) {
  const EmbedJob job{
      .attempt = 7, .folder = BALLAST_TINY_ENCODER, .texts = {kCandidate, "", "x y"}};
  const EmbedResult first = sandbox_->embed(job, limits_);
  ASSERT_EQ(to_string(first.outcome), "OK") << first.message;
  EXPECT_EQ(first.attempt, 7);
  ASSERT_EQ(first.vectors.size(), 3u);
  EXPECT_EQ(first.vectors[0].size(), 16u);
  EXPECT_NE(first.vectors[0], first.vectors[1]);
  EXPECT_EQ(sandbox_->embed(job, limits_).vectors, first.vectors);  // by the warm process
  const fs::path spoiled = fs::path(folder_) / "encoder";
  fs::copy(BALLAST_TINY_ENCODER, spoiled);
  fs::resize_file(spoiled / "model.safetensors", 10'000);
  const EmbedResult refused =
      sandbox_->embed({.attempt = 8, .folder = spoiled.string(), .texts = {"x"}}, limits_);
  EXPECT_EQ(to_string(refused.outcome), "INFRA");
  EXPECT_NE(refused.message.find("cut off"), std::string::npos) << refused.message;
  EXPECT_EQ(sandbox_->embed(job, limits_).vectors, first.vectors);
  EXPECT_THROW(sandbox_->embed({.folder = "/nowhere", .texts = {"x"}}, limits_), Error);
}

// oneDNN would make machine code for this one.
TEST_F(RealTrainer, NeedsNoMachineCodeMadeAtRunTime) {
  const char* gelu =
      "def balance_loss(r):\n    return (F.gelu(r.logits) * r.probs).sum(1).mean()\n";
  const ProbeResult result = sandbox_->probe({1, gelu, ""}, limits_);
  EXPECT_EQ(to_string(result.outcome), "OK") << result.message;
}

TEST_F(RealTrainer, RunsWithoutNamespacesWhereThatWasAccepted) {
  sandbox_.reset();
  SandboxConfig config;
  config.trainer = BALLAST_TRAINER;
  config.bubblewrap = "/no/such/bwrap";
  config.accept_no_sandbox = true;
  sandbox_ = make_sandbox(config);
  EXPECT_EQ(sandbox_->level(), inspect_host().landlock > 0 ? "L2" : "L1");
  const TrainResult trained = sandbox_->train(job({"", kCandidate}), limits_, nullptr, {});
  EXPECT_EQ(to_string(trained.outcome), "OK") << trained.message;
}

TEST_F(RealTrainer, IsStoppedAtItsMemoryLimit) {
  limits_.memory_bytes = int64_t{40} << 20;  // less than LibTorch itself
  EXPECT_EQ(to_string(sandbox_->train(job({"none", ""}), limits_, nullptr, {}).outcome), "OOM");
}

}  // namespace
}  // namespace ballast::evaluator
