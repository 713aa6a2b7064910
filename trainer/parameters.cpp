#include "trainer/parameters.h"

#include <cmath>
#include <numbers>

#include "common/rng.h"
#include "trainer/pch.h"

namespace ballast::trainer {
namespace {

at::Tensor view_of(const at::Tensor& flat, const Parameter& p) {
  return flat.narrow(0, p.offset, p.size()).view(p.shape);
}

// Box-Muller in pairs: both normals of each pair are used.
void fill_normal(Rng& rng, double deviation, double* out, int64_t n) {
  for (int64_t i = 0; i < n; i += 2) {
    const double radius = deviation * std::sqrt(-2.0 * std::log(1.0 - rng.uniform()));
    const double angle = 2.0 * std::numbers::pi * rng.uniform();
    out[i] = radius * std::cos(angle);
    if (i + 1 < n) out[i + 1] = radius * std::sin(angle);
  }
}

}  // namespace

at::Tensor Parameters::value(int index) const {
  return view_of(values, layout.parameters[static_cast<size_t>(index)]);
}

at::Tensor Parameters::grad(int index) const {
  return view_of(grads, layout.parameters[static_cast<size_t>(index)]);
}

bool Parameters::kernels_apply() const {
  return values.device().is_cpu() && values.scalar_type() == at::kFloat;
}

Parameters make_parameters(const ModelSpec& spec, uint64_t seed, at::Device device,
                           at::ScalarType dtype) {
  Parameters p;
  p.layout = make_layout(spec);
  at::Tensor drawn = at::zeros({p.layout.size}, at::kDouble);
  double* data = drawn.mutable_data_ptr<double>();
  uint64_t stream = 0;
  for (const Parameter& parameter : p.layout.parameters) {
    double* out = data + parameter.offset;
    Rng rng(seed, "weights", stream++);
    if (parameter.init_std > 0)
      fill_normal(rng, parameter.init_std, out, parameter.size());
    else
      std::fill_n(out, parameter.size(), 1.0);
  }
  p.values = drawn.to(device, dtype);
  p.grads = at::zeros_like(p.values);
  return p;
}

}  // namespace ballast::trainer
