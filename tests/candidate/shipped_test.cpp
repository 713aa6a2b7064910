#include "candidate/shipped.h"

#include <gtest/gtest.h>

#include <set>

#include "candidate/parse.h"

namespace ballast::candidate {
namespace {

TEST(Shipped, EveryTextParsesAndPrintsToTheSameProgram) {
  for (const ShippedRow& row : shipped()) {
    SCOPED_TRACE(row.name);
    const ParseResult result = parse(row.text);
    ASSERT_TRUE(result.program) << to_string(*result.diagnostic);
    const ParseResult again = parse(print(*result.program));
    ASSERT_TRUE(again.program) << to_string(*again.diagnostic);
    EXPECT_EQ(again.program->identity, result.program->identity);
  }
}

TEST(Shipped, EveryTextSaysWhatItIsAndWhereItIsFrom) {
  std::set<std::string> identities;
  for (const ShippedRow& row : shipped()) {
    SCOPED_TRACE(row.name);
    EXPECT_GT(row.help.size(), 20u);
    EXPECT_LT(row.help.size(), 120u);
    EXPECT_FALSE(row.source.empty());
    EXPECT_TRUE(row.text.starts_with("# " + std::string(row.help)));
    EXPECT_TRUE(identities.insert(parse(row.text).program->identity).second)
        << "two texts are one program";
  }
}

TEST(Shipped, TheMethodsOfTheDesignAreThere) {
  for (const char* name :
       {"micro_lbl", "global_lbl", "sequence_lbl", "device_lbl", "z_loss", "shinka", "shinka_ste",
        "shinka_mask", "loss_free", "loss_free_proportional", "bip_causal", "adamoe", "latency",
        "mutual_information", "load_concentration", "importance", "switch", "entropy"})
    EXPECT_NE(find_shipped(name), nullptr) << name;
  EXPECT_EQ(find_shipped("nothing"), nullptr);
}

TEST(Shipped, BiasRulesAreSecondHooksAndLossesFirstOnes) {
  for (const ShippedRow& row : shipped()) {
    const ParseResult result = parse(row.text);
    const bool bias = row.text.find("def selection_bias(") != std::string_view::npos;
    EXPECT_EQ(result.program->bias.has_value(), bias) << row.name;
    EXPECT_EQ(result.program->loss.has_value(), !bias) << row.name;
  }
}

}  // namespace
}  // namespace ballast::candidate
