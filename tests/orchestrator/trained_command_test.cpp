// check, train, search and doctor with the real trainer in the real sandbox, on synthetic text and
// with budgets of seconds.
#include <csignal>
#include <thread>

#include "run_ballast.h"

namespace ballast::orchestrator {
namespace {

constexpr const char* kSmall = "score_tokens=4096";

class TrainedCommand : public BallastTest {
 protected:
  void SetUp() override {
    if (const std::string why = training_trouble(); !why.empty()) GTEST_SKIP() << why;
  }

  static std::vector<std::string> search(int evaluations) {
    return {"search",
            "data=synthetic",
            "rungs.tokens=4096,8192",
            "rungs.seeds=1,2",
            kSmall,
            "builtins=none,global_lbl",
            "builtin_seeds=2",
            "max_evaluations=" + std::to_string(evaluations)};
  }
};

TEST_F(TrainedCommand, DoctorFindsThatASearchCanRun) {
  const nlohmann::json j = json({"doctor", "data=synthetic"});
  EXPECT_EQ(j["can_search"], true) << j.dump(2);
  const Ran without = run({"doctor"});
  EXPECT_EQ(without.code, 1);
  EXPECT_NE(without.out.find("broken   data"), std::string::npos) << without.out;
}

TEST_F(TrainedCommand, CheckRunsTheContract) {
  write("good.py", run({"losses", "global_lbl"}).out);
  const nlohmann::json good = json({"check", "good.py"});
  EXPECT_EQ(good["outcome"], "OK");
  EXPECT_NEAR(good["unit"].get<double>(), 1, 1e-4);
  write("flat.py", "def balance_loss(r):\n    return r.load.sum()\n");  // no router gradient
  EXPECT_EQ(run({"check", "--static", "flat.py"}).code, 0);
  const Ran flat = run({"check", "flat.py"});
  EXPECT_EQ(flat.code, 3);
  EXPECT_NE(flat.err.find("CONTRACT_VIOLATION"), std::string::npos) << flat.err;
  const Ran flat_json = run({"check", "flat.py", "--json"});
  EXPECT_EQ(flat_json.code, 3);
  EXPECT_EQ(nlohmann::json::parse(flat_json.out)["valid"], false);
}

// E * sum(load * mean(probs)) with uniform probabilities: the value is 1; its gradient with respect
// to a logit is E * (load_e - sum_j load_j p_j) * p_e / T.
TEST_F(TrainedCommand, CheckAtAStateGivesValueGradientAndBias) {
  write("loss.py",
        "def balance_loss(r):\n    return r.num_experts * (r.load * r.probs.mean(0)).sum()\n");
  write("state.json",
        R"({"logits": [[0, 0], [0, 0]], "gate": "softmax", "top_k": 1, "num_sequences": 1,
                          "bias": [0.5, 0], "progress": 0, "depth": 0})");
  const nlohmann::json j = json({"check", "loss.py", "--at", "state.json"});
  EXPECT_NEAR(j["value"].get<double>(), 1, 1e-12);
  ASSERT_EQ(j["grad_logits"].size(), 2u);
  EXPECT_NEAR(j["grad_logits"][0][0].get<double>(), 2 * (1 - 0.5) * 0.5 / 2, 1e-12);
  EXPECT_NEAR(j["grad_logits"][1][1].get<double>(), 2 * (0 - 0.5) * 0.5 / 2, 1e-12);
  EXPECT_TRUE(j["bias"].is_null());

