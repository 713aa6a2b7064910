// The words that common/config.def lets people choose are those that the search knows.
#include <gtest/gtest.h>

#include <algorithm>

#include "common/config.h"
#include "evaluator/objective.h"
#include "orchestrator/operator_choice.h"
#include "orchestrator/operators.h"
#include "orchestrator/parents.h"
#include "orchestrator/search.h"
#include "orchestrator/search_settings.h"
#include "prompts/request.h"

namespace ballast::orchestrator {
namespace {

template <class List>
std::vector<std::string> sorted(const List& list) {
  std::vector<std::string> out(list.begin(), list.end());
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> choices(std::string_view key) {
  for (const ConfigField& field : config_fields()) {
    if (field.key == key) return sorted(field.range.choices);
  }
  return {};
}

TEST(Choices, AreThoseOfTheSearch) {
  EXPECT_EQ(choices("objective"), sorted(evaluator::objective_names()));
  EXPECT_EQ(choices("parents"), sorted(parent_rules()));
  EXPECT_EQ(choices("bandit"), sorted(bandit_rules()));
}

TEST(Choices, EveryOperatorHasAWeight) {
  std::vector<std::string> keys;
  for (const ConfigField& field : config_fields()) {
    if (field.key.starts_with("operators.")) keys.emplace_back(field.key.substr(10));
  }
  std::vector<std::string_view> names = operator_names();
  names.insert(names.end(), prompts::operators().begin(), prompts::operators().end());
  EXPECT_EQ(sorted(keys), sorted(names));
}

TEST(SearchSettings, FollowTheConfiguration) {
  Config config;
  apply_toml(config,
             "seed = 3\nmu = 0.5\n[rungs]\ntokens = [8192, 16384]\nseeds = [1, 5]\n[operators]\n"
             "tune = 7\n[coefficient]\nglobal_lbl = 0.3\n",
             "test");
  const SearchConfig search = search_config(config, train_spec(config), 2);
  EXPECT_EQ(search.seed, 3u);
  EXPECT_EQ(search.mu, 0.5);
  EXPECT_EQ(search.workers, 2);
  ASSERT_EQ(search.rungs.size(), 2u);
  EXPECT_EQ(search.rungs[0], (RungConfig{8192, 1, SeedBlock::kA}));
  EXPECT_EQ(search.rungs[1], (RungConfig{16384, 5, SeedBlock::kB}));
  for (const BuiltinConfig& builtin : search.builtins) {
    EXPECT_EQ(builtin.coefficient, builtin_coefficient(config, builtin.name));
  }
  EXPECT_EQ(builtin_coefficient(config, "global_lbl"), 0.3);
  EXPECT_EQ(builtin_coefficient(config, "none"), 0);
  EXPECT_EQ(search.operators.front().name, "tune");
  EXPECT_EQ(search.operators.front().weight, 7);
  validate(search);
}

TEST(SearchSettings, OfTheDefaultsAreValid) {
  validate(search_config(Config(), train_spec(Config()), 1));
}

}  // namespace
}  // namespace ballast::orchestrator
