#include "prompts/answer.h"

#include <gtest/gtest.h>

#include "prompts/judge.h"
#include "prompts/notes.h"
#include "tests/prompts/parents_of.h"
#include "tests/prompts/samples.h"

namespace ballast::prompts {
namespace {

const std::string kParent = samples::kParent;

std::string block(const std::string& code) { return "Idea: try it\n```python\n" + code + "```\n"; }

Source source_of(const std::string& reply) {
  const auto answer = read_reply(reply, false, parents_of({kParent}));
  if (const Failure* failure = std::get_if<Failure>(&answer)) {
    ADD_FAILURE() << failure->message;
    return {};
  }
  return std::get<Source>(answer);
}

Failure failure_of(const std::string& reply, const std::vector<std::string>& parents = {kParent}) {
  const auto answer = read_reply(reply, false, parents_of(parents));
  EXPECT_TRUE(std::holds_alternative<Failure>(answer)) << reply;
  return std::holds_alternative<Failure>(answer) ? std::get<Failure>(answer) : Failure{};
}

TEST(Answer, AWholeTextBecomesACandidate) {
  const Source source = source_of(block(samples::kOther));
  EXPECT_EQ(source.text, samples::kOther);
  EXPECT_EQ(source.program.identity, candidate::parse(samples::kOther).program->identity);
  EXPECT_EQ(source.idea, "try it");
  EXPECT_FALSE(source.edited);
}

TEST(Answer, EditsAreAppliedToTheFirstParent) {
  const Source source = source_of(
      "Idea: square it\n<<<<<<< SEARCH\n    return r.num_experts * (r.load_global * "
      "r.probs_global).sum()\n=======\n    return r.num_experts * (r.load_global ** 2 * "
      "r.probs_global).sum()\n>>>>>>> REPLACE\n");
  EXPECT_TRUE(source.edited);
  EXPECT_NE(source.text.find("r.load_global ** 2"), std::string::npos);
  EXPECT_TRUE(source.text.starts_with("def balance_loss(r):\n"));
}

TEST(Answer, AWholeTextStandsInForEditsThatFitNowhere) {
  const std::string edits =
      "```\n<<<<<<< SEARCH\n    no such line\n=======\n    nor this\n>>>>>>> REPLACE\n```\n";
  const Source source = source_of(block(samples::kOther) + edits);
  EXPECT_EQ(source.text, samples::kOther);
  EXPECT_FALSE(source.edited);
  EXPECT_EQ(failure_of(edits).kind, FailureKind::kEditMatch);
  // Code inside the edits themselves is no whole text.
  EXPECT_EQ(failure_of(std::string("```python\n<<<<<<< SEARCH\n") + samples::kOther + "=======\n" +
                       kParent + ">>>>>>> REPLACE\n```\n")
                .kind,
            FailureKind::kEditMatch);
}

TEST(Answer, ARefusalOfTheLanguageShowsTheLineAndTheHint) {
  const Failure failure =
      failure_of(block("def balance_loss(r):\n    return r.probs.sum() + r.loss\n"));
  EXPECT_EQ(failure.kind, FailureKind::kStatic);
  EXPECT_TRUE(failure.message.starts_with("2:")) << failure.message;
  EXPECT_NE(failure.message.find("no field `loss`"), std::string::npos) << failure.message;
  EXPECT_NE(failure.message.find("\n        return r.probs.sum() + r.loss\n"), std::string::npos);
  const size_t line = failure.message.find("    return"), mark = failure.message.find('^');
  const size_t start = failure.message.rfind('\n', line), last = failure.message.rfind('\n', mark);
  EXPECT_EQ(failure.message[start + (mark - last)], 'l') << failure.message;
  EXPECT_EQ(failure.source, "def balance_loss(r):\n    return r.probs.sum() + r.loss\n");
}

TEST(Answer, TheParentAgainIsNoChild) {
  const std::string same =
      "def balance_loss(record):\n    # the same\n    p = record.probs_global\n    return "
      "(p * record.load_global).sum() * record.num_experts\n";
  EXPECT_EQ(failure_of(block(same)).kind, FailureKind::kUnchanged);
  EXPECT_EQ(failure_of(block(same), {samples::kOther, kParent}).kind, FailureKind::kUnchanged);
}

TEST(Answer, ALossWithoutGradientIsRefusedWithAdvice) {
  const Failure failure = failure_of(block("def balance_loss(r):\n    return r.load.var()\n"));
  EXPECT_EQ(failure.kind, FailureKind::kNoGradient);
  EXPECT_NE(failure.message.find("r.probs"), std::string::npos);
}

TEST(Answer, ACutOffReplyIsNeverACandidate) {
  const auto answer = read_reply(block(samples::kOther), true, parents_of({kParent}));
  ASSERT_TRUE(std::holds_alternative<Failure>(answer));
  EXPECT_EQ(std::get<Failure>(answer).kind, FailureKind::kCutOff);
}

TEST(Answer, FailuresKeepWhatWasWritten) {
  EXPECT_EQ(failure_of("no code at all").source, "no code at all");
  const std::string reply = "<<<<<<< SEARCH\nnot there\n=======\nx\n>>>>>>> REPLACE\n";
  EXPECT_EQ(failure_of(reply).kind, FailureKind::kEditMatch);
  EXPECT_EQ(failure_of(reply).source, reply);
}

TEST(Answer, SmartQuotesAreReportedWithTheirPlace) {
  const Failure failure =
      failure_of(block("def balance_loss(r):\n    return F.mse_loss(r.probs, r.scores, "
                       "reduction=\u2018sum\u2019)\n"));
  EXPECT_EQ(failure.kind, FailureKind::kStatic);
  EXPECT_NE(failure.message.find("use straight quotes"), std::string::npos) << failure.message;
}

TEST(Failures, HaveNamesThatAreReadBack) {
  for (int i = 0; i <= static_cast<int>(FailureKind::kContract); ++i) {
    const auto kind = static_cast<FailureKind>(i);
    EXPECT_EQ(parse_failure_kind(to_string(kind)), kind);
  }
  EXPECT_EQ(parse_failure_kind("nothing"), std::nullopt);
}

TEST(Notes, AskWithResultsAndAreReadWithTheirSuggestions) {
  std::vector<Result> results(1);
  results[0] = {.name = "edit-000040",
                .op = "edit",
                .idea = "hinge",
                .source = samples::kOther,
                .outcome = "DIVERGED",
                .reason = "loss 12",
                .difference = {},
                .change = {},
                .cross_entropy = {},
                .max_vio = {}};
  const Request request = make_notes_request(samples::task(), "old notes", results);
  for (const char* part : {"old notes", "edit-000040 (edit): DIVERGED", "Idea: hinge",
                           "Reason: loss 12", "## Try next"})
    EXPECT_NE(request.user.find(part), std::string::npos) << part;
  const auto read = read_notes(
      "<think>hm</think>\n## Works\n1. not a suggestion\n## Try next\n1. square it\n2) halve it\n- "
      "no\n",
      false);
  const Notes notes = std::get<Notes>(read);
  EXPECT_EQ(notes.suggestions, (std::vector<std::string>{"square it", "halve it"}));
  EXPECT_TRUE(notes.text.starts_with("## Works"));
}

TEST(Notes, AreBoundedAndNeverEmpty) {
  std::string lines;
  while (lines.size() < 2 * kNotesBytes) lines += "- one more line of notes\n";
  const Notes notes = std::get<Notes>(read_notes(lines, false));
  EXPECT_LE(notes.text.size(), kNotesBytes);
  EXPECT_TRUE(notes.text.ends_with("notes"));
  EXPECT_LE(std::get<Notes>(read_notes(std::string(9000, 'x'), false)).text.size(), kNotesBytes);
  EXPECT_TRUE(std::holds_alternative<Failure>(read_notes(" \n", false)));
  EXPECT_TRUE(std::holds_alternative<Failure>(read_notes("<think>a</think>", false)));
  EXPECT_TRUE(std::holds_alternative<Failure>(read_notes("notes", true)));
}

// OpenEvolve asks for NOT_NOVEL and looks for NOT NOVEL, so its judge cannot reject.
TEST(Judge, TheWordsThatAreAskedForAreThoseThatAreRead) {
  const Request request = make_novelty_request(samples::task(), kParent, samples::kOther);
  EXPECT_NE(request.user.find("`NOVEL:` or `NOT_NOVEL:`"), std::string::npos);
  EXPECT_NE(request.user.find(samples::kOther), std::string::npos);
  ASSERT_TRUE(read_judgement("NOT_NOVEL: only a constant"));
  EXPECT_FALSE(read_judgement("NOT_NOVEL: only a constant")->novel);
  EXPECT_EQ(read_judgement("NOT_NOVEL: only a constant")->reason, "only a constant");
  EXPECT_TRUE(read_judgement("NOVEL: another term")->novel);
}

TEST(Judge, VerdictsInOtherClothesAreRead) {
  for (const char* reply :
       {"**NOT_NOVEL**: x", "not novel - x", "Let me see.\nNot_Novel: x", "`NOT-NOVEL` x"})
    EXPECT_FALSE(read_judgement(reply)->novel) << reply;
  for (const char* reply : {"**NOVEL**", "<think>NOT_NOVEL</think>Novel: y"})
    EXPECT_TRUE(read_judgement(reply)->novel) << reply;
  for (const char* reply : {"", "The novelty is high.", "NOVELTY: yes", "I think it is NOVEL"})
    EXPECT_FALSE(read_judgement(reply)) << reply;
}

}  // namespace
}  // namespace ballast::prompts
