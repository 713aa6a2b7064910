// kill -9 of a whole search, again and again, in every phase of its work. What the child said
// before it died is the ledger outside: all of it must be in the archive, nothing may be done
// twice, and the archive must end up as if nothing had happened.
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/rng.h"
#include "orchestrator/digest.h"
#include "orchestrator/ledger.h"
#include "tests/orchestrator/killed_search.h"

namespace ballast::orchestrator {
namespace {

constexpr int kKills = 50;
constexpr const char* kEvaluations = "220";

// Everything that all children together said.
struct Outside {
  std::map<int64_t, std::string> proposals;  // number -> identity
  std::set<std::string> finished;            // keys
  std::string digest;

  // Takes a line; returns what is wrong with it, if anything.
  std::string take(const std::string& line) {
    const std::string rest = line.size() > 2 ? line.substr(2) : "";
    if (line.starts_with("T ") && finished.contains(rest)) return "began again: " + rest;
    if (line.starts_with("c ") && !finished.insert(rest).second) return "finished twice: " + rest;
    if (line.starts_with("p ")) {
      const size_t space = rest.find(' ');
      const int64_t number = std::stoll(rest.substr(0, space));
      if (!proposals.emplace(number, rest.substr(space + 1)).second)
        return "proposed twice: " + rest;
    }
    if (line.starts_with("end ")) digest = line.substr(4);
    return "";
  }
};

std::string phase_of(const std::string& last_line, bool unstored) {
  if (last_line.starts_with("P")) return "proposal";
  if (unstored) return "commit";
  if (last_line.starts_with("T")) return "training";
  return "between";
}

void run_to_the_end(const std::string& archive, Outside& outside) {
  KilledSearch child(archive, kEvaluations);
  for (std::string line = child.line(); !line.empty(); line = child.line())
    EXPECT_EQ(outside.take(line), "");
  EXPECT_EQ(child.wait(), 0);
}

TEST(KilledSearch, LosesNothingRepeatsNothingAndEndsTheSame) {
  Outside undisturbed;
  run_to_the_end(ArchiveFile("whole").path(), undisturbed);
  ASSERT_EQ(undisturbed.digest.size(), 64u);

  const ArchiveFile file("killed");
  const std::string& archive = file.path();
  Outside outside;
  std::map<std::string, int> hits;
  const std::vector<std::string> targets{"P", "T", "C"};
  Rng rng(1, "kills");
  for (int kill = 0; kill < kKills; ++kill) {
    KilledSearch child(archive, kEvaluations);
    const std::string& target = targets[static_cast<size_t>(kill) % targets.size()];
    int64_t left = 1 + rng.below(3);  // dies at the left-th such moment, a little later
    std::string last;
    bool unstored = false;  // a result has come and is not stored
    const auto see = [&](const std::string& line) {
      last = line;
      if (line.starts_with("C") || line.starts_with("c")) unstored = line[0] == 'C';
    };
    while (left > 0) {
      const std::string line = child.line();
      ASSERT_FALSE(line.empty()) << "the search ended before it was killed often enough";
      ASSERT_EQ(outside.take(line), "");
      see(line);
      if (line.starts_with(target)) --left;
    }
    // Half of them at once: a fast disk is through with a proposal or a commit in 30 us.
    if (kill % 2 == 0) usleep(static_cast<useconds_t>(rng.below(3000)));
    child.kill_now();
    for (std::string line = child.line(); !line.empty(); line = child.line()) {
      ASSERT_EQ(outside.take(line), "");
      see(line);
    }
    ++hits[phase_of(last, unstored)];
  }
  for (const char* phase : {"proposal", "training", "commit"})
    EXPECT_GT(hits[phase], 0) << "no kill hit the phase " << phase;
  RecordProperty("finished_at_last_kill", static_cast<int>(outside.finished.size()));
  RecordProperty("hits_proposal", hits["proposal"]);
  RecordProperty("hits_training", hits["training"]);
  RecordProperty("hits_commit", hits["commit"]);

  run_to_the_end(archive, outside);
  EXPECT_EQ(outside.digest, undisturbed.digest);

  const SystemClock clock;
  const population::Archive rows(archive, clock);
  std::set<std::string> stored;
  for (const auto& row : rows.evaluations()) {
    if (!row.outcome) continue;
    const bool is_new = stored
                            .insert(row.key.identity + "/" + std::to_string(row.key.rung) + "/" +
                                    std::to_string(row.key.seed) + "/" + row.key.coefficient)
                            .second;
    EXPECT_TRUE(is_new);
  }
  for (const std::string& key : outside.finished) EXPECT_TRUE(stored.contains(key)) << key;
  const auto proposals = rows.proposals();
  for (const auto& [number, identity] : outside.proposals) {
    ASSERT_LE(static_cast<size_t>(number), proposals.size());
    EXPECT_EQ(proposals[static_cast<size_t>(number - 1)].identity, identity);
  }
}

}  // namespace
}  // namespace ballast::orchestrator
