#include "trainer/optimizer.h"

#include <gtest/gtest.h>

#include "tests/trainer/training.h"
#include "trainer/pch.h"

namespace ballast::trainer {
namespace {

TEST(AdamW, IsThatOfAtenAndDecaysMatricesOnly) {
  const ModelSpec spec = small_spec().model;
  ScheduleSpec schedule;
  Parameters ours = make_parameters(spec, 1, at::kCPU), theirs = make_parameters(spec, 1, at::kCPU);
  AdamW kernels(schedule, ours), aten(schedule, theirs, Implementation::kAten);
  for (int step = 1; step <= 3; ++step) {
    const Parameters noise = make_parameters(spec, static_cast<uint64_t>(10 + step), at::kCPU);
    ours.grads.copy_(noise.values);
    theirs.grads.copy_(noise.values);
    const at::Tensor a = kernels.step(ours, 0.01), b = aten.step(theirs, 0.01);
    EXPECT_NEAR(a.item<double>(), b.item<double>(), 1e-3 * b.item<double>());
  }
  EXPECT_TRUE(at::allclose(ours.values, theirs.values, 1e-5, 1e-6));

  // Without a gradient only the decay moves: by 1 - rate * decay, and not the norms.
  Parameters still = make_parameters(spec, 1, at::kCPU);
  const at::Tensor before = still.values.clone();
  AdamW(schedule, still).step(still, 0.5);
  const int64_t edge = still.layout.decayed;
  EXPECT_TRUE(
      at::allclose(still.values.narrow(0, 0, edge), before.narrow(0, 0, edge) * (1 - 0.5 * 0.1)));
  EXPECT_TRUE(at::equal(still.value(still.layout.final_norm), at::ones({32})));
}

TEST(AdamW, TellsOfGradientsThatAreNotFinite) {
  const ModelSpec spec = small_spec().model;
  for (const Implementation implementation : {Implementation::kBest, Implementation::kAten}) {
    Parameters p = make_parameters(spec, 1, at::kCPU);
    AdamW optimizer({}, p, implementation);
    p.grads[5] = NAN;
    EXPECT_FALSE(std::isfinite(optimizer.step(p, 0.01).item<double>()));
  }
}

}  // namespace
}  // namespace ballast::trainer
