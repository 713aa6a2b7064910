// Sixty replies of a small local model, asked for new losses: real mistakes.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "candidate/parse.h"
#include "tests/candidate/texts.h"

namespace ballast::candidate {
namespace {

// The first fenced block of a reply; the whole reply when there is none.
std::string fenced_code(const std::string& reply) {
  const size_t fence = reply.find("```");
  if (fence == std::string::npos) return reply;
  const size_t start = reply.find('\n', fence) + 1;
  return reply.substr(start, reply.find("```", start) - start);
}

TEST(Replies, EachGetsItsVerdictAndItsAdvice) {
  std::vector<std::string> replies;
  for (const std::string& line : texts::lines("replies-small-local-model.jsonl"))
    replies.push_back(fenced_code(nlohmann::json::parse(line).at("reply").get<std::string>()));
  const std::vector<std::string> verdicts = texts::lines("replies-verdicts.txt");
  ASSERT_EQ(replies.size(), 60u);
  ASSERT_EQ(verdicts.size(), replies.size());
  for (size_t i = 0; i < verdicts.size(); ++i) {
    SCOPED_TRACE("reply " + std::to_string(i) + "\n" + replies[i]);
    std::istringstream verdict(verdicts[i]);
    size_t number = 0;
    std::string word, fragment;
    verdict >> number >> word;
    std::getline(verdict >> std::ws, fragment);
    ASSERT_EQ(number, i);
    const ParseResult result = parse(replies[i]);
    if (word == "accept") {
      EXPECT_TRUE(result.program) << to_string(*result.diagnostic);
    } else {
      ASSERT_TRUE(result.diagnostic);
      EXPECT_NE(to_string(*result.diagnostic).find(fragment), std::string::npos)
          << to_string(*result.diagnostic);
      EXPECT_FALSE(fragment.empty());
    }
  }
}

}  // namespace
}  // namespace ballast::candidate
