#include "trainer/weights.h"

#include <cstring>

#include "common/error.h"
#include "trainer/pch.h"

namespace ballast::trainer {
namespace {

constexpr const char* kBias = "router_bias";

std::vector<TensorInfo> expected(const Parameters& parameters, int64_t routers, int64_t experts) {
  std::vector<TensorInfo> infos;
  for (const Parameter& p : parameters.layout.parameters)
    infos.push_back({p.name, "float32", p.shape});
  infos.push_back({kBias, "float32", {routers, experts}});
  return infos;
}

std::string describe(const TensorInfo& info) {
  std::string shape;
  for (const int64_t n : info.shape) {
    if (!shape.empty()) shape += ',';
    shape += std::to_string(n);
  }
  return info.name + " " + info.dtype + " (" + shape + ")";
}

}  // namespace

Tensors export_weights(const Parameters& parameters, const at::Tensor& bias) {
  Tensors out;
  out.infos = expected(parameters, bias.size(0), bias.size(1));
  out.bytes.resize(static_cast<size_t>(bytes_of(out.infos)));
  char* to = out.bytes.data();
  const auto put = [&](const float* from, int64_t n) {
    const size_t bytes = static_cast<size_t>(n) * sizeof(float);
    std::memcpy(to, from, bytes);
    to += bytes;
  };
  const at::Tensor values = parameters.values.to(at::kCPU, at::kFloat).contiguous();
  for (const Parameter& p : parameters.layout.parameters)
    put(values.const_data_ptr<float>() + p.offset, p.size());
  const at::Tensor host_bias = bias.to(at::kCPU, at::kFloat).contiguous();
  put(host_bias.const_data_ptr<float>(), host_bias.numel());
  return out;
}

at::Tensor import_weights(const Tensors& weights, Parameters& parameters, int64_t routers,
                          int64_t experts) {
  const std::vector<TensorInfo> wanted = expected(parameters, routers, experts);
  for (size_t i = 0; i < std::max(wanted.size(), weights.infos.size()); ++i) {
    const std::string found = i < weights.infos.size() ? describe(weights.infos[i]) : "nothing";
    const std::string want = i < wanted.size() ? describe(wanted[i]) : "nothing";
    if (found != want)
      throw Error("weights do not fit the model: tensor " + std::to_string(i) + " is " + found +
                  ", expected " + want);
  }
  if (static_cast<int64_t>(weights.bytes.size()) != bytes_of(wanted))
    throw Error("weights hold " + std::to_string(weights.bytes.size()) + " bytes, expected " +
                std::to_string(bytes_of(wanted)));
  at::Tensor values = at::zeros({parameters.layout.size}, at::kFloat);
  at::Tensor bias = at::zeros({routers, experts}, at::kFloat);
  const char* from = weights.bytes.data();
  const auto take = [&](float* to, int64_t n) {
    const size_t bytes = static_cast<size_t>(n) * sizeof(float);
    std::memcpy(to, from, bytes);
    from += bytes;
  };
  for (const Parameter& p : parameters.layout.parameters)
    take(values.mutable_data_ptr<float>() + p.offset, p.size());
  take(bias.mutable_data_ptr<float>(), bias.numel());
  parameters.values.copy_(values);
  return bias.to(parameters.values.options());
}

}  // namespace ballast::trainer
