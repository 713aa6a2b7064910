// The command line as a whole, and the commands that need neither archive nor trainer.
#include <map>
#include <set>
#include <sstream>

#include "candidate/reference.h"
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

TEST_F(Command, LossesPrintsTheLanguageReference) {
  EXPECT_EQ(run({"losses", "--reference"}).out, candidate::language_reference());
}

TEST_F(Command, ShippedConfigurationsAreValidAndTheDefaultOneIsTheDefaults) {
  const std::filesystem::path configs = std::filesystem::path(BALLAST_SOURCE_DIR) / "configs";
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(configs)) {
    if (entry.path().extension() != ".toml") continue;
    ++found;
    const Ran ran = run({"config", "-c", entry.path().string()});
    EXPECT_EQ(ran.code, 0) << ran.err;
  }
  EXPECT_GE(found, 2);
  EXPECT_EQ(json({"config", "-c", (configs / "search.toml").string()}), json({"config"}))
      << "configs/search.toml and common/config.def differ";
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

TEST_F(Command, LossesListsBuiltInsAndTexts) {
  const nlohmann::json j = json({"losses"});
  std::map<std::string, std::set<std::string>> names;
  for (const auto& row : j) names[row["kind"]].insert(row["name"]);
  EXPECT_TRUE(names["built-in"].contains("loss_free"));
  EXPECT_TRUE(names["built-in"].contains("none"));
  EXPECT_TRUE(names["text"].contains("shinka"));
  EXPECT_FALSE(names["text"].contains("none"));
  EXPECT_NE(run({"losses"}).out.find("arXiv 2501.11873"), std::string::npos);
}

TEST_F(Command, LossesPrintsATextThatChecks) {
  const Ran text = run({"losses", "global_lbl"});
  EXPECT_EQ(text.code, 0);
  write("mine.py", text.out);
  const nlohmann::json j = json({"check", "--static", "mine.py"});
  EXPECT_EQ(j["valid"], true);
  EXPECT_EQ(j["track"], "loss");
  for (const auto& row : json({"losses"})) {
    if (row["kind"] == "text" && row["name"] == "global_lbl") {
      EXPECT_EQ(row["identity"], j["identity"]);
    }
  }
  expect_complaint(run({"losses", "global_lbk"}), 2, "the nearest is \"global_lbl\"");
}

TEST_F(Command, CheckShowsLineColumnSourceAndHint) {
  write("bad.py", "def balance_loss(r):\n    return (r.load @ r.logits).sum()\n");
  const Ran ran = run({"check", "--static", "bad.py"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err.substr(0, 12), "bad.py:2:20:") << ran.err;
  EXPECT_NE(ran.err.find("\n      return (r.load @ r.logits).sum()\n"
                         "                     ^\n  hint: "),
            std::string::npos)
      << ran.err;
  const Ran json = run({"check", "--static", "bad.py", "--json"});
  EXPECT_EQ(json.code, 3);
  const nlohmann::json j = nlohmann::json::parse(json.out);
  EXPECT_EQ(j["valid"], false);
  EXPECT_EQ(j["line"], 2);
  EXPECT_EQ(j["column"], 20);
}

TEST_F(Command, CheckRefusesWhatCannotBeRead) {
  expect_complaint(run({"check", "--static", "absent.py"}), 2, "there is no such file");
  expect_complaint(run({"check", "--static", "."}), 2, "cannot read");
  write("huge.py", std::string(2 << 20, '#'));
  expect_complaint(run({"check", "--static", "huge.py"}), 2, "is no loss");
  write("empty.py", "");
  EXPECT_EQ(run({"check", "--static", "empty.py"}).code, 3);
  write("dear.py", run({"losses", "global_lbl"}).out);
  write("low.toml", "limits.max_flops = 10\n");
  const Ran dear = run({"check", "--static", "dear.py", "-c", "low.toml"});
  EXPECT_EQ(dear.code, 3);
  EXPECT_NE(dear.err.find("allowed are 10 FLOPs"), std::string::npos) << dear.err;
}

TEST_F(Command, TrainAndSearchNeedACorpusAndSayHowToMakeIt) {
  expect_complaint(run({"train", "--loss", "global_lbl"}), 2, "`ballast data build`");
  expect_complaint(run({"search"}), 2, "data=synthetic");
  EXPECT_FALSE(std::filesystem::exists(folder() / "search.db"));
}

TEST_F(Command, SearchNamesAnUnreadableCorpus) {
  ASSERT_EQ(run({"data", "build", "--synthetic"}).code, 0);
  std::filesystem::resize_file(folder() / "data/synthetic/nest.train.bin", 1000);
  expect_complaint(run({"search", "data=synthetic"}), 1, "nest.train.bin");
  std::filesystem::remove(folder() / "data/synthetic/nest.train.bin");
  expect_complaint(run({"search", "data=synthetic"}), 1, "nest.train.bin");
  write("data/synthetic/manifest.json", "{\"format\": \"other\"}");
  expect_complaint(run({"search", "data=synthetic"}), 1, "manifest.json");
}

TEST_F(Command, TrainSaysWhatALossCouldBe) {
  expect_complaint(run({"train", "--loss", "globl_lbl"}), 2, "the nearest name is \"global_lbl\"");
  expect_complaint(run({"train", "--loss", "abcdef12"}), 2, "there is no archive search.db");
  expect_complaint(run({"train", "--loss", "./absent.py"}), 2, "there is no such file");
  expect_complaint(run({"train"}), 2, "--loss");
  write("z_loss", "def balance_loss(r):\n    return r.probs.sum()\n");
  expect_complaint(run({"train", "--loss", "z_loss"}), 2, "write ./z_loss for the file");
  expect_complaint(run({"train", "--loss", "none", "tokens=abc"}), 2, "tokens");
  expect_complaint(run({"train", "--loss", "none", "tokens=10"}), 2, "out of range");
  expect_complaint(run({"train", "--loss", "none", "coefficient=x"}), 2, "coefficient");
  expect_complaint(run({"train", "--loss", "none", "token=5"}), 2, "there is no key \"token\"");
}

}  // namespace
}  // namespace ballast::orchestrator
