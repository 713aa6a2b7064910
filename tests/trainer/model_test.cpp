#include "trainer/model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/trainer/training.h"
#include "trainer/cpu/dispatch.h"
#include "trainer/cpu/model_cpu.h"
#include "trainer/pch.h"

namespace ballast::trainer {
namespace {

struct Case {
  std::string name;
  ModelSpec spec;
};

// Every option of the model at least once, and widths that fill no vector.
std::vector<Case> cases() {
  const ModelSpec plain = small_spec().model;
  std::vector<Case> all{{"plain", plain}};
  const auto add = [&](const char* name, auto&& change) {
    all.push_back({name, plain});
    change(all.back().spec);
  };
  add("sigmoid", [](ModelSpec& m) { m.gate = "sigmoid"; });
  add("not renormalised", [](ModelSpec& m) { m.renormalise = false; });
  add("sigmoid, not renormalised", [](ModelSpec& m) { m.gate = "sigmoid", m.renormalise = false; });
  add("null experts", [](ModelSpec& m) { m.null_experts = 3, m.top_k = 3; });
  add("null experts, sigmoid", [](ModelSpec& m) {
    m.null_experts = 6, m.top_k = 3, m.gate = "sigmoid", m.renormalise = false;
  });
  add("shared experts", [](ModelSpec& m) { m.shared_experts = 2; });
  add("dense layer", [](ModelSpec& m) { m.dense_layers = 1, m.shared_experts = 1; });
  add("odd widths", [](ModelSpec& m) {
    m = {.vocab = 37,
         .width = 36,
         .layers = 1,
         .experts = 5,
         .top_k = 1,
         .expert_width = 11,
         .heads = 3};
  });
  add("wide heads", [](ModelSpec& m) { m.heads = 1, m.experts = 20, m.top_k = 4; });
  return all;
}

// A bias that changes some choices.
at::Tensor test_bias(const ModelSpec& spec, at::ScalarType dtype) {
  Rng rng(3, "bias");
  at::Tensor bias = at::zeros({routed_layers(spec), spec.experts}, at::kDouble);
  for (int64_t i = 0; i < bias.numel(); ++i)
    bias.mutable_data_ptr<double>()[i] = rng.uniform(-0.1, 0.1);
  return bias.to(dtype);
}

std::vector<at::Tensor> test_grads(const ModelSpec& spec, int64_t T, at::ScalarType dtype) {
  Rng rng(4, "grads");
  std::vector<at::Tensor> grads;
  for (int64_t r = 0; r < routed_layers(spec); ++r) {
    at::Tensor g = at::zeros({T, spec.experts}, at::kDouble);
    for (int64_t i = 0; i < g.numel(); ++i) g.mutable_data_ptr<double>()[i] = 0.01 * rng.normal();
    grads.push_back(g.to(dtype));
  }
  return grads;
}

constexpr double kWeight = 0.4;

// weight * cross_entropy + sum_r <grad_logits[r], logits[r]>
double objective(Model& model, const MicroBatch& batch, const at::Tensor& bias,
                 const std::vector<at::Tensor>& grads) {
  const std::unique_ptr<Pass> pass = model.forward(batch, bias, 0);
  double value = kWeight * pass->cross_entropy.item<double>();
  for (size_t r = 0; r < grads.size(); ++r)
    value += (pass->logits[r] * grads[r]).sum().item<double>();
  return value;
}

// Central differences with h = 1e-6 in float64: truncation h^2, rounding 1e-16 / h = 1e-10.
TEST(AtenModel, HasTheGradientOfFiniteDifferences) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    Parameters p = make_parameters(c.spec, 1, at::kCPU, at::kDouble);
    const auto model = make_aten_model(c.spec, p);
    const MicroBatch batch = random_batch(2, 7, c.spec.vocab, 5);
    const at::Tensor bias = test_bias(c.spec, at::kDouble);
    const std::vector<at::Tensor> grads = test_grads(c.spec, batch.tokens(), at::kDouble);
    model->backward(*model->forward(batch, bias, kWeight), grads);
    Rng rng(6, "places");
    constexpr double kStep = 1e-6;
    for (const Parameter& parameter : p.layout.parameters) {
      for (int sample = 0; sample < 4; ++sample) {
        const int64_t at = parameter.offset + rng.below(parameter.size());
        double& value = p.values.mutable_data_ptr<double>()[at];
        const double kept = value;
        value = kept + kStep;
        const double above = objective(*model, batch, bias, grads);
        value = kept - kStep;
        const double below = objective(*model, batch, bias, grads);
        value = kept;
        ASSERT_NEAR(p.grads.const_data_ptr<double>()[at], (above - below) / (2 * kStep), 1e-8)
            << parameter.name << " element " << at - parameter.offset;
      }
    }
  }
}

