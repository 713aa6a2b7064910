// ballast costs, of an archive made here.
#include "orchestrator/costs.h"

#include "common/clock.h"
#include "population/archive.h"
#include "tests/orchestrator/run_ballast.h"

namespace ballast::orchestrator {
namespace {

using population::Archive;

class CostsCommand : public BallastTest {
 protected:
  std::string path() const { return (folder() / "search.db").string(); }
  // A call of that model and operator, at that cost; nullopt: nobody knows, at worst a dollar.
  static void ask(Archive& archive, const std::string& model, const std::string& op,
                  std::optional<double> usd) {
    population::CallRow call;
    call.model = model;
    call.op = op;
    call.user = "prompt";
    call.sampling = "{}";
    const int64_t id = archive.begin_call(call);
    population::AttemptEnd attempt;
    attempt.outcome = usd ? "OK" : "STALLED";
    attempt.tokens = {.input = 1500, .cache_read = 500, .output = 250};
    attempt.usd = usd;
    archive.finish_attempt(archive.begin_attempt(id, 1, 1, 5000), attempt);
    population::CallEnd end;
    end.outcome = attempt.outcome;
    archive.finish_call(id, end);
  }
};

TEST_F(CostsCommand, ShowsEachModelAndOperatorAndTheSum) {
  const SystemClock clock;
  {
    Archive archive(path(), clock);
    ask(archive, "small", "edit", 0.25);
    ask(archive, "small", "edit", 0.5);
    ask(archive, "small", "rewrite", 0.125);
    ask(archive, "big", "edit", std::nullopt);
  }
  const nlohmann::json costs = json({"costs"});
  ASSERT_EQ(costs["rows"].size(), 3u);
  EXPECT_EQ(costs["rows"][0]["model"], "big");
  EXPECT_EQ(costs["rows"][0]["usd_uncertain"], 1.0);
  EXPECT_EQ(costs["rows"][0]["answers"], 0);
  EXPECT_EQ(costs["rows"][1]["model"], "small");
  EXPECT_EQ(costs["rows"][1]["operator"], "edit");
  EXPECT_EQ(costs["rows"][1]["calls"], 2);
  EXPECT_EQ(costs["rows"][1]["usd"], 0.75);
  EXPECT_TRUE(costs["rows"][1]["usd_per_improvement"].is_null());
  EXPECT_EQ(costs["total"]["usd"], 1.875);
  EXPECT_EQ(costs["total"]["input_tokens"], 6000);
  const Ran text = run({"costs"});
  EXPECT_EQ(text.code, 0);
  EXPECT_NE(text.out.find("rewrite"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("$1.88"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("$1.00 of the cost is not known"), std::string::npos) << text.out;
}

TEST_F(CostsCommand, SaysSoWhenNoModelWasAsked) {
  const SystemClock clock;
  { const Archive archive(path(), clock); }
  EXPECT_EQ(run({"costs"}).out, "No language model was asked.\n");
  EXPECT_EQ(json({"costs"})["rows"].size(), 0u);
  expect_complaint(run({"costs", "-a", "nowhere.db"}), 1, "nowhere.db");
}

TEST(Costs, DollarsSayEnough) {
  EXPECT_EQ(dollars(0), "$0.00");
  EXPECT_EQ(dollars(12.345), "$12.35");
  EXPECT_EQ(dollars(0.0123456), "$0.0123");
  EXPECT_EQ(dollars(0.0000042), "$0.0000042");
}

}  // namespace
}  // namespace ballast::orchestrator
