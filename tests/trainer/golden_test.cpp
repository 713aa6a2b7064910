// The interpreter against values that real PyTorch gave (tests/golden/make_golden.py).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "candidate/parse.h"
#include "common/json.h"
#include "tests/trainer/base64.h"
#include "trainer/gradient.h"
#include "trainer/interpreter.h"
#include "trainer/state.h"

namespace ballast::trainer {
namespace {

Json read(const std::string& name) {
  const std::string path = std::string(BALLAST_GOLDEN) + "/" + name + ".json";
  std::ifstream file(path);
  require(file.good(), "cannot read " + path);
  std::stringstream text;
  text << file.rdbuf();
  return parse_json(text.str(), path);
}

at::Tensor recorded(const Json& json, const at::Tensor& like) {
  const std::string bytes = base64_bytes(json.get<std::string>());
  at::Tensor t = at::empty_like(like.detach(), at::MemoryFormat::Contiguous);
  require(bytes.size() == t.nbytes(), "recorded array has another size than the computed one");
  std::memcpy(t.data_ptr(), bytes.data(), bytes.size());
  return t;
}

// Below this, numbers are what others leave when they cancel: their rounding is the machine's.
constexpr double kCancelled = 1e-3;

// NaN and infinities in the same places, and elsewhere no farther apart than `tolerance` times the
// largest recorded magnitude.
testing::AssertionResult agree(const at::Tensor& got, const Json& json, double tolerance) {
  const at::Tensor want = recorded(json, got).to(at::kDouble), have = got.detach().to(at::kDouble);
  const at::Tensor finite = at::isfinite(want);
  const at::Tensor same = at::where(
      finite, at::isfinite(have), at::logical_or(have == want, at::isnan(have) * at::isnan(want)));
  const at::Tensor zero = at::zeros_like(want);
  const double scale = at::where(finite, want, zero).abs().max().item<double>();
  const double off = at::where(finite, have - want, zero).abs().max().item<double>();
  if (same.all().item<bool>() && off <= tolerance * std::max(scale, kCancelled))
    return testing::AssertionSuccess();
  std::stringstream message;
  message << "off by " << off << " of " << scale << "\ngot " << have << "\nwant " << want;
  return testing::AssertionFailure() << message.str();
}

struct Precision {
  const char* key;
  at::ScalarType dtype;
  double tolerance;
};
constexpr Precision kPrecisions[] = {{"f32", at::kFloat, 1e-5}, {"f64", at::kDouble, 1e-9}};

void expect_agreement(const candidate::Program& program, const State& state, const Json& runs) {
  for (const Precision& p : kPrecisions) {
    SCOPED_TRACE(p.key);
    const Json& want = runs.at(p.key);
    const StateRecord s = make_state(state, p.dtype);
    ASSERT_EQ(program.loss.has_value(), want.contains("value"));
    if (program.loss) {
      const at::Tensor value = balance_loss(program, s.record);
      ASSERT_EQ(value.scalar_type(), p.dtype);
      EXPECT_TRUE(agree(value, want.at("value"), p.tolerance));
      EXPECT_TRUE(agree(gradient(value, s.record.logits), want.at("grad"), p.tolerance));
    }
    ASSERT_EQ(program.bias.has_value(), want.contains("bias"));
    if (program.bias) {
      const at::Tensor bias = selection_bias(program, s.record, s.bias);
      EXPECT_TRUE(agree(bias, want.at("bias"), p.tolerance));
    }
  }
}

std::map<std::string, State> states() {
  const Json all = read("states");
  std::map<std::string, State> out;
  for (const auto& [name, json] : all.items()) out[name] = parse_state(json.dump());
  return out;
}

void expect_agreement_of_group(const std::string& group) {
  const std::map<std::string, State> known = states();
  for (const Json& recorded_case : read(group)) {
    SCOPED_TRACE(recorded_case.at("name").get<std::string>());
    const candidate::ParseResult parsed =
        candidate::parse(recorded_case.at("source").get<std::string>());
    if (!parsed.program) {
      ADD_FAILURE() << to_string(*parsed.diagnostic);
      continue;
    }
    for (const auto& [state, runs] : recorded_case.at("runs").items()) {
      SCOPED_TRACE(state);
      expect_agreement(*parsed.program, known.at(state), runs);
    }
  }
}

TEST(Golden, ShippedTextsAgreeWithPyTorch) { expect_agreement_of_group("shipped"); }
TEST(Golden, EveryOpAndOverloadAgreesWithPyTorch) { expect_agreement_of_group("ops"); }
TEST(Golden, RepliesOfASmallModelAgreeWithPyTorch) { expect_agreement_of_group("replies"); }
TEST(Golden, RandomGraphsAgreeWithPyTorch) { expect_agreement_of_group("random"); }

Record without_data(const Record& record) {
  Record r = record;
  r.logits = record.logits.detach().to(at::kMeta).requires_grad_(true);
  for (at::Tensor* t : {&r.scores, &r.probs, &r.probs_global, &r.chosen, &r.load, &r.load_global,
                        &r.load_ema, &r.cost, &r.is_null, &r.device})
    *t = t->detach().to(at::kMeta);
  return r;
}

// The meta device has shapes and no data: a forward that looked at a value, or made a tensor on the
// CPU, would throw on it. So the same code runs on a GPU without waiting for it.
TEST(Golden, EveryOpRunsOnADeviceWithoutLookingAtValues) {
  const StateRecord s = make_state(states().at("usual"));
  const Record r = without_data(s.record);
  int texts = 0, ended_early = 0;
  for (const char* group : {"shipped", "ops"}) {
    for (const Json& recorded_case : read(group)) {
      ++texts;
      SCOPED_TRACE(recorded_case.at("name").get<std::string>());
      const candidate::ParseResult parsed =
          candidate::parse(recorded_case.at("source").get<std::string>());
      if (!parsed.program) continue;
      try {
        if (parsed.program->loss) {
          EXPECT_TRUE(balance_loss(*parsed.program, r).is_meta());
        }
        if (parsed.program->bias) {
          EXPECT_TRUE(selection_bias(*parsed.program, r, s.bias.to(at::kMeta)).is_meta());
        }
      } catch (const CandidateError& error) {
        ++ended_early;
        const std::string_view why = error.what();
        EXPECT_NE(why.find("Meta kernel registered"), why.npos) << why;
        EXPECT_EQ(why.find("_local_scalar_dense"), why.npos) << why;  // item()
      }
    }
  }
  EXPECT_LT(ended_early, texts / 2);
}

TEST(Golden, CasesCoverEveryOp) {
  std::set<candidate::Op> seen;
  size_t cases = 0;
  for (const char* group : {"shipped", "ops", "replies", "random"}) {
    for (const Json& recorded_case : read(group)) {
      ++cases;
      const candidate::ParseResult parsed =
          candidate::parse(recorded_case.at("source").get<std::string>());
      if (!parsed.program) continue;
      for (const candidate::Node& node : parsed.program->nodes) seen.insert(node.op);
    }
  }
  EXPECT_GE(cases, 300U);
  for (candidate::Op op : candidate::all_ops())
    EXPECT_TRUE(seen.contains(op)) << candidate::row(op).name << " is in no recorded case";
}

}  // namespace
}  // namespace ballast::trainer
