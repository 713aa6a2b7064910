#include "prompts/request.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdio>
#include <set>

#include "candidate/parse.h"
#include "common/error.h"
#include "common/rng.h"
#include "prompts/edit.h"
#include "prompts/numbers.h"
#include "prompts/render.h"
#include "prompts/reply.h"
#include "prompts/templates.h"
#include "tests/prompts/samples.h"

namespace ballast::prompts {
namespace {

Facts facts_for(std::string_view op) {
  Facts facts = samples::facts();
  if (parents_needed(op) == 2) {
    facts.parents.push_back(samples::parent());
    facts.parents[1].name = "second-one";
    facts.parents[1].source = samples::kOther;
  }
  return facts;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Request, EveryOperatorAndVariantRendersAndIsNamed) {
  size_t requests = 0;
  std::set<std::string> wordings;
  for (const std::string_view op : operators()) {
    ASSERT_EQ(variants(op).at(0), "default");
    for (const std::string_view variant : variants(op)) {
      const Request request = make_request(samples::task(), op, variant, facts_for(op));
      EXPECT_EQ(request.variant, std::string(op) + "/" + std::string(variant));
      EXPECT_TRUE(has(request.user, "# Request"));
      EXPECT_FALSE(has(request.user + request.system, "{{"));
      EXPECT_FALSE(has(request.user, "\n\n\n"));
      EXPECT_EQ(request.templates.size(), 8u);
      wordings.insert(request.templates);
      ++requests;
    }
  }
  EXPECT_EQ(requests, 9u);
  EXPECT_EQ(wordings.size(), requests);
}

// Providers cache the longest prefix that does not change.
TEST(Request, TheSystemPromptIsTheSameForEveryRequestOfARun) {
  const Task task = samples::task();
  const std::string system = system_prompt(task);
  for (const std::string_view op : operators())
    EXPECT_EQ(make_request(task, op, "default", facts_for(op)).system, system);
  const RepairChain chain{{{FailureKind::kStatic, "m", "s"}}};
  EXPECT_EQ(make_repair(task, samples::facts(), chain).system, system);
  Task other = task;
  other.experts = 64;
  EXPECT_NE(system_prompt(other), system);
}

TEST(Request, TheSystemPromptHoldsTaskRecordAndNames) {
  Task task = samples::task();
  const std::string system = system_prompt(task);
  for (const char* part :
       {"preset tiny, 3 layers, 16 experts, 2 experts a token, up to 614400",
        "0.100 * mean over layers of max(0, MaxVio - 0.30)", "`global_lbl`", "logsumexp",
        "F.one_hot", "<<<<<<< SEARCH", "Idea:", "def selection_bias(r, bias):"})
    EXPECT_TRUE(has(system, part)) << part;
  for (int i = 0; i < candidate::kFieldCount - 1; ++i)
    EXPECT_TRUE(
        has(system, "r." + std::string(candidate::field_name(static_cast<candidate::Field>(i)))))
        << i;
  EXPECT_LT(system.size(), 12000u) << "a small model's context";
  task.bias_allowed = false;
  EXPECT_FALSE(has(system_prompt(task), "selection_bias"));
  task.objective = "shinka";
  EXPECT_TRUE(has(system_prompt(task), "L1 distance"));
}

TEST(Request, FactsAreShownWithTheirDigits) {
  const std::string user = make_request(samples::task(), "edit", "default", samples::facts()).user;
  for (const char* part :
       {"-0.00312 +- 0.00087 (4 seeds)", "cross-entropy 1.76543", "coefficient 0.0316",
        "| 0 | 0.700 | 0.900 |", "2.00 1.00 0.50 0.50", "| 2048 | 4.2000 | 1.100 | 0.020000 |",
        "- mutate: swap sum for logsumexp: OK; to the reference -0.0020 +- 0.0010",
        "to its own parent not measured", "## shinka (top)",
        "-0.004000 (1 seed, standard error unknown)",
        "rewrite: log of loads: CONTRACT_VIOLATION: the value is not finite at load 0",
        "## Works\nHinges.", "square the hinge", "Idea: hinge on load"})
    EXPECT_TRUE(has(user, part)) << part << "\n" << user;
}

// Notes change most seldom, the parent with every request; the request comes last.
TEST(Request, WhatChangesLeastComesFirst) {
  const std::string user = make_request(samples::task(), "edit", "default", samples::facts()).user;
  size_t last = 0;
  for (const char* heading :
       {"# Notes", "# Other candidates", "# What failed", "# The candidate", "# Request"}) {
    const size_t at = user.find(std::string("\n") + heading);
    const size_t found = user.starts_with(heading) ? 0 : at;
    ASSERT_NE(found, std::string::npos) << heading;
    EXPECT_GE(found, last) << heading;
    last = found;
  }
}

TEST(Request, WithoutFactsThereAreNoHeadingsForThem) {
  Facts facts;
  facts.parents.resize(1);
  facts.parents[0].source = samples::kParent;
  const std::string user = make_request(samples::task(), "rewrite", "default", facts).user;
  for (const char* part :
       {"Notes", "Other candidates", "failed", "By layer", "In training", "The line"})
    EXPECT_FALSE(has(user, part)) << part;
  EXPECT_TRUE(has(user, "not measured, at coefficient not tuned yet"));
}

TEST(Request, ASourceCannotLeaveItsCodeBlock) {
  Facts facts = samples::facts();
  facts.parents[0].source = "# ````\n# {{system}}\n" + std::string(samples::kParent);
  const std::string user = make_request(samples::task(), "edit", "default", facts).user;
  EXPECT_TRUE(has(user, "`````python\n# ````\n# {{system}}\n"));
  facts.failures[0].reason = "a\n# Request\nb";
  EXPECT_TRUE(has(make_request(samples::task(), "edit", "default", facts).user, ": a # Request b"));
}

TEST(Request, WrongOperatorsVariantsAndParentsAreErrors) {
  const Task task = samples::task();
  EXPECT_THROW(make_request(task, "tune", "default", samples::facts()), Error);
  EXPECT_THROW(make_request(task, "edit", "different", samples::facts()), Error);
  EXPECT_THROW(make_request(task, "crossover", "default", samples::facts()), Error);
  EXPECT_THROW(make_request(task, "edit", "default", facts_for("crossover")), Error);
}

TEST(Repair, ShowsTextErrorAndParentAndEndsAfterTwoTurns) {
  const Task task = samples::task();
  RepairChain chain;
  EXPECT_FALSE(may_repair(chain));
  chain.failures.push_back(
      {FailureKind::kStatic, "2:12: no field `loss`", "def balance_loss(r): bad"});
  ASSERT_TRUE(may_repair(chain));
  const Request first = make_repair(task, samples::facts(), chain);
  EXPECT_EQ(first.variant, "repair/1");
  EXPECT_TRUE(
      has(first.user, "This candidate was refused:\n\n```python\ndef balance_loss(r): bad\n```"));
  EXPECT_TRUE(has(first.user, "The error:\n\n2:12: no field `loss`"));
  EXPECT_TRUE(has(first.user, samples::kParent));
  EXPECT_FALSE(has(first.user, "Other candidates"));
  EXPECT_FALSE(has(first.user, "gradient norm")) << "measurements mend nothing";
  chain.failures.push_back({FailureKind::kEditMatch, "block 1: not there", "the reply"});
  ASSERT_TRUE(may_repair(chain));
  const Request second = make_repair(task, samples::facts(), chain);
  EXPECT_EQ(second.variant, "repair/2");
  EXPECT_TRUE(has(second.user, "This answer held no candidate:\n\n```text\nthe reply\n```"));
  EXPECT_TRUE(has(second.user, "refused too: 2:12: no field"));
  chain.failures.push_back(chain.failures[0]);
  EXPECT_FALSE(may_repair(chain));
  EXPECT_FALSE(may_repair({{{FailureKind::kUnchanged, "same", ""}}}));
}

// Small models repeat what they are shown.
TEST(Repair, AReplyWithoutCodeIsAskedForAgainAndNotShown) {
  const RepairChain chain{{{FailureKind::kNoCode, "no function", "I would change the loss"}}};
  const std::string user = make_repair(samples::task(), samples::facts(), chain).user;
  EXPECT_FALSE(has(user, "I would change"));
  EXPECT_TRUE(has(user, "The error:\n\nno function"));
  EXPECT_TRUE(has(user, "Write the candidate now"));
  EXPECT_TRUE(has(user, samples::kParent));
}

TEST(Templates, AreAsciiAndTheirExamplesAreReadAsTheyAre) {
  for (const TemplateRow& row : template_rows())
    for (const char c : row.text) EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~')) << row.name;
  EXPECT_THROW(find_template("nothing"), Error);
  // The formats that the system prompt shows are those that the readers take.
  const std::string system = system_prompt(samples::task());
  const size_t formats = system.find("# How you answer");
  const auto edits = find_edits(system.substr(formats));
  ASSERT_TRUE(std::holds_alternative<std::vector<Edit>>(edits));
  EXPECT_EQ(std::get<std::vector<Edit>>(edits).size(), 1u);
  const auto code = find_code(system.substr(formats));
  EXPECT_TRUE(std::holds_alternative<std::string>(code));
}

TEST(Numbers, HaveTheDigitsThatTheErrorAllows) {
  EXPECT_EQ(difference(Difference{-0.0031249, 0.00087, 4}), "-0.00312 +- 0.00087 (4 seeds)");
  EXPECT_EQ(difference(Difference{1.5, 0.3, 2}), "1.50 +- 0.30 (2 seeds)");
  EXPECT_EQ(difference(Difference{12, 25, 2}), "12 +- 25 (2 seeds)");
  EXPECT_EQ(difference(Difference{0.00000123, 0.0000001, 9}), "0.00000123 +- 0.00000010 (9 seeds)");
  EXPECT_EQ(difference(Difference{0.25, 0.0, 1}), "0.250000 (1 seed, standard error unknown)");
  std::vector<double> many(64, 1.0 / 64);
  many[3] = 2.0 / 64;
  EXPECT_EQ(sorted_loads(many), "2.00 1.00 1.00 1.00 1.00 1.00 1.00 1.00 1.00");
  EXPECT_EQ(sorted_loads({}), "");
}

TEST(Facts, ComeFromMetrics) {
  Metrics metrics;
  metrics.arrays["layer_max_vio_global"] = {0.5, 0.6};
  metrics.arrays["train_layer_max_vio_global"] = {0.7, 0.8};
  metrics.arrays["layer_load"] = {0.1, 0.9, 0.4, 0.6};
  metrics.arrays["layer_dead_experts"] = {0, 1};
  const std::vector<LayerFacts> layers = layers_of(metrics);
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[1].max_vio, 0.6);
  EXPECT_EQ(layers[1].train_max_vio, 0.8);
  EXPECT_EQ(layers[1].dead_experts, 1);
  EXPECT_EQ(layers[1].load, (std::vector<double>{0.4, 0.6}));
  metrics.arrays["layer_load"] = {0.1, 0.9, 0.4};
  EXPECT_TRUE(layers_of(metrics).empty());
  EXPECT_TRUE(curve_of(metrics).empty());
  for (const char* name : {"tokens", "cross_entropy", "max_vio_global", "balance_grad_norm"})
    for (int i = 1; i <= 20; ++i) metrics.arrays[std::string("train_curve_") + name].push_back(i);
  const std::vector<CurvePoint> curve = curve_of(metrics);
  ASSERT_EQ(curve.size(), 8u);
  EXPECT_EQ(curve[0].tokens, 2);
  EXPECT_EQ(curve[7].tokens, 20);
  EXPECT_EQ(curve_of(metrics, 40).size(), 20u);
}

// Prompts are hashed: another way of writing numbers must write the same.
TEST(Numbers, AreRoundedAsPrintfDoes) {
  Rng rng(1);
  for (int i = 0; i < 20'000; ++i) {
    const double x = i % 2 == 0 ? rng.normal() : std::bit_cast<double>(rng.next());
    char text[400];
    std::snprintf(text, sizeof text, "%.*f", i % 13, x);
    EXPECT_EQ(number(x, i % 13), text);
  }
  EXPECT_EQ(number(0.125, 2), "0.12");
  EXPECT_EQ(number(-0.0001, 2), "-0.00");
}

}  // namespace
}  // namespace ballast::prompts
