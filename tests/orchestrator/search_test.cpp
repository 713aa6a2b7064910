// Whole searches with fakes: real archive, real evaluator threads, no trainer.
#include "orchestrator/search.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <stop_token>
#include <thread>

#include "common/error.h"
#include "common/rng.h"
#include "orchestrator/seeds.h"
#include "tests/orchestrator/small_search.h"

namespace ballast::orchestrator {
namespace {

using population::Archive;
using population::EvaluationRow;
using population::ProposalRow;

std::string file(const std::string& name) {
  return testing::TempDir() + "search_" + std::to_string(getpid()) + "_" + name + ".db";
}

// Stops the search once `count` events of a kind have come.
class StopAfter : public SearchObserver {
 public:
  StopAfter(SearchEventKind kind, int count) : kind_(kind), left_(count) {}
  void event(const SearchEvent& e) override {
    if (e.kind == kind_ && --left_ == 0) stop_.request_stop();
  }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  SearchEventKind kind_;
  int left_;
  std::stop_source stop_;
};

// Every event of a search, in order.
class Record : public SearchObserver {
 public:
  void event(const SearchEvent& e) override { events.push_back(e); }
  void status(const SearchStatus& s) override { statuses.push_back(s); }
  int64_t count(SearchEventKind kind) const {
    return std::count_if(events.begin(), events.end(),
                         [&](const SearchEvent& e) { return e.kind == kind; });
  }
  std::vector<SearchEvent> events;
  std::vector<SearchStatus> statuses;
};

std::vector<EvaluationRow> finished(const Archive& archive) {
  std::vector<EvaluationRow> rows = archive.evaluations();
  std::erase_if(rows, [](const EvaluationRow& row) { return !row.outcome; });
  return rows;
}

std::string name_of(const Archive& archive, const std::string& identity) {
  const auto row = archive.candidate(identity);
  return row ? row->name : "";
}

TEST(Search, EndsAfterExactlyTheEvaluationsItMayMake) {
  SmallSearch search(small_config(60), file("budget"));
  const SearchEnd end = search.run();
  EXPECT_EQ(end.reason, "max_evaluations");
  EXPECT_EQ(end.status.evaluations, 60);
  EXPECT_EQ(search.sandbox.trains(), 60);
  EXPECT_EQ(search.read([](const Archive& a) { return finished(a).size(); }), 60u);
  EXPECT_EQ(search.run().reason, "max_evaluations") << "started again, it has nothing left to do";
  EXPECT_EQ(search.sandbox.trains(), 60);
}

TEST(Search, LeavesEqualArchivesWhenRunTwiceWithOneWorker) {
  SmallSearch a(small_config(80), file("equal_a")), b(small_config(80), file("equal_b"));
  a.run();
  b.run();
  EXPECT_EQ(a.last_digest(), b.last_digest());
  SearchConfig other = small_config(80);
  other.seed = 8;
  SmallSearch c(other, file("equal_c"));
  c.run();
  EXPECT_NE(a.last_digest(), c.last_digest());
}

// A second goes by between any two looks at it.
class SlowClock final : public Clock {
 public:
  int64_t wall_ns() const override { return 0; }
  double monotonic() const override { return static_cast<double>(++looks_); }

