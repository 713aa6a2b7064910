// ballast show --prompt, of an archive made here: what was sent to models, and answered.
#include "orchestrator/conversation.h"

#include "common/clock.h"
#include "population/archive.h"
#include "tests/orchestrator/run_ballast.h"

namespace ballast::orchestrator {
namespace {

using population::Archive;

constexpr const char* kLoss = "def balance_loss(r):\n    return (r.load * r.probs.mean(0)).sum()\n";

class ConversationTest : public BallastTest {
 protected:
  // One attempt that nobody knows the cost of (at worst $0.5), and one of $0.25.
  static int64_t ask(Archive& archive, const std::string& op, const std::string& user,
                     const std::string& reply) {
    population::CallRow call;
    call.model = op == "embed" ? "vectors" : "small";
    call.provider = "anthropic";
    call.remote = "claude";
    call.op = op;
    call.variant = "v7";
    call.system = op == "embed" ? "" : "You improve losses.";
    call.user = user;
    call.sampling = R"({"max_output_tokens":100})";
    const int64_t id = archive.begin_call(call);
    population::AttemptEnd end;
    end.outcome = "STALLED";
    archive.finish_attempt(archive.begin_attempt(id, 1, 0.5, 5000), end);
    end.outcome = "OK";
    end.usd = 0.25;
    end.tokens = {.input = 1500, .cache_read = 500, .output = 250, .reasoning = 40};
    archive.finish_attempt(archive.begin_attempt(id, 2, 0.5, 5000), end);
    population::CallEnd answer;
    answer.outcome = "OK";
    answer.reply = reply;
    answer.request_id = "req-1";
    answer.attempts = 2;
    answer.seconds = 3.25;
    archive.finish_call(id, answer);
    return id;
  }

  static int64_t propose(Archive& archive, const std::string& op, const std::string& identity,
                         const std::string& reason, const std::vector<int64_t>& calls) {
    population::ProposalRow proposal;
    proposal.op = op;
    proposal.identity = identity;
    proposal.reason = reason;
    proposal.detail = reason == "accepted" ? "an idea" : "no text in it";
    proposal.calls = calls;
    return archive.add_proposal(proposal);
  }

  static void add(Archive& archive, const std::string& identity, const std::string& name) {
    population::CandidateRow row;
    row.identity = identity;
    row.name = name;
    row.track = "loss";
    if (!identity.starts_with("builtin:")) row.source = kLoss;
    archive.add_candidate(row);
  }

  ConversationTest() {
    const SystemClock clock;
    Archive archive((folder() / "search.db").string(), clock);
    add(archive, "builtin:global_lbl", "global_lbl");
    add(archive, std::string(64, 'a'), "edit-000001");
    add(archive, std::string(64, 'b'), "mutate-000002");
    const int64_t first = ask(archive, "edit", "Improve this.", "I will \033[2Jnot.");
    const int64_t second = ask(archive, "repair", "That was no loss.", kLoss);
    const int64_t third = ask(archive, "embed", kLoss, "AACAPwAAAEA=");
    const int64_t other = ask(archive, "edit", "Improve that.", "");
    born_ = propose(archive, "edit", std::string(64, 'a'), "accepted", {first, second, third});
    propose(archive, "mutate", std::string(64, 'b'), "accepted", {});
    rejected_ = propose(archive, "edit", "", "reply", {other});
    propose(archive, "edit", std::string(64, 'a'), "identity", {other});
  }

  static size_t times(const std::string& text, const std::string& part) {
    size_t n = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
  }

