// Whole searches by the real program, with the real trainer in the real sandbox and a language
// model that follows a script behind HTTP on loopback: one gets better than it began, and the key
// that it was given is found nowhere.
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <memory>
#include <optional>
#include <set>

#include "evaluator/objective.h"
#include "evaluator/statistics.h"
#include "population/reader.h"
#include "tests/orchestrator/canary.h"
#include "tests/orchestrator/model_server.h"
#include "tests/orchestrator/run_ballast.h"

namespace ballast::orchestrator {
namespace {

using fakes::Connection;
using population::ProposalRow;

// The router z-loss hardly balances.
const std::string kSeed =
    "def balance_loss(r):\n    return torch.logsumexp(r.logits, dim=-1).pow(2).mean()\n";
// Sends tokens to where most are already.
const std::string kWorse =
    "def balance_loss(r):\n    return -(r.load_global * r.probs.mean(0)).sum()\n";
const std::string kGood =
    "def balance_loss(r):\n    return r.num_experts * (r.load_global * r.probs.mean(0)).sum()\n";
const std::string kNoCode = "I would send fewer tokens to the busiest experts.";
const std::string kNoProgram = "def balance_loss(r):\n    return r.load_global.summ(\n";

class TrainedModels : public BallastTest {
 protected:
  void SetUp() override {
    if (const std::string why = training_trouble(); !why.empty()) GTEST_SKIP() << why;
    write("seed.py", kSeed);
  }
  void TearDown() override { unsetenv("BALLAST_TEST_KEY"); }

  // Where MaxVio weighs as much as this, four steps of training tell these losses apart.
  static std::vector<std::string> search(int evaluations) {
    return {"search",
            "data=synthetic",
            "models=models.toml",
            "rungs.tokens=4096,4096",
            "rungs.seeds=1,3",
            "rungs.eta=1.01",
            "mu=1",
            "score_tokens=4096",
            "builtins=global_lbl",
            "builtin_seeds=3",
            "coefficient.global_lbl=1",
            "coefficient_trials=1",
            "coefficient_refinements=0",
            "start.shipped=false",
            "start.files=seed.py",
            "operators.tune=0",
            "operators.mutate=0",
            "operators.splice=0",
            "operators.drop=0",
            "operators.edit=0",
            "operators.crossover=0",
            "operators.simplify=0",
            "workers=1",
            "calls_in_flight=1",
            "repair_turns=1",
            "notes_every=0",
            "resamples=4",
            "max_evaluations=" + std::to_string(evaluations)};
  }
  // `key`: a line that says where the key is.
  void write_models(const std::string& url, const std::string& key) const {
    write("models.toml",
          "[[models]]\nname = \"scripted\"\nprovider = \"compatible\"\nbase_url = \"" + url +
              "\"\nmodel = \"loopback\"\n" + key + "\nprice = { input = 1, output = 2 }\n");
  }
  void key_in_environment(const std::string& url) const {
    setenv("BALLAST_TEST_KEY", kCanary.c_str(), 1);
    write_models(url, "key_env = \"BALLAST_TEST_KEY\"");
  }
  void key_in_file(const std::string& url) const {
    write("key", kCanary + "\n");
    chmod((folder() / "key").c_str(), 0600);
    write_models(url, "key_file = \"key\"");
  }
  population::Record record() const { return population::Reader(folder() / "search.db").record(); }

