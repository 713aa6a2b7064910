// top, show and status of archives that are made here.
#include <memory>

#include "common/clock.h"
#include "common/config.h"
#include "population/archive.h"
#include "run_ballast.h"

namespace ballast::orchestrator {
namespace {

using population::Archive;

constexpr const char* kLoss = "def balance_loss(r):\n    return (r.load * r.probs.mean(0)).sum()\n";

std::string identity(char digit) { return std::string(63, digit) + "0"; }

class ArchiveCommand : public BallastTest {
 protected:
  std::string path() const { return (folder() / "search.db").string(); }

  void add(Archive& archive, const std::string& id, const std::string& name,
           const std::string& track) const {
    population::CandidateRow row;
    row.identity = id;
    row.name = name;
    row.track = track;
    if (!id.starts_with("builtin:")) {
      row.source = kLoss;
      row.fingerprint = {1.0f};
    }
    archive.add_candidate(row);
    population::ProposalRow proposal;
    proposal.op = "mutate";
    proposal.identity = id;
    proposal.reason = "accepted";
    proposal.source = kLoss;
    if (!id.starts_with("builtin:")) archive.add_proposal(proposal);
  }

  void measure(Archive& archive, const std::string& id, int rung, int64_t pairs, double difference,
               std::optional<double> error) const {
    archive.put_estimate({.identity = id,
                          .rung = rung,
                          .coefficient = "0.1",
                          .pairs = pairs,
                          .mean_difference = difference,
                          .standard_error = error});
    for (int64_t seed = 1; seed <= pairs; ++seed) {
      const int64_t row = archive.begin_evaluation(
          {id, "spec", rung, static_cast<uint64_t>(seed), "0.1", "build", "cpu"}, "estimate", 1000);
      Metrics metrics;
      metrics.scalars = {{"cross_entropy", 1.5}, {"max_vio_global", 0.25}};
      archive.finish_evaluation(row, archive.attempt(row), Outcome::kOk, "", metrics, 2.0, "L3");
    }
  }

  // One whose settings this build does not know.
  void make_with_config(const std::string& config) const {
    const SystemClock clock;
    Archive archive(path(), clock);
    population::RunRow run;
    run.config = config;
    run.config_hash = "0";
    run.build = "build";
    run.spec = to_json(train_spec(Config()));
    run.spec_hash = "spec";
    run.objective = "constrained";
    run.reference = "builtin:global_lbl";
    archive.begin_run(run);
  }

  // Two of the track `loss` (the worse one at the higher rung), one of `loss+bias`, the reference.
  void fill(Archive& archive) const {
    population::RunRow run;
    run.config = to_toml(Config(), Help::kWithout);
    run.config_hash = config_hash(Config());
    run.seed = 1;
    run.build = "build";
    run.spec = to_json(train_spec(Config()));
    run.spec_hash = "spec";
    run.objective = "constrained";
    run.reference = "builtin:global_lbl";
    archive.begin_run(run);
    add(archive, "builtin:global_lbl", "global_lbl", "loss");
    add(archive, identity('a'), "lucky", "loss");
    add(archive, "a" + identity('b').substr(1), "solid", "loss");
    add(archive, identity('c'), "biased", "loss+bias");
    measure(archive, "builtin:global_lbl", 2, 3, 0, std::nullopt);
    measure(archive, identity('a'), 1, 1, -0.9, std::nullopt);
    measure(archive, "a" + identity('b').substr(1), 2, 3, -0.0123, 0.004);
    measure(archive, identity('c'), 2, 3, 0.05, 0.01);
  }

  // A finished one.
  void make() const {
    const SystemClock clock;
    Archive archive(path(), clock);
    fill(archive);
    archive.put_state("search.seconds", "12.5");
    archive.end_run("max_seconds");
  }
};

TEST_F(ArchiveCommand, TopRanksAHigherRungFirstAndShowsIntervals) {
  make();
  const nlohmann::json rows = json({"top"});
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0]["identity"], "builtin:global_lbl");
  EXPECT_TRUE(rows[0]["rank"].is_null());
  EXPECT_EQ(rows[0]["mean_difference"], 0);
  EXPECT_TRUE(rows[0]["standard_error"].is_null());
  EXPECT_EQ(rows[1]["name"], "solid");
  EXPECT_EQ(rows[1]["rank"], 1);
  EXPECT_NEAR(rows[1]["interval"][1].get<double>(), -0.0123 + 4.30265 * 0.004, 1e-6);
  EXPECT_EQ(rows[2]["name"], "biased");
  EXPECT_EQ(rows[3]["name"], "lucky");  // rung 1, whatever it promises
  EXPECT_TRUE(rows[3]["interval"].is_null());