void expect_close(const at::Tensor& got, const at::Tensor& want, double tolerance,
                  const std::string& what) {
  const double scale = std::max(1e-3, want.abs().max().item<double>());
  EXPECT_LE((got - want).abs().max().item<double>(), tolerance * scale) << what;
}

// The kernels against ATen's float64: sums of some hundred float terms leave about 1e-5.
TEST(CpuModel, AgreesWithAtenInForwardAndBackwardForEveryTable) {
  for (const cpu::Kernels* kernels : cpu::available_kernels()) {
    for (const Case& c : cases()) {
      SCOPED_TRACE(std::string(kernels->name) + ", " + c.name);
      Parameters p = make_parameters(c.spec, 1, at::kCPU);
      Parameters exact = make_parameters(c.spec, 1, at::kCPU, at::kDouble);
      cpu::CpuModel model(c.spec, p, *kernels);
      const auto reference = make_aten_model(c.spec, exact);
      const at::Tensor bias = test_bias(c.spec, at::kDouble);
      // Two passes held at once, of different lengths: nothing of one may leak into the other.
      for (const int64_t length : {19, 40}) {
        const MicroBatch one = random_batch(2, length, c.spec.vocab, 5);
        const MicroBatch two = random_batch(3, length / 2, c.spec.vocab, 6);
        p.grads.zero_();
        exact.grads.zero_();
        std::vector<std::unique_ptr<Pass>> got, want;
        for (const MicroBatch* batch : {&one, &two}) {
          got.push_back(model.forward(*batch, bias.to(at::kFloat), kWeight));
          want.push_back(reference->forward(*batch, bias, kWeight));
        }
        for (size_t i = 0; i < 2; ++i) {
          const int64_t T = i == 0 ? one.tokens() : two.tokens();
          model.backward(*got[i], test_grads(c.spec, T, at::kFloat));
          reference->backward(*want[i], test_grads(c.spec, T, at::kDouble));
          expect_close(got[i]->cross_entropy, want[i]->cross_entropy, 1e-6, "cross-entropy");
          expect_close(got[i]->mean_probs, want[i]->mean_probs, 1e-5, "probs");
          expect_close(got[i]->score_sums, want[i]->score_sums, 1e-5, "score sums");
          EXPECT_TRUE(at::equal(got[i]->counts.to(at::kDouble), want[i]->counts));
          for (size_t r = 0; r < got[i]->logits.size(); ++r) {
            expect_close(got[i]->logits[r], want[i]->logits[r], 1e-5, "logits");
            EXPECT_TRUE(at::equal(got[i]->chosen[r].to(at::kDouble), want[i]->chosen[r]));
          }
        }
        for (size_t j = 0; j < p.layout.parameters.size(); ++j)
          expect_close(p.grad(static_cast<int>(j)), exact.grad(static_cast<int>(j)), 3e-5,
                       p.layout.parameters[j].name);
      }
    }
  }
}

