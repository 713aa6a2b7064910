// Router states for tests.
#pragma once

#include <string>

#include "common/rng.h"
#include "trainer/state.h"

namespace ballast::trainer {

// Random logits of standard deviation `scale`, one random value for every field of the record but
// the window's probs.
inline State random_state(int64_t tokens, int64_t experts, int64_t top_k, int64_t sequences,
                          std::string_view purpose = "state", double scale = 1) {
  Rng rng(7, purpose);
  const auto row = [&](auto&& draw) {
    Row values(static_cast<size_t>(experts));
    for (double& x : values) x = draw();
    return values;
  };
  const auto share = [&] {
    Row values = row([&] { return rng.uniform(0.1, 1); });
    double sum = 0;
    for (double x : values) sum += x;
    for (double& x : values) x /= sum;
    return values;
  };
  State s;
  for (int64_t t = 0; t < tokens; ++t)
    s.logits.push_back(row([&] { return scale * rng.normal(); }));
  s.top_k = top_k;
  s.num_sequences = sequences;
  s.load_global = share();
  s.load_ema = share();
  s.cost = row([&] { return rng.uniform(0.5, 1.5); });
  s.is_null = row([] { return 0.0; });
  s.is_null->back() = 1;
  s.device.emplace();
  for (int64_t e = 0; e < experts; ++e) s.device->push_back(e % 2 == 0 ? Row{1, 0} : Row{0, 1});
  s.bias = row([&] { return rng.uniform(-0.1, 0.1); });
  s.progress = 0.35;
  s.depth = 0.5;
  return s;
}

}  // namespace ballast::trainer