  write("nan.py",
        "def balance_loss(r):\n    return (r.probs.sum() - r.probs.sum()) / 0.0 * r.probs.sum()\n");
  EXPECT_EQ(run({"check", "nan.py", "--at", "state.json", "--json"}).code, 3);
  write("torn.json", "{\"logits\": [[0, 0]");
  expect_complaint(run({"check", "loss.py", "--at", "torn.json"}), 2, "torn.json");
  write("wrong.json", R"({"logits": [[0, 0]], "top_k": 3})");
  expect_complaint(run({"check", "loss.py", "--at", "wrong.json"}), 2, "top_k");
  expect_complaint(run({"check", "loss.py", "--at", "absent.json"}), 2, "absent.json");
}

TEST_F(TrainedCommand, TrainPrintsEveryFigureAndRepeatsBitForBit) {
  const std::vector<std::string> arguments{
      "train",       "--loss",         "global_lbl",      "--seed", "7",
      "tokens=8192", "data=synthetic", "coefficient=0.1", kSmall};
  nlohmann::json j = json(arguments);
  for (const char* key : {"cross_entropy", "bits_per_byte", "max_vio_global", "max_vio_batch",
                          "avg_max_vio", "sup_max_vio", "load_cv", "load_entropy", "dead_experts",
                          "l1_imbalance", "domain_expert_mi", "score_sum_ratio", "router_entropy",
                          "tokens", "steps", "tokens_per_second", "seed", "coefficient"}) {
    EXPECT_TRUE(j.contains(key) && j[key].is_number()) << key;
  }
  EXPECT_EQ(j["tokens"], 8192);
  EXPECT_EQ(j["steps"], 8);
  EXPECT_EQ(j["seed"], 7);
  EXPECT_EQ(j["coefficient"], 0.1);
  EXPECT_EQ(j["domain_cross_entropy"].size(), 6u);
  EXPECT_EQ(j["layer_max_vio_global"].size(), 3u);
  nlohmann::json again = json(arguments);
  for (const char* key : {"seconds", "tokens_per_second"}) {
    j.erase(key);
    again.erase(key);
  }
  EXPECT_EQ(j, again);
}

TEST_F(TrainedCommand, TrainOfABadTextExitsThree) {
  write("flat.py", "def balance_loss(r):\n    return r.load.sum()\n");
  expect_complaint(run({"train", "--loss", "flat.py", "data=synthetic"}), 3, "CONTRACT_VIOLATION");
}

TEST_F(TrainedCommand, SearchEndsResumesAndIsLookedInto) {
  const Ran first = run(search(8));
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_NE(first.out.find("8 trainings"), std::string::npos) << first.out;
  EXPECT_NE(first.out.find("built-in balancers"), std::string::npos);
  EXPECT_NE(first.out.find("rung 1: 4,096 tokens, 4 steps, 1 seed"), std::string::npos)
      << first.out;
  EXPECT_NE(first.out.find("no winner"), std::string::npos) << first.out;
  EXPECT_EQ(json({"status"})["evaluations"], 8);

  const Ran second = run(search(14));
  EXPECT_EQ(second.code, 0) << second.err;
  EXPECT_NE(second.err.find("going on with"), std::string::npos) << second.err;
  EXPECT_EQ(json({"status"})["evaluations"], 14);

  const nlohmann::json rows = json({"top"});
  EXPECT_GE(rows.size(), 3u);
  const std::string identity = json({"show", "@1"})["identity"];
  const nlohmann::json trained =
      json({"train", "--loss", identity.substr(0, 10), "tokens=4096", "data=synthetic", kSmall});
  EXPECT_EQ(trained["identity"], identity);
  for (const auto& row : rows) {
    if (row["identity"] == identity) {
      EXPECT_EQ(trained["coefficient"], row["coefficient"]);
    }
  }

  std::vector<std::string> other = search(14);
  other.emplace_back("mu=0.5");
  expect_complaint(run(other), 2, "mu");
}

TEST_F(TrainedCommand, ReplayRepeatsASearchAndTrainsAgain) {
  const Child child = start(search(14));  // in two starts, the first of them killed
  for (int i = 0; i < 600; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const Ran status = run({"status", "--json"});
    if (status.code == 0 && nlohmann::json::parse(status.out)["evaluations"] > 2) break;
  }
  kill(child.pid, SIGKILL);
  finish(child);
  ASSERT_EQ(run(search(14)).code, 0);
  const std::string digest = json({"verify", "search.db"})["digest"];
  for (int i = 0; i < 3; ++i) {
    const Ran ran = run({"replay", "search.db"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_NE(ran.out.find("same digest " + digest), std::string::npos) << ran.out;
  }
  const nlohmann::json again = json({"replay", "search.db", "--retrain", "3", "--out", "again.db"});
  EXPECT_EQ(again["same"], true) << again.dump(2);
  ASSERT_EQ(again["retrained"].size(), 3u);
  EXPECT_TRUE(again["retrained"][0]["difference"].is_null());
  EXPECT_GT(again["retrained"][0]["values"], 100);
  EXPECT_EQ(json({"verify", "again.db"})["digest"], digest);
}

TEST_F(TrainedCommand, SearchNamesAnArchiveItCannotWrite) {
  std::vector<std::string> arguments = search(4);
  write("text.db", std::string(200, 'x'));
  arguments.insert(arguments.end(), {"-a", "text.db"});
  expect_complaint(run(arguments), 1, "text.db");
  arguments.back() = "text.db/search.db";
  expect_complaint(run(arguments), 1, "text.db/search.db");
  EXPECT_EQ(read("text.db"), std::string(200, 'x'));
}

TEST_F(TrainedCommand, CtrlCStopsCleanlyAndTheSameCommandGoesOn) {
  const Child child = start(search(12));
  bool busy = false;
  for (int i = 0; i < 600 && !busy; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const Ran status = run({"status", "--json"});  // fails until there is an archive
    busy = status.code == 0 && nlohmann::json::parse(status.out)["evaluations"] > 0;
  }
  kill(child.pid, SIGINT);
  const Ran stopped = finish(child);
  EXPECT_TRUE(busy);
  EXPECT_EQ(stopped.code, 130) << stopped.err;
  EXPECT_NE(stopped.out.find("the same command goes on"), std::string::npos) << stopped.out;
  const nlohmann::json status = json({"status"});
  EXPECT_EQ(status["reason"], "interrupted");
  EXPECT_LT(status["evaluations"], 12);
  EXPECT_EQ(run(search(12)).code, 0);
  EXPECT_EQ(json({"status"})["evaluations"], 12);
}

}  // namespace
}  // namespace ballast::orchestrator
