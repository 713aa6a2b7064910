// Searches with language models, repeated from their archives without any model.
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/rng.h"
#include "orchestrator/replay_run.h"
#include "population/db.h"
#include "population/reader.h"
#include "tests/fakes/fake_llm.h"
#include "tests/orchestrator/killed_search.h"
#include "tests/orchestrator/replayed.h"

namespace ballast::orchestrator {
namespace {

std::unique_ptr<Llm> late(population::Archive& archive) {
  auto llm = std::make_unique<fakes::FakeLlm>(
      archive, [](const LlmCall& call) { return fakes::scripted_reply(call, 11); });
  llm->latest = 30;
  return llm;
}

TEST(ReplayOfDrafts, GivesTheSameDigestThreeTimes) {
  for (const bool free : {false, true}) {
    for (const int workers : {1, 3}) {
      SCOPED_TRACE(testing::Message() << workers << " workers, free operators " << free);
      const ArchiveFile file("drafts_replay");
      SmallSearch search(small_config_with_models(120, workers, free), file.path(),
                         /*resume=*/true);
      search.sandbox.latency = 0.001;
      search.llm = late;
      search.run();
      const population::Record record = record_of(file.path());
      EXPECT_GT(record.drafts.size(), 4u);
      for (int i = 0; i < 3; ++i)
        expect_same(replay(record, search.config()), search.last_digest());
    }
  }
}

TEST(ReplayOfDrafts, GivesTheSameDigestThreeTimesOfARunThatWasKilledAndResumed) {
  const ArchiveFile file("drafts_killed");
  Rng rng(3, "kills of a replayed run with models");
  const char* const targets[] = {"P", "Q", "a", "T", "C"};
  for (int kill = 0; kill < 25; ++kill) {
    KilledSearch child(file.path(), "250", "models");
    int64_t left = 1 + rng.below(4);
    while (left > 0) {
      const std::string line = child.line();
      ASSERT_FALSE(line.empty()) << "it ended before it was killed, at kill " << kill;
      left -= line.starts_with(targets[kill % 5]);
    }
    if (kill % 2 == 0) usleep(static_cast<useconds_t>(rng.below(3000)));
    child.kill_now();
  }
  std::string digest;
  {
    KilledSearch child(file.path(), "250", "models");
    for (std::string line = child.line(); !line.empty(); line = child.line())
      if (line.starts_with("end ")) digest = line.substr(4);
    ASSERT_EQ(child.wait(), 0);
  }
  const population::Record record = record_of(file.path());
  EXPECT_GE(record.sessions.size(), 26u);
  for (int i = 0; i < 3; ++i) expect_same(replay(record, small_config_with_models(250)), digest);

  // No answer was paid for twice.
  std::set<std::pair<int64_t, std::string>> seen;
  for (const auto& call : record.calls) {
    if (call.outcome.empty() || call.outcome == "LOST" || call.outcome == "CANCELLED") continue;
    EXPECT_TRUE(seen.emplace(call.draft.value_or(0), call.op + call.prompt_hash).second)
        << "call " << call.id;
  }
}

TEST(ReplayOfDrafts, FindsAChangedAnswer) {
  const ArchiveFile file("drafts_tampered");
  SmallSearch search(small_config_with_models(80), file.path(), /*resume=*/true);
  search.llm = late;
  search.run();
  const char* const changes[] = {
      "UPDATE llm_call SET reply = replace(reply, '0.', '1.') WHERE id = (SELECT min(c.id) FROM "
      "llm_call c JOIN draft ON number = draft JOIN proposal p ON p.id = proposal WHERE "
      "reason = 'accepted' AND c.operator = draft.operator AND reply LIKE '%0.%')",
      "UPDATE draft SET model = 'small' WHERE number = (SELECT min(number) FROM draft WHERE model "
      "= "
      "'large')",
      "UPDATE llm_call SET prompt_hash = 'x' || prompt_hash WHERE id = 3"};
  for (const char* sql : changes) {
    const std::string copy = file.path() + ".copy";
    std::filesystem::copy_file(file.path(), copy,
                               std::filesystem::copy_options::overwrite_existing);
    {
      population::Db db(copy, population::Db::Mode::kReadWrite);
      db.exec(sql);
    }
    const ReplayEnd end = replay(record_of(copy), search.config());
    EXPECT_NE(end.difference, "") << sql;
    remove_archive(copy);
  }
}

}  // namespace
}  // namespace ballast::orchestrator
