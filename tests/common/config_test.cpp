// The table of settings: reading, every kind of error, printing.
#include "common/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "common/error.h"
#include "common/nearest.h"

namespace ballast {
namespace {

namespace fs = std::filesystem;

Config read(const std::string& toml) {
  Config config;
  apply_toml(config, toml, "x.toml");
  return config;
}

Config with(const std::string& key_value) {
  Config config;
  apply_override(config, key_value, "command line");
  return config;
}

// The text of the usage error that `f` throws; empty when it throws none.
template <class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage) << error.what();
    return error.what();
  }
  return "";
}

TEST(Config, ReadsEveryTypeFromToml) {
  const Config c = read(
      "seed = 7\nmax_seconds = 60\nmu = 0.25\ndata = \"mine\"\naccept_no_sandbox = true\n"
      "start.first = [\"a\", \"b\"]\n[rungs]\ntokens = [2_000, 3000]\n");
  EXPECT_EQ(c.seed, 7);
  EXPECT_EQ(c.max_seconds, 60);
  EXPECT_EQ(c.mu, 0.25);
  EXPECT_EQ(c.data, "mine");
  EXPECT_TRUE(c.accept_no_sandbox);
  EXPECT_EQ(c.start_first, (Texts{"a", "b"}));
  EXPECT_EQ(c.rung_tokens, (Ints{2000, 3000}));
  EXPECT_EQ(c.target, Config().target);  // what is not named keeps its default
}

TEST(Config, ReadsEveryTypeFromOverrides) {
  EXPECT_EQ(with("seed=150_000").seed, 150000);
  EXPECT_EQ(with("max_evaluations=2e6").max_evaluations, 2000000);
  EXPECT_EQ(with("mu=1e-3").mu, 1e-3);
  EXPECT_EQ(with("mu=2").mu, 2);
  EXPECT_EQ(with("data=a=b").data, "a=b");  // the first '=' separates
  EXPECT_TRUE(with("accept_no_sandbox=true").accept_no_sandbox);
  EXPECT_EQ(with("start.first=a,b").start_first, (Texts{"a", "b"}));
  EXPECT_EQ(with("start.first=[\"a\", \"b\"]").start_first, (Texts{"a", "b"}));
  EXPECT_EQ(with("start.first=").start_first, Texts{});
  EXPECT_EQ(with("rungs.tokens=200000,3e5").rung_tokens, (Ints{200000, 300000}));
}

TEST(Config, NamesFileAndLineOfAnUnknownKeyAndTheNearest) {
  EXPECT_EQ(
      refusal([] { read("seed = 1\nmax_second = 3\n"); }),
      "x.toml:2: there is no key \"max_second\"; the nearest is \"max_seconds\" (all of them: "
      "ballast config)");
  EXPECT_NE(refusal([] {
              read("[rungs]\ntokns = [1]\n");
            }).find("x.toml:2: there is no key \"rungs.tokns\"; the nearest is \"rungs.tokens\""),
            std::string::npos);
  EXPECT_NE(
      refusal([] { read("[rung]\ntokens = [1]\n"); }).find("x.toml:1: there is no key \"rung\""),
      std::string::npos);
  EXPECT_NE(refusal([] { with("sed=1"); }).find("the nearest is \"seed\""), std::string::npos);
}