  const Ran text = run({"top"});
  EXPECT_NE(text.out.find("-0.0123 ± 0.0040"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("-0.9000 ± ?"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("track loss+bias"), std::string::npos) << text.out;
}

TEST_F(ArchiveCommand, ShowAndStatusKnowIslandsAndTheBandit) {
  const std::string solid = "a" + identity('b').substr(1);
  {
    const SystemClock clock;
    Archive archive(path(), clock);
    fill(archive);
    archive.add_membership({identity('a'), 0, std::nullopt, 1});
    archive.add_membership({solid, 1, std::nullopt, 2});
    archive.add_membership({solid, 0, 1, 3});
    archive.put_state("search.bandit",
                      R"({"rule":"posterior","arms":[{"operator":"tune","submitted":3,)"
                      R"("completed":2,"mean_reward":-0.0123,"share":0.75},{"operator":"drop",)"
                      R"("submitted":1,"completed":0,"mean_reward":null,"share":0.25}]})");
  }
  const nlohmann::json status = json({"status"});
  ASSERT_EQ(status["islands"].size(), 2u);
  EXPECT_EQ(status["islands"][0]["candidates"], 2);
  EXPECT_EQ(status["islands"][0]["migrants"], 1);
  EXPECT_EQ(status["islands"][0]["best"], "solid") << "a higher rung than lucky's";
  EXPECT_EQ(status["bandit"]["arms"][0]["share"], 0.75);
  const std::string text = run({"status"}).out;
  EXPECT_NE(text.find("operators, chosen by the rule posterior"), std::string::npos) << text;
  EXPECT_NE(text.find("75 %"), std::string::npos) << text;
  EXPECT_NE(text.find("-0.0123"), std::string::npos) << text;
  EXPECT_NE(run({"show", "solid"}).out.find("lives on island 0 (from 1), island 1"),
            std::string::npos);
  EXPECT_EQ(json({"show", "solid"})["islands"][0]["origin"], 1);
  EXPECT_EQ(json({"show", "biased"})["islands"].size(), 0u);
}

TEST_F(ArchiveCommand, TopCanBeCutToARungAndANumber) {
  make();
  EXPECT_EQ(json({"top", "--rung", "1"}).size(), 1u);
  EXPECT_NE(run({"top", "-n", "1"}).out.find("track loss (1 of 2)"), std::string::npos);
  expect_complaint(run({"top", "-n", "0"}), 2, "-n");
}

TEST_F(ArchiveCommand, ShowFindsByRankNameAndDigits) {
  make();
  EXPECT_EQ(json({"show", "@1"})["name"], "solid");
  EXPECT_EQ(json({"show", "@3"})["name"], "lucky");
  EXPECT_EQ(json({"show", "biased"})["name"], "biased");
  EXPECT_EQ(json({"show", "cccccc"})["name"], "biased");
  const nlohmann::json j = json({"show", "solid"});
  EXPECT_EQ(j["source"], kLoss);
  EXPECT_EQ(j["estimates"][0]["pairs"], 3);
  EXPECT_EQ(j["evaluations"].size(), 3u);
  EXPECT_EQ(j["evaluations"][0]["metrics"]["scalars"]["cross_entropy"], 1.5);
  EXPECT_EQ(j["proposals"][0]["operator"], "mutate");
  const Ran text = run({"show", "solid"});
  EXPECT_NE(text.out.find(kLoss), std::string::npos) << text.out;
}

TEST_F(ArchiveCommand, ABadIdSaysWhy) {
  make();
  expect_complaint(run({"show", "@9"}), 2, "which has 3 candidates");
  expect_complaint(run({"show", "@x"}), 2, "is no rank");
  expect_complaint(run({"show", "aaaa"}), 2, "too short");
  expect_complaint(run({"show", "dddddd"}), 2, "is no candidate of this archive");
  expect_complaint(run({"show"}), 2, "ID");
  const SystemClock clock;
  Archive archive(path(), clock);
  add(archive, std::string(62, 'c') + "00", "twin", "loss");
  expect_complaint(run({"show", "cccccc"}), 2, "fits 2 candidates");
}

TEST_F(ArchiveCommand, StatusTellsRunningFromEnded) {
  make();
  nlohmann::json j = json({"status"});
  EXPECT_EQ(j["state"], "ended");
  EXPECT_EQ(j["reason"], "max_seconds");
  EXPECT_EQ(j["seconds"], 12.5);
  EXPECT_EQ(j["evaluations"], 10);
  EXPECT_EQ(j["best"]["name"], "solid");
  EXPECT_TRUE(j["pid"].is_null());
  const SystemClock clock;
  Archive archive(path(), clock);
  j = json({"status"});  // beside a writer
  EXPECT_EQ(j["state"], "running");
  EXPECT_EQ(j["pid"], getpid());
  EXPECT_NE(run({"status"}).out.find("running (process"), std::string::npos);
}

TEST_F(ArchiveCommand, StatusOfAKilledSearchOfAnotherBuild) {
  make_with_config("a_key_of_old = 1\n");
  const nlohmann::json j = json({"status"});
  EXPECT_EQ(j["state"], "stopped");
  EXPECT_TRUE(j["max_seconds"].is_null());
  EXPECT_NE(run({"status"}).out.find("stopped without a word"), std::string::npos);
}

TEST_F(ArchiveCommand, WhatIsNoArchiveIsRefused) {
  for (const char* command : {"top", "status"}) {
    expect_complaint(run({command}), 1, "there is no such archive");
    write("text.db",
          "this is no database, but long enough to be looked at as one: ........................");
    expect_complaint(run({command, "-a", "text.db"}), 1, "not an archive");
  }
  EXPECT_FALSE(std::filesystem::exists(path())) << "reading made a file";
}

TEST_F(ArchiveCommand, TheOptionComesBeforeTheSettings) {
  make();
  write("other.toml", "archive = \"absent.db\"\n");
  expect_complaint(run({"top", "-c", "other.toml"}), 1, "absent.db");
  EXPECT_EQ(json({"top", "-c", "other.toml", "-a", "search.db"}).size(), 4u);
}

}  // namespace
}  // namespace ballast::orchestrator
