#include "trainer/batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "common/error.h"
#include "tests/trainer/training.h"
#include "trainer/tokens.h"

namespace ballast::trainer {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Batches, AreAFunctionOfSeedStepAndMicroBatchAlone) {
  const Folder folder;
  const Corpus corpus = open_corpus(write_corpus(folder), 33);
  const TrainSpec spec = small_spec();
  const MicroBatch first = train_micro_batch(corpus, spec, 5, 3, 1);
  const std::vector<MicroBatch> whole = train_step_batches(corpus, spec, 5, 3);
  EXPECT_EQ(whole[1].inputs, first.inputs);
  EXPECT_EQ(whole[1].domain, first.domain);
  EXPECT_NE(train_micro_batch(corpus, spec, 6, 3, 1).inputs, first.inputs);
  EXPECT_NE(train_micro_batch(corpus, spec, 5, 4, 1).inputs, first.inputs);
}

TEST(Batches, HoldSequencesOfOneDomainWithTargetsOneTokenLater) {
  const Folder folder;
  const Corpus corpus = open_corpus(write_corpus(folder), 33);
  const MicroBatch batch = train_micro_batch(corpus, small_spec(), 1, 0, 0);
  ASSERT_EQ(batch.inputs.size(), 64u);
  for (size_t i = 0; i < batch.inputs.size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(batch.inputs[i] / 8), batch.domain);  // each domain's alphabet
    if (i % 32 != 31) {
      EXPECT_EQ(batch.targets[i], batch.inputs[i + 1]);
    }
  }
}

TEST(Batches, VisitEveryDomainOnceInEachRound) {
  const Folder folder;
  const Corpus corpus = open_corpus(write_corpus(folder), 33);
  TrainSpec spec = small_spec();
  spec.schedule.micro_batches = 4;  // a round of 3 domains does not end with a step
  std::vector<size_t> domains;
  for (int64_t step = 0; step < 6; ++step)
    for (const MicroBatch& b : train_step_batches(corpus, spec, 9, step))
      domains.push_back(b.domain);
  std::set<std::vector<size_t>> orders;
  for (size_t i = 0; i < domains.size(); i += 3) {
    const std::vector<size_t> round(domains.begin() + static_cast<ptrdiff_t>(i),
                                    domains.begin() + static_cast<ptrdiff_t>(i + 3));
    EXPECT_THAT(round, testing::UnorderedElementsAre(0, 1, 2));
    orders.insert(round);
  }
  EXPECT_GT(orders.size(), 1u);  // drawn anew each round
}

TEST(Batches, ReachTheFirstAndTheLastSequenceOfAFile) {
  const Folder folder;
  write_tokens(folder.path() / "x.train.bin", {0, 1, 2, 3, 4});
  const Corpus corpus = open_corpus({folder.path().string(), "train", {"x"}}, 4);
  TrainSpec spec = small_spec();
  spec.schedule.sequence = 3;
  std::set<int32_t> starts;
  for (int64_t step = 0; step < 20; ++step)
    for (const MicroBatch& b : train_step_batches(corpus, spec, 1, step))
      starts.insert(b.inputs[0]);
  EXPECT_THAT(starts, testing::ElementsAre(0, 1));
}

TEST(Batches, RefuseTokensOutsideTheVocabulary) {
  const Folder folder;
  const Corpus corpus = open_corpus(write_corpus(folder), 33);
  TrainSpec spec = small_spec();
  spec.model.vocab = 8;  // domain "a" alone fits
  EXPECT_THAT([&] { train_step_batches(corpus, spec, 1, 0); },
              ThrowsMessage<Error>(HasSubstr("vocabulary has 8")));
}

TEST(ScoreBatches, CoverDomainsEquallyWithoutOverlap) {
  const Folder folder;
  DataView view = write_corpus(folder);
  view.split = "select";
  for (const std::string& name : view.domains) {
    std::vector<uint16_t> positions(2000);
    for (uint16_t i = 0; i < 2000; ++i) positions[i] = i;
    write_tokens(folder.path() / (name + ".select.bin"), positions);
  }
  const Corpus corpus = open_corpus(view, 33);
  TrainSpec spec = small_spec();
  spec.model.vocab = 2000;
  std::map<size_t, std::set<int32_t>> seen;
  int64_t tokens = 0;
  size_t turn = 0;
  for (const MicroBatch& b : score_micro_batches(corpus, spec, 1500)) {
    EXPECT_EQ(b.domain, turn++ % 3);
    for (const int32_t t : b.inputs) EXPECT_TRUE(seen[b.domain].insert(t).second) << t;
    tokens += b.tokens();
  }
  EXPECT_EQ(tokens, 8 * 3 * 64);  // 1500 rounded up to rounds of 3 x 2 x 32
  EXPECT_EQ(seen[0].size(), seen[2].size());
}

TEST(ScoreBatches, SayWhenTheTextIsTooShort) {
  const Folder folder;
  DataView view = write_corpus(folder);
  view.split = "select";
  const Corpus corpus = open_corpus(view, 33);
  EXPECT_THAT([&] { score_micro_batches(corpus, small_spec(), 6001); },
              ThrowsMessage<Error>(HasSubstr("held-out tokens of domain a, its file has 2000")));
}

TEST(TokenFiles, NameWhatIsWrongWithThem) {
  const Folder folder;
  write_tokens(folder.path() / "x.train.bin", {1, 2, 3});
  std::ofstream(folder.path() / "odd.train.bin") << "abc";
  std::ofstream(folder.path() / "empty.train.bin");
  const auto open = [&](const char* domain, int64_t least) {
    return [&folder, domain, least] {
      open_corpus({folder.path().string(), "train", {domain}}, least);
    };
  };
  EXPECT_THAT(open("y", 1), ThrowsMessage<Error>(HasSubstr("y.train.bin: No such file")));
  EXPECT_THAT(open("odd", 1), ThrowsMessage<Error>(HasSubstr("3 bytes")));
  EXPECT_THAT(open("empty", 1), ThrowsMessage<Error>(HasSubstr("0 bytes")));
  EXPECT_THAT(open("x", 4), ThrowsMessage<Error>(HasSubstr("has 3 tokens, but this job needs 4")));
}

}  // namespace
}  // namespace ballast::trainer