  int64_t born_ = 0, rejected_ = 0;
};

TEST_F(ConversationTest, ShowsWhatMadeACandidateCallByCall) {
  const Ran ran = run({"show", "edit-000001", "--prompt"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::string& text = ran.out;
  size_t at = 0;
  for (const std::string& part :
       {"proposal " + std::to_string(born_) + " by edit: accepted: an idea",
        std::string("=== call 1 of 3: edit by small (anthropic claude), prompt variant v7"),
        std::string("OK, 2 attempts, 3.2 s, $0.75 (of which $0.5 at most, not known), 2,000 tokens "
                    "in (500 from the cache), 250 out (40 of them reasoning)"),
        std::string("You improve losses."), std::string("Improve this."),
        std::string("I will \\x1b[2Jnot."), std::string("=== call 2 of 3: repair by small"),
        std::string("--- system prompt of call 2: that of call 1"),
        std::string("That was no loss."), std::string("return (r.load"),
        std::string("=== call 3 of 3: embed by vectors"),
        std::string("--- reply to call 3: a vector")}) {
    const size_t found = text.find(part, at);
    ASSERT_NE(found, std::string::npos) << part << " is not there, or not in its place:\n" << text;
    at = found;
  }
  EXPECT_EQ(times(text, "You improve losses."), 1u);
  EXPECT_EQ(text.find('\033'), std::string::npos);
  EXPECT_EQ(text.find("AACAPwAAAEA="), std::string::npos);
  EXPECT_EQ(text.find("Improve that."), std::string::npos) << "a later proposal of the same text";
}

TEST_F(ConversationTest, JsonHasEveryTextAsItIs) {
  const nlohmann::json j = json({"show", "edit-000001", "--prompt"});
  EXPECT_EQ(j["proposal"]["id"], born_);
  EXPECT_EQ(j["proposal"]["reason"], "accepted");
  ASSERT_EQ(j["calls"].size(), 3u);
  const nlohmann::json& call = j["calls"][0];
  EXPECT_EQ(call["operator"], "edit");
  EXPECT_EQ(call["model"], "small");
  EXPECT_EQ(call["variant"], "v7");
  EXPECT_EQ(call["outcome"], "OK");
  EXPECT_EQ(call["attempts"], 2);
  EXPECT_EQ(call["seconds"], 3.25);
  EXPECT_EQ(call["usd"], 0.75);
  EXPECT_EQ(call["usd_uncertain"], 0.5);
  EXPECT_EQ(call["tokens"]["input"], 1500);
  EXPECT_EQ(call["tokens"]["reasoning"], 40);
  EXPECT_EQ(call["sampling"]["max_output_tokens"], 100);
  EXPECT_EQ(call["reply"], "I will \033[2Jnot.");
  EXPECT_EQ(j["calls"][1]["system"], "You improve losses.");
  EXPECT_EQ(j["calls"][1]["reply"], kLoss);
  EXPECT_EQ(j["calls"][2]["reply"], "AACAPwAAAEA=");
}

TEST_F(ConversationTest, WithoutAModelOneLineSaysSo) {
  Ran ran = run({"show", "mutate-000002", "--prompt"});
  EXPECT_EQ(ran.out, "proposal 2 by mutate was made without a model: nothing was sent\n");
  EXPECT_EQ(json({"show", "mutate-000002", "--prompt"})["calls"].size(), 0u);
  ran = run({"show", "global_lbl", "--prompt"});
  EXPECT_EQ(ran.out, "builtin:global_lbl is built in: no model was asked for it\n");
  EXPECT_TRUE(json({"show", "global_lbl", "--prompt"})["proposal"].is_null());
}

TEST_F(ConversationTest, ARejectedProposalIsShownByItsNumber) {
  const std::string number = std::to_string(rejected_);
  const Ran ran = run({"show", "--proposal", number});
  EXPECT_NE(ran.out.find("proposal " + number + " by edit: reply: no text in it"),
            std::string::npos)
      << ran.out << ran.err;
  EXPECT_NE(ran.out.find("Improve that."), std::string::npos);
  EXPECT_NE(ran.out.find("--- reply to call 1\n(empty)\n"), std::string::npos) << ran.out;
  EXPECT_TRUE(json({"show", "--proposal", number})["proposal"]["identity"].is_null());
  expect_complaint(run({"show", "--proposal", "99"}), 2, "showing proposal 99");
  expect_complaint(run({"show", "@1", "--proposal", "1"}), 2, "--proposal");
}

}  // namespace
}  // namespace ballast::orchestrator
