// The command line as a whole, and the commands that need neither archive nor trainer.
#include <sstream>

#include "common/config.h"
#include "run_ballast.h"

namespace ballast::orchestrator {
namespace {

using Command = BallastTest;

std::vector<std::string> command_names(const std::string& help) {
  std::vector<std::string> names;
  std::istringstream lines(help.substr(help.find("Subcommands:")));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line) && line.starts_with("  ")) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    names.push_back(name);
  }
  return names;
}

TEST_F(Command, EveryHelpHasAnExampleThatStartsWithTheCommand) {
  const Ran top = run({"--help"});
  EXPECT_EQ(top.code, 0);
  const std::vector<std::string> names = command_names(top.out);
  ASSERT_GE(names.size(), 6u) << top.out;
  for (const std::string& name : names) {
    const Ran help = run({name, "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_NE(help.out.find("Example:\n  ballast " + name), std::string::npos) << help.out;
  }
}

TEST_F(Command, VersionNamesRevisionAndBuild) {
  const Ran ran = run({"--version"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out.substr(0, 8), "ballast ");
  EXPECT_NE(ran.out.find("build "), std::string::npos) << ran.out;
}

TEST_F(Command, UsageErrorsAreOneLineAndExitTwo) {
  expect_complaint(run({}), 2, "ballast --help");
  expect_complaint(run({"stats"}), 2, "the nearest is \"status\"");
  expect_complaint(run({"config", "--josn"}), 2, "--josn");
  expect_complaint(run({"config", "--josn"}), 2, "ballast config --help");
  expect_complaint(run({"data"}), 2, "ballast data --help");
}

TEST_F(Command, ConfigPrintsWhatASearchWouldUse) {
  write("my.toml", "seed = 5\n[rungs]\neta = 2\n");
  const Ran ran = run({"config", "-c", "my.toml", "mu=0.5"});
  EXPECT_EQ(ran.code, 0);
  Config expected;
  expected.seed = 5;
  expected.eta = 2;
  expected.mu = 0.5;
  Config printed;
  apply_toml(printed, ran.out, "printed");
  EXPECT_EQ(printed, expected);
  const nlohmann::json j = json({"config", "-c", "my.toml", "mu=0.5"});
  EXPECT_EQ(j, nlohmann::json::parse(to_json(expected)));
  EXPECT_EQ(run({"config", "--markdown"}).out, config_markdown());
}

TEST_F(Command, ConfigErrorsNameThePlaceAndExitTwo) {
  write("bad.toml", "seed = 1\nmax_second = 3\n");
  expect_complaint(run({"config", "-c", "bad.toml"}), 2,
                   "bad.toml:2: there is no key \"max_second\"");
  expect_complaint(run({"config", "mu=-1"}), 2, "mu: -1 is out of range");
  expect_complaint(run({"config", "mu"}), 2, "key=value");
  expect_complaint(run({"config", "-c", "absent.toml"}), 2, "absent.toml");
}

TEST_F(Command, DataBuildsSyntheticTextAndTellsAboutIt) {
  const Ran built = run({"data", "build", "--synthetic"});
  EXPECT_EQ(built.code, 0) << built.err;
  EXPECT_NE(built.out.find("data=synthetic"), std::string::npos);
  const nlohmann::json info = json({"data", "info", "synthetic", "--check"});
  EXPECT_EQ(info["name"], "synthetic");
  EXPECT_EQ(info["domains"].size(), 8u);
  EXPECT_GT(info["domains"][2]["splits"]["train"]["tokens"], 400'000);
  EXPECT_EQ(json({"data", "info", (folder() / "data/synthetic").string()}),
            json({"data", "info", "synthetic"}));
}

TEST_F(Command, DataErrorsSayWhatToDo) {
  expect_complaint(run({"data", "info"}), 2, "`ballast data build`");
  expect_complaint(run({"data", "info", "other"}), 2, "--from DIR");
  expect_complaint(run({"data", "build", "--from", "absent"}), 1, "absent");
  expect_complaint(run({"data", "build", "--synthetic", "--name", "../x"}), 2, "--name ../x");
  write("data/broken/manifest.json", "{");
  expect_complaint(run({"data", "info", "broken"}), 1, "manifest.json");
}

TEST_F(Command, DataCheckFindsAChangedByte) {
  ASSERT_EQ(run({"data", "build", "--synthetic"}).code, 0);
  std::string bytes = read("data/synthetic/nest.train.bin");
  bytes[1000] = static_cast<char>(bytes[1000] ^ 1);
  write("data/synthetic/nest.train.bin", bytes);
  EXPECT_EQ(run({"data", "info", "synthetic"}).code, 0);  // sizes alone are right
  expect_complaint(run({"data", "info", "synthetic", "--check"}), 1, "nest.train.bin");
}

TEST_F(Command, LossesListsTheBuiltInBalancers) {
  const nlohmann::json j = json({"losses"});
  std::vector<std::string> names;
  for (const auto& row : j) {
    if (row["kind"] == "built-in") names.push_back(row["name"]);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"none", "micro_lbl", "global_lbl", "loss_free"}));
  EXPECT_NE(run({"losses"}).out.find("arXiv 2501.11873"), std::string::npos);
}

}  // namespace
}  // namespace ballast::orchestrator