 private:
  mutable std::atomic<int64_t> looks_{0};
};

// What is decided is stored when some time has gone by: on a slow machine in many parts.
TEST(Search, DecidesTheSameHoweverOftenItStores) {
  std::vector<std::string> digests;
  std::vector<int64_t> stored;
  const SystemClock fast;
  const SlowClock slow;
  for (const Clock* clock : std::initializer_list<const Clock*>{&fast, &slow}) {
    SmallSearch search(small_config(60), file("slow"));
    search.clock = clock;
    Record record;
    EXPECT_EQ(search.run({}, record).reason, "max_evaluations");
    digests.push_back(search.last_digest());
    stored.push_back(record.count(SearchEventKind::kStored));
  }
  EXPECT_EQ(digests[0], digests[1]);
  EXPECT_GT(stored[1], stored[0]);
}

TEST(Search, GoesOnExactlyWhereItWasStopped) {
  SmallSearch whole(small_config(150), file("whole"));
  whole.run();
  SmallSearch parts(small_config(150), file("parts"));
  int starts = 0;
  for (const SearchEventKind kind : {SearchEventKind::kProposed, SearchEventKind::kStarted,
                                     SearchEventKind::kProposing, SearchEventKind::kFinished}) {
    for (const int count : {1, 2, 5}) {
      StopAfter observer(kind, count);
      EXPECT_EQ(parts.run(observer.token(), observer).reason, "interrupted");
      ++starts;
    }
  }
  EXPECT_EQ(starts, 12);
  EXPECT_EQ(parts.run().reason, "max_evaluations");
  EXPECT_EQ(parts.last_digest(), whole.last_digest());
}

// Dawdles while a proposal is being made, so that the training that runs meanwhile is finished, and
// stops: the other proposals that were to be made without its result must still be.
class StopInMidDecision : public SearchObserver {
 public:
  void event(const SearchEvent& e) override {
    if (e.kind != SearchEventKind::kProposing || stop_.stop_requested()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    stop_.request_stop();
  }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
};

TEST(Search, MakesEveryDecisionWithoutResultsThatCameDuringAStop) {
  // Three of four children are rejected, so that one decision takes several proposals.
  const auto picky = [](const ProbeJob& job) -> std::optional<Reply> {
    if (job.attempt <= 4 || Rng(1, job.source).chance(0.25)) return std::nullopt;
    return Reply{0, Outcome::kContractViolation, "scripted"};
  };
  SmallSearch whole(small_config(60), file("no_stop"));
  whole.sandbox.probe_script = picky;
  whole.run();
  SmallSearch parts(small_config(60), file("mid_decision"));
  parts.sandbox.probe_script = picky;
  for (int start = 0; start < 25; ++start) {
    StopInMidDecision observer;
    parts.run(observer.token(), observer);
  }
  EXPECT_EQ(parts.run().reason, "max_evaluations");
  EXPECT_EQ(parts.last_digest(), whole.last_digest());
}

// What was begun goes first, whatever would be started now.
TEST(Search, TakesUpAnUnfinishedEvaluationBeforeAnythingElse) {
  SmallSearch search(small_config(12), file("unfinished"));
  search.run();
  population::EvaluationKey key;
  search.read([&](const Archive& a) {
    for (const auto& candidate : a.candidates())
      if (candidate.name == "bias") key.identity = candidate.identity;
    key.spec_hash = spec_hash(search.config().spec);
    key.rung = 1;
    key.seed = block_seed(search.config().seed, SeedBlock::kA, 0);
    key.coefficient = "1";
    key.build = "test";
    key.device_class = "cpu";
    EXPECT_FALSE(a.evaluation(key)) << "not begun by the search itself";
    const_cast<Archive&>(a).begin_evaluation(key, "coefficient", 102'400);
    return 0;
  });
  search.config().max_evaluations = 20;
  Record record;
  search.run({}, record);
  const auto first =
      std::find_if(record.events.begin(), record.events.end(),
                   [](const SearchEvent& e) { return e.kind == SearchEventKind::kStarted; });
  EXPECT_EQ(first->name, "bias");
}

TEST(Search, ReachesTheSamePlaceInTwoBudgets) {
  SmallSearch whole(small_config(90), file("one_budget"));
  whole.run();
  SmallSearch parts(small_config(31), file("two_budgets"));
  parts.run();
  parts.config().max_evaluations = 90;
  parts.run();
  EXPECT_EQ(parts.last_digest(), whole.last_digest());
}

TEST(Search, StopsAtOnceAndKeepsWhatRuns) {
  SmallSearch search(small_config(50), file("stop"));
  search.sandbox.latency = 3600;  // nothing ever finishes by itself
  StopAfter observer(SearchEventKind::kStarted, 1);
  EXPECT_EQ(search.run(observer.token(), observer).reason, "interrupted");
  search.read([](const Archive& a) {
    EXPECT_EQ(a.evaluations().size(), 1u);
    EXPECT_TRUE(finished(a).empty());
    return 0;
  });
  search.sandbox.latency = 0;
  search.run();
  search.read([](const Archive& a) {
    EXPECT_EQ(a.evaluations().front().attempt, 2);
    EXPECT_EQ(finished(a).size(), 50u);
    return 0;
  });
}

// Every finished evaluation takes 10 s of a clock that nothing else moves.
class Ticking : public SearchObserver {
 public:
  void event(const SearchEvent& e) override {
    if (e.kind == SearchEventKind::kFinishing) clock.advance(10);
  }
  fakes::ManualClock clock;
};

TEST(Search, CountsSecondsOverAllItsStarts) {
  SearchConfig config = small_config(0);
  config.max_seconds = 195;
  SmallSearch search(config, file("seconds"));
  Ticking first;
  search.clock = &first.clock;
  search.config().max_evaluations = 12;  // 120 s
  EXPECT_EQ(search.run({}, first).reason, "max_evaluations");
  search.config().max_evaluations = 0;
  Ticking second;
  second.clock.advance(1e6);  // another boot, another start of the clock
  search.clock = &second.clock;
  const SearchEnd end = search.run({}, second);
  EXPECT_EQ(end.reason, "max_seconds");
  // The 20th evaluation crosses the limit; the one begun meanwhile may come to its end.
  EXPECT_GE(end.status.evaluations, 20);
  EXPECT_LE(end.status.evaluations, 21);
}

TEST(Search, LetsOperatorsContributeAndBeatsItsSeeds) {
  SmallSearch search(small_config(400), file("improves"));
  const SearchEnd end = search.run();
  std::map<std::string, OperatorCount> counts;
  for (const OperatorCount& count : end.status.operators) counts[count.name] = count;
  EXPECT_EQ(counts["seed"].accepted, 4);
  for (const char* name : {"tune", "mutate"}) {
    EXPECT_GE(counts[name].accepted, 5) << name;
    EXPECT_GE(counts[name].measured, 5) << name;
  }
  search.read([&](const Archive& a) {
    double best_seed = 1e9, best_child = 1e9;
    std::set<std::string> seeds;
    for (const ProposalRow& p : a.proposals())
      if (p.op == "seed") seeds.insert(p.identity);
    for (const auto& e : a.estimates()) {
      if (e.identity.starts_with("builtin:") || e.rung != 2) continue;
      double& best = seeds.contains(e.identity) ? best_seed : best_child;
      best = std::min(best, e.mean_difference);
    }
    EXPECT_LT(best_child, best_seed);
    return 0;
  });
  ASSERT_TRUE(end.status.best);
  EXPECT_FALSE(end.status.best->name.empty());
}

TEST(Search, StoresRejectedProposalsWithTheirReason) {
  SearchConfig config = small_config(60);
  config.seeds.push_back({"again",
                          "def balance_loss(q):\n    # the same with other names\n"
                          "    return 3.0 * (q.load_global * q.probs.mean(0)).sum()\n"});
  config.seeds.push_back({"broken", "def balance_loss(r):\n    return r.probs.nonsense()\n"});
  config.seeds.push_back({"violator", "def balance_loss(r):\n    return r.logits.sum() * 17.0\n"});
  config.seeds.push_back({"alike",
                          "def balance_loss(r):\n"
                          "    return 3.0001 * (r.load_global * r.probs.mean(0)).sum()\n"});
  SmallSearch search(config, file("rejections"));
  search.sandbox.probe_script = [](const ProbeJob& job) -> std::optional<Reply> {
    if (job.source.find("17") == std::string::npos) return std::nullopt;
    return Reply{0, Outcome::kContractViolation, "depends on the order of sequences"};
  };
  search.run();
  search.read([](const Archive& a) {
    std::map<std::string, ProposalRow> by_reason;
    for (const ProposalRow& p : a.proposals()) {
      if (p.op == "seed") by_reason.emplace(p.reason, p);
      EXPECT_EQ(p.reason == "accepted",
                !p.identity.empty() && p.outcome == Outcome::kOk && p.reason == "accepted");
    }
    EXPECT_EQ(by_reason.at("identity").outcome, Outcome::kOk);
    EXPECT_NE(by_reason.at("identity").detail.find("plain"), std::string::npos);
    EXPECT_EQ(by_reason.at("fingerprint").outcome, Outcome::kOk);
    EXPECT_NE(by_reason.at("fingerprint").detail.find("plain"), std::string::npos);
    EXPECT_FALSE(a.candidate(by_reason.at("fingerprint").identity));
    EXPECT_EQ(by_reason.at("static").outcome, Outcome::kStaticReject);
    EXPECT_NE(by_reason.at("static").detail.find("2:"), std::string::npos) << "says the line";
    EXPECT_EQ(by_reason.at("contract").outcome, Outcome::kContractViolation);
    EXPECT_NE(by_reason.at("contract").detail.find("order of sequences"), std::string::npos);
    EXPECT_FALSE(a.candidate(by_reason.at("contract").identity));
    return 0;
  });
}

// What one text does in training; the search goes on without it.
void expect_failure_is_harmless(Outcome outcome, const std::string& name) {
  SmallSearch search(small_config(120), file("fails_" + name));
  const std::string mark = "0.9";  // only the seed `square` has it at first
  search.sandbox.train_script = [&](const TrainJob& job) -> std::optional<Reply> {
    if (job.balancer.source.find(mark) == std::string::npos) return std::nullopt;
    return Reply{0, outcome, "scripted"};
  };
  const SearchEnd end = search.run();
  EXPECT_EQ(end.reason, "max_evaluations");
  EXPECT_GE(end.status.failed, 1);
  search.read([&](const Archive& a) {
    int failed = 0;
    for (const EvaluationRow& row : finished(a)) {
      if (name_of(a, row.key.identity) != "square") continue;
      ++failed;
      EXPECT_EQ(row.outcome, outcome);
      EXPECT_EQ(row.message, "scripted");
      EXPECT_TRUE(row.metrics.scalars.empty());
    }
    // Another coefficient may mend what diverges; nothing mends a crash.
    EXPECT_EQ(failed, outcome == Outcome::kDiverged ? 3 : 1);
    for (const auto& e : a.estimates()) EXPECT_NE(name_of(a, e.identity), "square");
    for (const ProposalRow& p : a.proposals())
      for (const std::string& parent : p.parents) EXPECT_NE(name_of(a, parent), "square");
    EXPECT_GT(a.estimates().size(), 10u);
    return 0;
  });
}

TEST(Search, GivesACrashingCandidateNoScore) {
  expect_failure_is_harmless(Outcome::kCrash, "crash");
}
TEST(Search, GivesACandidateThatRunsOutOfTimeNoScore) {
  expect_failure_is_harmless(Outcome::kTimeout, "timeout");
}
TEST(Search, GivesADivergingCandidateNoScore) {
  expect_failure_is_harmless(Outcome::kDiverged, "diverged");
}
TEST(Search, GivesACandidateThatRunsOutOfMemoryNoScore) {
  expect_failure_is_harmless(Outcome::kOom, "oom");
}

TEST(Search, RunsAnEvaluationAgainThatTheMachineFailed) {
  SmallSearch calm(small_config(60), file("calm"));
  calm.run();
  SmallSearch troubled(small_config(60), file("troubled"));
  int left = 4;  // the evaluator itself tries three times
  troubled.sandbox.train_script = [&](const TrainJob& job) -> std::optional<Reply> {
    if (job.balancer.source.empty() || left == 0) return std::nullopt;
    --left;
    return Reply{0, Outcome::kInfra, "no space left on device"};
  };
  Record record;
  troubled.run({}, record);
  EXPECT_EQ(record.count(SearchEventKind::kRetried), 1);
  EXPECT_EQ(troubled.last_digest(), calm.last_digest()) << "trouble outside counts against nobody";
}

TEST(Search, StopsWithAMessageWhenTheMachineKeepsFailingAndGoesOnLater) {
  SearchConfig config = small_config(60);
  config.infra_retries = 1;
  SmallSearch search(config, file("broken_machine"));
  bool broken = true;
  search.sandbox.train_script = [&](const TrainJob&) -> std::optional<Reply> {
    if (!broken) return std::nullopt;
    return Reply{0, Outcome::kInfra, "no space left on device"};
  };
  try {
    search.run();
    FAIL() << "should have thrown";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("no space left on device"), std::string::npos);
  }
  broken = false;
  EXPECT_EQ(search.run().reason, "max_evaluations");
}

TEST(Search, SaysSoWhenTheReferenceItselfFails) {
  SmallSearch search(small_config(60), file("reference"));
  search.sandbox.train_script = [](const TrainJob& job) -> std::optional<Reply> {
    if (job.balancer.builtin != "global_lbl") return std::nullopt;
    return Reply{0, Outcome::kDiverged, "scripted"};
  };
  for (int start = 0; start < 2; ++start) {
    try {
      search.run();
      FAIL() << "should have thrown";
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("reference global_lbl"), std::string::npos);
    }
    EXPECT_EQ(search.sandbox.trains(), 1) << "the failure is stored, not repeated";
  }
}

TEST(Search, KeepsAllWorkersBusyAndRepeatsNothing) {
  SmallSearch search(small_config(150, /*workers=*/3), file("workers"));
  search.sandbox.latency = 0.002;
  StopAfter observer(SearchEventKind::kFinished, 40);
  search.run(observer.token(), observer);
  Record record;
  EXPECT_EQ(search.run({}, record).reason, "max_evaluations");
  int flying = 0, most = 0;
  for (const SearchEvent& e : record.events) {
    if (e.kind == SearchEventKind::kStarted) most = std::max(most, ++flying);
    if (e.kind == SearchEventKind::kFinished) --flying;
  }
  EXPECT_EQ(most, 3);
  EXPECT_LE(search.sandbox.most_at_once(), 3);
  search.read([](const Archive& a) {
    const std::vector<EvaluationRow> rows = finished(a);
    EXPECT_EQ(rows.size(), 150u);
    std::set<population::EvaluationKey> keys;
    for (const EvaluationRow& row : rows) keys.insert(row.key);
    EXPECT_EQ(keys.size(), rows.size());
    return 0;
  });
}

TEST(Search, KeepsAFewChildrenWaitingAndNoMore) {
  for (const int workers : {1, 3}) {
    SmallSearch search(small_config(60, workers), file("waiting"));
    search.sandbox.latency = 0.02;  // children come faster than they are evaluated
    class Watch : public SearchObserver {
     public:
      void event(const SearchEvent& e) override {
        if (e.kind == SearchEventKind::kProposed && e.text == "accepted" &&
            e.name.find('-') != std::string::npos)
          most = std::max(most, ++waiting);
        if (e.kind == SearchEventKind::kStarted && e.rung == 1 &&
            e.name.find('-') != std::string::npos && started.insert(e.name).second)
          --waiting;
      }
      int waiting = 0, most = 0;
      std::set<std::string> started;
    } watch;
    search.run({}, watch);
    EXPECT_EQ(watch.most, 2 * workers);
  }
}

TEST(Search, EndsWhenNothingNewCanBeFound) {
  SearchConfig config = small_config(0);
  config.operators = {{"tune", 1}};
  config.seeds = {{"plain", "def balance_loss(r):\n    return (r.load * r.probs.mean(0)).sum()\n"}};
  config.first_seeds = {};
  config.resamples = 5;
  SmallSearch search(config, file("exhausted"));
  EXPECT_EQ(search.run().reason, "exhausted");
  search.read([](const Archive& a) {
    EXPECT_GE(a.proposals().size(), 6u);
    for (const ProposalRow& p : a.proposals()) EXPECT_EQ(p.reason == "accepted", p.op == "seed");
    return 0;
  });
}

TEST(Search, RefusesAnArchiveOfOtherRungs) {
  SmallSearch search(small_config(10), file("rungs"));
  search.run();
  search.config().rungs[1].tokens *= 2;
  try {
    search.run();
    FAIL() << "should have thrown";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::kUsage);
    EXPECT_NE(std::string(e.what()).find("rungs"), std::string::npos);
  }
}

TEST(Search, WritesTheEstimatesThatAKillKeptFromBeingWritten) {
  SmallSearch search(small_config(60), file("estimates"));
  search.run();
  const std::string before = search.last_digest();
  search.read([](const Archive& a) {
    auto& writable = const_cast<Archive&>(a);
    const auto rows = a.estimates();
    writable.remove_estimate(rows.back().identity, rows.back().rung);
    auto changed = rows.front();
    changed.mean_difference += 1;
    writable.put_estimate(changed);
    return 0;
  });
  search.run();
  EXPECT_EQ(search.last_digest(), before);
}

TEST(Search, TellsWhatItDoes) {
  SmallSearch search(small_config(60), file("status"));
  Record record;
  const SearchEnd end = search.run({}, record);
  ASSERT_GE(record.statuses.size(), 2u);
  const SearchStatus& last = record.statuses.back();
  EXPECT_EQ(last.phase, "ended");
  EXPECT_EQ(last.evaluations, 60);
  EXPECT_EQ(record.count(SearchEventKind::kStarted), 60);
  EXPECT_EQ(record.count(SearchEventKind::kFinished), 60);
  EXPECT_EQ(record.count(SearchEventKind::kProposed), last.proposals);
  EXPECT_EQ(last.candidates, last.proposals - last.rejected);
  EXPECT_GT(last.measured, 0);
  EXPECT_GT(last.tokens, 60 * 102'400);
  EXPECT_FALSE(end.verdict.lines.empty());
  for (const SearchEvent& e : record.events)
    EXPECT_TRUE(e.kind != SearchEventKind::kStarted || !e.name.empty());
}

TEST(Validate, NamesWhatIsWrong) {
  const auto message = [](const std::function<void(SearchConfig&)>& change) {
    SearchConfig config = small_config(1);
    change(config);
    try {
      validate(config);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::kUsage);
      return std::string(e.what());
    }
    return std::string("valid");
  };
  EXPECT_EQ(message([](SearchConfig&) {}), "valid");
  const auto has = [&](const std::function<void(SearchConfig&)>& change, const char* word) {
    return message(change).find(word) != std::string::npos;
  };
  EXPECT_TRUE(has([](auto& c) { c.reference = "bip"; }, "bip"));
  EXPECT_TRUE(has([](auto& c) { c.parents = "beam"; }, "beam"));
  EXPECT_TRUE(has([](auto& c) { c.operators = {{"edit", 1}}; }, "edit"));
  EXPECT_TRUE(has([](auto& c) { c.operators = {{"tune", 0}}; }, "weight"));
  EXPECT_TRUE(has([](auto& c) { c.rungs.resize(1); }, "two"));
  EXPECT_TRUE(has([](auto& c) { c.rungs[0].seeds = 2; }, "rung 1"));
  EXPECT_TRUE(has([](auto& c) { c.rungs[1].tokens = 5; }, "step"));
  EXPECT_TRUE(has([](auto& c) { c.eta = 1; }, "eta"));
  EXPECT_TRUE(has([](auto& c) { c.first_seeds = {"globl_lbl"}; }, "globl_lbl"));
  EXPECT_TRUE(has([](auto& c) { c.first_seeds = {"global_lbl"}; }, "global_lbl"));
  EXPECT_EQ(message([](auto& c) { c.use_shipped = true, c.first_seeds = {"global_lbl"}; }),
            "valid");
}

}  // namespace
}  // namespace ballast::orchestrator