TEST(CpuModel, ScoresAsItTrains) {
  const ModelSpec spec = small_spec().model;
  Parameters p = make_parameters(spec, 1, at::kCPU);
  const auto model = make_model(spec, p);
  ASSERT_NE(dynamic_cast<cpu::CpuModel*>(model.get()), nullptr);
  const MicroBatch batch = random_batch(2, 16, spec.vocab, 5);
  const at::Tensor bias = test_bias(spec, at::kFloat);
  const auto trained = model->forward(batch, bias, 1), scored = model->forward(batch, bias, 0);
  EXPECT_EQ(trained->cross_entropy.item<float>(), scored->cross_entropy.item<float>());
}

TEST(CpuModel, SeesNewValuesOnceTold) {
  const ModelSpec spec = small_spec().model;
  Parameters p = make_parameters(spec, 1, at::kCPU);
  const auto model = make_model(spec, p);
  const MicroBatch batch = random_batch(2, 16, spec.vocab, 5);
  const at::Tensor bias = at::zeros({2, 8});
  model->forward(batch, bias, 0);
  p.values.zero_();
  model->values_changed();
  EXPECT_NEAR(model->forward(batch, bias, 0)->cross_entropy.item<double>(), std::log(32.0), 1e-6);
}

// A token sees itself and what came before, never what comes after.
TEST(Models, AreCausal) {
  const ModelSpec spec = small_spec().model;
  for (const Implementation implementation : {Implementation::kBest, Implementation::kAten}) {
    Parameters p = make_parameters(spec, 1, at::kCPU);
    const auto model = make_model(spec, p, implementation);
    MicroBatch batch = random_batch(1, 12, spec.vocab, 5);
    const at::Tensor bias = at::zeros({2, 8});
    const at::Tensor before = model->forward(batch, bias, 0)->logits[1];
    batch.inputs[8] = (batch.inputs[8] + 1) % 32;
    const at::Tensor after = model->forward(batch, bias, 0)->logits[1];
    EXPECT_TRUE(at::equal(before.narrow(0, 0, 8), after.narrow(0, 0, 8)));
    EXPECT_FALSE(at::equal(before[8], after[8]));
    EXPECT_FALSE(at::equal(before[11], after[11]));
  }
}

TEST(Parameters, DependOnTheSeedAlone) {
  const ModelSpec spec = small_spec().model;
  const Parameters a = make_parameters(spec, 1, at::kCPU), b = make_parameters(spec, 1, at::kCPU);
  EXPECT_TRUE(at::equal(a.values, b.values));
  EXPECT_FALSE(at::equal(a.values, make_parameters(spec, 2, at::kCPU).values));
  const at::Tensor up = a.value(a.layout.layers[0].expert_up);
  EXPECT_NEAR(up.std().item<double>(), 1 / std::sqrt(32.0), 0.01);
  EXPECT_TRUE(at::equal(a.value(a.layout.final_norm), at::ones({32})));
}

TEST(Layout, RefusesWhatMakesNoModel) {
  const auto refused = [](auto&& change) {
    ModelSpec spec;
    change(spec);
    try {
      check_model(spec);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(refused([](ModelSpec& m) { m.heads = 5; }).find("width"), std::string::npos);
  EXPECT_NE(refused([](ModelSpec& m) { m.top_k = 17; }).find("top_k"), std::string::npos);
  EXPECT_NE(refused([](ModelSpec& m) { m.null_experts = 16; }).find("null_experts"),
            std::string::npos);
  EXPECT_NE(refused([](ModelSpec& m) { m.dense_layers = 3; }).find("dense_layers"),
            std::string::npos);
  EXPECT_NE(refused([](ModelSpec& m) { m.gate = "relu"; }).find("gate"), std::string::npos);
  EXPECT_NE(refused([](ModelSpec& m) { m.layers = 0; }).find("layers"), std::string::npos);
  EXPECT_EQ(refused([](ModelSpec&) {}), "accepted");
}

}  // namespace
}  // namespace ballast::trainer
