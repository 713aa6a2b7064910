// Sixty replies of a small local model: what becomes of each, and whether the advice that the
// refused ones get is right.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "candidate/shipped.h"
#include "prompts/answer.h"
#include "tests/prompts/parents_of.h"

namespace ballast::prompts {
namespace {

// Which parent they were given is not recorded; their prompt held the global-batch loss.
const std::vector<std::string> kParents = {
    "def balance_loss(r):\n    return r.num_experts * (r.load_global * r.probs.mean(0)).sum()\n"};

std::vector<std::string> replies() {
  std::vector<std::string> out;
  std::ifstream file(std::string(BALLAST_TEST_DATA) + "/replies-small-local-model.jsonl");
  for (std::string line; std::getline(file, line);)
    out.push_back(nlohmann::json::parse(line).at("reply"));
  return out;
}

TEST(RecordedReplies, AreCountedByKind) {
  std::map<std::string, int> counts;
  for (const std::string& reply : replies()) {
    const auto answer = read_reply(reply, false, parents_of(kParents));
    const Failure* failure = std::get_if<Failure>(&answer);
    ++counts[failure ? std::string(to_string(failure->kind)) : "candidate"];
  }
  const std::map<std::string, int> expected = {
      {"candidate", 29}, {"NO_GRADIENT", 7}, {"STATIC", 19}, {"UNCHANGED", 5}};
  EXPECT_EQ(counts, expected);
}

TEST(RecordedReplies, EachRefusalSaysWhatToWriteInstead) {
  for (const std::string& reply : replies()) {
    const auto answer = read_reply(reply, false, parents_of(kParents));
    const Failure* failure = std::get_if<Failure>(&answer);
    if (failure == nullptr || failure->kind != FailureKind::kStatic) continue;
    const candidate::ParseResult result = candidate::parse(failure->source);
    ASSERT_TRUE(result.diagnostic);
    EXPECT_FALSE(result.diagnostic->hint.empty()) << failure->message;
    EXPECT_NE(failure->message.find('^'), std::string::npos) << failure->message;
  }
}

// A refused reply, and what one gets by doing what the messages say, one after the other.
struct Mended {
  size_t reply;
  std::vector<std::pair<std::string, std::string>> changes;  // what is written, what instead
  FailureKind ends = FailureKind::kStatic;                   // kStatic: as a candidate
};

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

TEST(RecordedReplies, DoingWhatTheMessagesSayMakesCandidates) {
  const std::vector<Mended> table = {
      {2, {{"math.log(r", "torch.log(r"}}},
      {4,
       {{"r.logits[:, r.chosen == 1]", "torch.where(r.chosen == 1, r.logits, 0)"},
        {".sum(dim=1)", ".sum(dim=0)"}}},
      {8, {{"r.loss", "r.num_experts * (r.load_global * r.probs.mean(0)).sum()"}}},
      {9, {{"torch.sin", "math.sin"}}},
      {10,
       {{"return correlation_loss * r.num_experts * r.load_global * r.probs.mean(0).sum()",
         "return (correlation_loss * r.num_experts * r.load_global * "
         "r.probs.mean(0).sum()).sum()"}}},
      {17,
       {{"    r.probs = r.probs.view", "    probs = r.probs.view"},
        {"cumsum(r.probs", "cumsum(probs"},
        {"top_cum_probs - cum_probs)", "top_cum_probs - cum_probs[:, :top_k])"},
        {"return loss", "return loss.sum()"}}},
      {25, {{"r.load.mean(1)", "r.load.mean()"}}},
      {30, {{"+ penalty", "+ penalty.sum()"}}},
      {31, {{"return total_loss", "return total_loss.sum()"}}},
      {35,
       {{"torch.gather(r.probs, 1, r.chosen)",
         "torch.gather(r.probs, 1, r.probs.topk(r.top_k, dim=1).indices)"},
        {"r.load_global * torch", "torch"}}},
      {37, {{"quantile * r.top_k]", "int(quantile * r.top_k)]"}}},
      {41, {{"torch.kl_div", "F.kl_div"}}},
      {42, {{"math.log(mean_probs)", "torch.log(mean_probs)"}}},
      {55, {{"[:, r.chosen]", " * r.chosen"}}},
      {57,
       {{"torch.argwhere(cumsum_tokens > quantile * total_tokens)[0][0]",
         "(cumsum_tokens > quantile * total_tokens).float().argmax()"}},
       FailureKind::kNoGradient},
  };
  const std::vector<std::string> all = replies();
  for (const Mended& row : table) {
    SCOPED_TRACE(row.reply);
    std::string reply = all.at(row.reply);
    for (const auto& [from, to] : row.changes) {
      // Each step was asked for: the text as it stands is refused.
      const auto answer = read_reply(reply, false, parents_of(kParents));
      ASSERT_TRUE(std::holds_alternative<Failure>(answer)) << from;
      ASSERT_NE(reply.find(from), std::string::npos) << from;
      replace_all(reply, from, to);
    }
    const auto answer = read_reply(reply, false, parents_of(kParents));
    const Failure* failure = std::get_if<Failure>(&answer);
    if (row.ends == FailureKind::kStatic) {
      EXPECT_EQ(failure, nullptr) << failure->message;
    } else {
      ASSERT_NE(failure, nullptr);
      EXPECT_EQ(failure->kind, row.ends) << failure->message;
    }
  }
}

}  // namespace
}  // namespace ballast::prompts