TEST(Config, NamesPlaceKeyAndTypesOfAnIllTypedValue) {
  EXPECT_EQ(refusal([] { read("\nseed = \"one\"\n"); }),
            "x.toml:2: seed: expected a whole number, found \"one\"");
  EXPECT_EQ(refusal([] { read("seed = 1.5\n"); }),
            "x.toml:1: seed: expected a whole number, found 1.5");
  EXPECT_EQ(refusal([] { read("data = 3\n"); }), "x.toml:1: data: expected a text, found 3");
  EXPECT_EQ(refusal([] { read("mu = true\n"); }), "x.toml:1: mu: expected a number, found true");
  EXPECT_EQ(refusal([] { read("accept_no_sandbox = 1\n"); }),
            "x.toml:1: accept_no_sandbox: expected true or false, found 1");
  EXPECT_EQ(refusal([] { read("rungs = 5\n"); }).substr(0, 9), "x.toml:1:");
  EXPECT_EQ(refusal([] { read("[seed]\nx = 1\n"); }),
            "x.toml:1: seed: expected a whole number, found a table");
  EXPECT_NE(refusal([] { read("start.first = [1, \"a\"]\n"); }), "");
  EXPECT_NE(refusal([] { read("start.first = [1]\n"); }), "");
  EXPECT_NE(refusal([] { read("rungs.tokens = [\"a\"]\n"); }), "");
  EXPECT_NE(refusal([] { read("rungs.tokens = [1500.5]\n"); }), "");
  EXPECT_NE(refusal([] { read("data = 2024-01-01\n"); }), "");
  EXPECT_NE(refusal([] { with("seed=abc"); }), "");
  EXPECT_NE(refusal([] { with("seed=99999999999999999999"); }), "");
  EXPECT_NE(refusal([] { with("rungs.tokens=5000,x"); }), "");
  EXPECT_NE(refusal([] { with("accept_no_sandbox=yes"); }), "");
  EXPECT_NE(refusal([] { with("archive=\xff.db"); }).find("not UTF-8"), std::string::npos);
  EXPECT_NE(refusal([] { read("archive = \"a\\u0000b\"\n"); }).find("zero byte"),
            std::string::npos);
}

TEST(Config, NamesTheRangeOfAValueOutsideIt) {
  EXPECT_EQ(refusal([] { read("mu = -1\n"); }),
            "x.toml:1: mu: -1 is out of range: at least 0 nats");
  EXPECT_EQ(refusal([] { with("rungs.eta=1"); }),
            "command line: rungs.eta: 1 is out of range: above 1");
  EXPECT_EQ(refusal([] { with("coefficient_trials=10"); }),
            "command line: coefficient_trials: 10 is out of range: 1 to 9 trainings");
  EXPECT_EQ(refusal([] { with("window=stepp"); }),
            "command line: window: \"stepp\" is not known: one of step, buffer");
  EXPECT_NE(refusal([] { with("mu=nan"); }).find("not a finite number"), std::string::npos);
  EXPECT_NE(refusal([] { read("mu = inf\n"); }).find("not a finite number"), std::string::npos);
  EXPECT_NE(refusal([] { with("rungs.seeds=1,0"); }), "");        // each element
  EXPECT_EQ(with("coefficient_trials=1").coefficient_trials, 1);  // both ends are inside
  EXPECT_EQ(with("coefficient_trials=9").coefficient_trials, 9);
}

TEST(Config, NamesLineAndColumnOfWhatIsNotToml) {
  const std::string text = refusal([] { read("seed = 1\nmu = = 2\n"); });
  EXPECT_EQ(text.substr(0, 9), "x.toml:2:") << text;
  EXPECT_NE(refusal([] { read("seed = 1\nseed = 2\n"); }), "");  // twice
  EXPECT_NE(refusal([] { read(std::string("data = \"\xff\xfe\"\n")); }), "");
}

TEST(Config, AnOverrideNeedsAKeyAndAnEqualsSign) {
  EXPECT_NE(refusal([] { with("seed"); }), "");
  EXPECT_NE(refusal([] { with("=3"); }), "");
}

TEST(Config, ChecksWhatNoFieldKnowsAlone) {
  const auto checked = [](const std::string& key_value) {
    return refusal([&] { check(with(key_value)); });
  };
  EXPECT_EQ(checked("seed=2"), "");
  EXPECT_NE(checked("rungs.tokens=200000"), "");
  EXPECT_NE(checked("rungs.seeds=1,2"), "");                    // three rungs of tokens
  EXPECT_NE(checked("rungs.tokens=200000,100000,300000"), "");  // shrinks
  EXPECT_NE(checked("micro_batches=1000"), "");                 // a step beyond the first rung
  EXPECT_NE(checked("device=gpu"), "");
  EXPECT_NE(checked("device=cuda:"), "");
  EXPECT_EQ(checked("device=cuda:1"), "");
  EXPECT_NE(checked("archive="), "");
  EXPECT_NE(checked("builtins=none,micro_lbl"), "");  // without the reference
  EXPECT_NE(checked("rungs.seeds=2,3,4"), "");        // rung 1 chooses coefficients on one seed
}