  // Each request had the key in its one place, and nowhere else.
  static void expect_key_in_header_only(const ModelServer& server) {
    const auto requests = server.requests();
    EXPECT_FALSE(requests.empty());
    for (const auto& request : requests) {
      for (const auto& [name, value] : request.headers)
        EXPECT_EQ(value.find(kCanary) != std::string::npos, name == "authorization") << name;
      EXPECT_EQ(request.body.find(kCanary), std::string::npos);
      EXPECT_EQ(request.path.find(kCanary), std::string::npos);
    }
  }
  void expect_key_nowhere() const {
    EXPECT_GE(expect_no_canary_below(folder()), 5);  // archive, output, errors, models, a corpus
  }
};

// What a draft's question and its repair are answered; after that it has nothing new to say.
void answer_by_script(int draft, const Asked& asked, Connection& connection) {
  const std::string scripts[][2] = {{kNoCode, kNoCode},
                                    {code(kNoProgram), code(kNoProgram)},
                                    {code(kSeed), ""},
                                    {code(kWorse), ""},
                                    {code(kGood), ""}};
  const int row = std::min<int>(draft, std::size(scripts)) - 1;
  connection.respond(200, completion(scripts[row][asked.op == "repair" ? 1 : 0]));
}

std::map<uint64_t, double> objectives(const population::Record& record, const std::string& identity,
                                      int rung) {
  const evaluator::ObjectiveSpec objective{record.run->objective, record.run->mu,
                                           record.run->target};
  std::map<uint64_t, double> out;
  for (const auto& row : record.evaluations)
    if (row.key.identity == identity && row.key.rung == rung && row.outcome == Outcome::kOk)
      if (const auto value = evaluator::objective(objective, row.metrics))
        out[row.key.seed] = *value;
  return out;
}

const ProposalRow* proposal_of(const population::Record& record, const std::string& reason,
                               const std::string& last_reply) {
  for (const ProposalRow& row : record.proposals) {
    if (row.reason != reason || row.calls.empty()) continue;
    for (const auto& call : record.calls)
      if (call.id == row.calls.back() && call.reply == last_reply) return &row;
  }
  return nullptr;
}

TEST_F(TrainedModels, ImproveOverTheSeedByARealScoreAndReplayWithoutThem) {
  std::atomic<int> drafts{0};
  auto server = std::make_unique<ModelServer>([&](const Asked& asked, Connection& connection) {
    answer_by_script(asked.op == "repair" ? drafts.load() : ++drafts, asked, connection);
  });
  key_in_environment(server->url());
  const Child child = start(search(40));
  EnvironmentWatch watch(child.pid);
  const Ran ran = finish(child);
  watch.stop();
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_GT(watch.clean(), 0) << "nobody was looked at";
  EXPECT_EQ(watch.dirty(), 0) << "a job's environment holds the key";
  expect_key_in_header_only(*server);
  expect_key_nowhere();

  // Each bad reply has a reason of its own.
  const population::Record all = record();
  const ProposalRow* no_code = proposal_of(all, "reply", kNoCode);
  const ProposalRow* no_program = proposal_of(all, "static", code(kNoProgram));
  const ProposalRow* parent = proposal_of(all, "identity", code(kSeed));
  const ProposalRow* worse = proposal_of(all, "accepted", code(kWorse));
  const ProposalRow* good = proposal_of(all, "accepted", code(kGood));
  const ProposalRow* known = proposal_of(all, "identity", code(kGood));
  ASSERT_TRUE(no_code && no_program && parent && worse && good && known)
      << (no_code != nullptr) << (no_program != nullptr) << (parent != nullptr)
      << (worse != nullptr) << (good != nullptr) << (known != nullptr) << " of "
      << all.proposals.size() << " proposals";
  EXPECT_EQ(no_code->calls.size(), 2u) << "and was asked to mend it";
  EXPECT_EQ(no_program->calls.size(), 2u);
  EXPECT_TRUE(no_code->detail.starts_with("NO_CODE")) << no_code->detail;
  EXPECT_TRUE(no_program->detail.starts_with("STATIC")) << no_program->detail;
  EXPECT_EQ(good->op, "rewrite");

  // The best is what the model wrote, better than the seed by more than two standard errors.
  const ProposalRow& seed = all.proposals.front();
  ASSERT_EQ(seed.op, "seed");
  const nlohmann::json top = json({"top"});
  std::string best;
  for (const auto& row : top)
    if (row["rank"] == 1) best = row["identity"];
  EXPECT_EQ(best, good->identity);
  const auto before = objectives(all, seed.identity, 2), after = objectives(all, best, 2);
  std::vector<double> differences;
  for (const auto& [number, value] : after)
    if (before.contains(number)) differences.push_back(value - before.at(number));
  ASSERT_EQ(differences.size(), 3u);
  const evaluator::Summary gain = evaluator::summarise(differences);
  EXPECT_LT(gain.mean, -2 * *gain.standard_error());
  RecordProperty("gain", std::to_string(gain.mean));
  RecordProperty("standard_error", std::to_string(*gain.standard_error()));
  EXPECT_GT(objectives(all, worse->identity, 1).begin()->second,
            objectives(all, seed.identity, 1).begin()->second);

  server.reset();  // nobody listens any more, and there is no key
  unsetenv("BALLAST_TEST_KEY");
  const std::string digest = json({"verify", "search.db"})["digest"];
  const Ran again = run({"replay", "search.db"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_NE(again.out.find("same digest " + digest), std::string::npos) << again.out;
}

// Where there is no answer that does not hold the key.
void echo(int number, const std::string& key, Connection& connection) {
  const std::vector<std::pair<std::string, std::string>> header{{"x-request-id", key}};
  switch (number) {
    case 1:
      return connection.respond(500, R"({"error":{"message":"bad key )" + key + R"("}})", header);
    case 2:
      return connection.respond(200, R"({"error":{"code":503,"message":")" + key + R"("}})",
                                header);
    case 3:
      return connection.respond(200, completion("Your key is " + key), header);
    case 4:
      return connection.respond(200, completion(code("# " + key + "\n" + kGood)), header);
    default:
      return connection.respond(401, R"({"error":{"message":"Incorrect key: )" + key + R"("}})",
                                header);
  }
}

TEST_F(TrainedModels, KeepTheKeyThatAServerEchoes) {
  const ModelServer server(
      [](const Asked& asked, Connection& connection) { echo(asked.number, kCanary, connection); });
  key_in_file(server.url());
  const Ran ran = run(search(9));
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_GE(server.requests().size(), 5u) << "the last answer closes the model";
  const population::Record all = record();
  std::set<std::string> outcomes;
  bool redacted = false;
  for (const auto& call : all.calls) {
    outcomes.insert(call.outcome);
    redacted = redacted || call.reply == "Your key is [key]";
  }
  EXPECT_EQ(outcomes, (std::set<std::string>{"OK", "AUTH"}));
  EXPECT_TRUE(redacted);
  run({"show", "--proposal", std::to_string(all.proposals.size()), "--prompt"});
  run({"show", "@1", "--prompt"});
  run({"costs"});
  run({"status"});
  expect_key_in_header_only(server);
  expect_key_nowhere();
}

// A process that dies in the middle of a call leaves no key behind, in no core file either; the
// next one goes on.
TEST_F(TrainedModels, KeepTheKeyWhenTheProcessDiesInTheMiddleOfACall) {
  rlimit core{};
  getrlimit(RLIMIT_CORE, &core);
  const rlimit before = core;
  core.rlim_cur = core.rlim_max;  // children may write core files as large as they like
  setrlimit(RLIMIT_CORE, &core);
  std::atomic<bool> answers{false};
  const ModelServer server([&](const Asked&, Connection& connection) {
    if (!answers) connection.pause(600);  // until the server is gone: its caller dies long before
    connection.respond(200, completion(code(kGood)));
  });
  for (const int signal : {SIGABRT, SIGKILL}) {
    if (signal == SIGABRT)
      key_in_environment(server.url());
    else
      key_in_file(server.url());
    const size_t asked = server.requests().size();
    const Child child = start(search(7));
    for (int i = 0; i < 6000 && server.requests().size() == asked; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_GT(server.requests().size(), asked) << "no call was begun";
    kill(child.pid, signal);
    EXPECT_EQ(finish(child).code, 128 + signal);
    expect_key_nowhere();
  }
  setrlimit(RLIMIT_CORE, &before);
  answers = true;
  const Ran ran = run(search(7));
  EXPECT_EQ(ran.code, 0) << ran.err;
  int lost = 0, accepted = 0;
  const population::Record all = record();
  for (const auto& call : all.calls) lost += call.outcome == "LOST";
  for (const auto& row : all.proposals) accepted += row.op == "rewrite" && row.reason == "accepted";
  EXPECT_EQ(lost, 2);
  EXPECT_EQ(accepted, 1);
  expect_key_in_header_only(server);
  expect_key_nowhere();
}

}  // namespace
}  // namespace ballast::orchestrator