TEST(Config, TomlReadsBackToTheSame) {
  Config config;
  config.archive = "a \"quoted\" \\ name\n.db";
  config.mu = 0.1 + 0.2;  // needs 17 digits
  config.max_seconds = 1e300;
  config.start_first = {"x", "y,z"};
  config.rung_tokens = {4096, 8192};
  config.rung_seeds = {1, 2};
  for (const Help help : {Help::kWithout, Help::kAsComments}) {
    Config again;
    apply_toml(again, to_toml(config, help), "printed");
    EXPECT_EQ(again, config);
  }
}

TEST(Config, DefaultsAreValidAndEveryFieldHasHelp) {
  EXPECT_EQ(refusal([] { load_config("", {}); }), "");
  std::set<std::string_view> keys;
  for (const ConfigField& field : config_fields()) {
    EXPECT_TRUE(keys.insert(field.key).second) << field.key << " twice";
    EXPECT_TRUE(field.help.ends_with('.')) << field.key;
  }
  read(to_toml(Config(), Help::kWithout));  // throws where a default is out of its own range
}

TEST(Config, JsonHasEveryField) {
  const nlohmann::json j = nlohmann::json::parse(to_json(Config()));
  EXPECT_EQ(j["seed"], 1);
  EXPECT_EQ(j["rungs"]["tokens"], Config().rung_tokens);
  EXPECT_EQ(j.flatten().contains("/coefficient/global_lbl"), true);
}

TEST(Config, HashFollowsEveryValueAndNoComment) {
  const std::string plain = config_hash(Config());
  EXPECT_EQ(plain.size(), 16u);
  EXPECT_EQ(config_hash(read("# a comment\n\nseed =    1\n")), plain);
  EXPECT_NE(config_hash(with("seed=2")), plain);
  EXPECT_NE(config_hash(with("rungs.eta=3.5")), plain);
}

TEST(Config, TrainSpecTakesThePresetAndWhatIsSet) {
  EXPECT_EQ(train_spec(with("preset=small")).model, preset("small").model);
  EXPECT_EQ(train_spec(Config()).schedule.micro_batches, preset("tiny").schedule.micro_batches);
  EXPECT_EQ(train_spec(with("micro_batches=9")).schedule.micro_batches, 9);
  EXPECT_EQ(train_spec(with("window=buffer")).schedule.window, "buffer");
  EXPECT_EQ(train_spec(with("learning_rate=0.5")).schedule.learning_rate, 0.5);
  EXPECT_EQ(train_spec(with("score_tokens=70000")).score_tokens, 70000);
}

TEST(Config, FileThenOverrides) {
  const fs::path file = fs::path(testing::TempDir()) / "config_test.toml";
  std::ofstream(file) << "seed = 5\nmu = 0.5\n";
  const Config config = load_config(file, {"mu=0.7"});
  EXPECT_EQ(config.seed, 5);
  EXPECT_EQ(config.mu, 0.7);
  EXPECT_EQ(load_config("", {}), Config());
  fs::remove(file);
  EXPECT_NE(refusal([&] { load_config(file, {}); }).find("config_test.toml"), std::string::npos);
  EXPECT_NE(refusal([&] { load_config(testing::TempDir(), {}); }), "");  // a folder
}

TEST(Config, DocumentationPageIsCurrent) {
  std::ifstream in(fs::path(BALLAST_SOURCE_DIR) / "docs/config.md");
  std::stringstream page;
  page << in.rdbuf();
  EXPECT_EQ(page.str(), config_markdown())
      << "run: build/release/ballast config --markdown > docs/config.md";
}

TEST(Nearest, CountsSingleLetterEdits) {
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("seed", "seed"), 0);
  EXPECT_EQ(edit_distance("sede", "seed"), 1);  // neighbours swapped
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(nearest("serach", {"check", "search", "data"}), "search");
}

}  // namespace
}  // namespace ballast
