#include "trainer/layout.h"

#include <cmath>

#include "common/error.h"
#include "trainer/cpu/kernels.h"

namespace ballast::trainer {
namespace {

void positive(const char* name, int64_t value) {
  if (value < 1)
    throw Error(
        std::string("model.") + name + " is " + std::to_string(value) + ": it must be at least 1",
        ExitCode::kUsage);
}

class Builder {
 public:
  int add(std::string name, std::vector<int64_t> shape, double init_std) {
    Parameter p{std::move(name), std::move(shape), layout.size, init_std};
    layout.size += (p.size() + 15) / 16 * 16;
    layout.parameters.push_back(std::move(p));
    return static_cast<int>(layout.parameters.size()) - 1;
  }
  Layout layout;
};

void add_matrices(Builder& b, const ModelSpec& m, int64_t index) {
  const std::string prefix = "layers." + std::to_string(index) + ".";
  const int64_t D = m.width, F = m.expert_width, experts = true_experts(m);
  const auto std_of = [](int64_t fan_in) { return 1 / std::sqrt(static_cast<double>(fan_in)); };
  // What is added to the residual stream starts smaller, so that its variance does not grow with L.
  const double residual = 1 / std::sqrt(2.0 * static_cast<double>(m.layers));
  LayerLayout& layer = b.layout.layers[static_cast<size_t>(index)];
  layer.qkv = b.add(prefix + "qkv", {D, 3 * D}, std_of(D));
  layer.attention_out = b.add(prefix + "attention_out", {D, D}, std_of(D) * residual);
  const bool dense = index < m.dense_layers;
  if (!dense) {
    layer.router = b.add(prefix + "router", {D, m.experts}, std_of(D));
    layer.expert_up = b.add(prefix + "expert_up", {experts, D, 2 * F}, std_of(D));
    layer.expert_down = b.add(prefix + "expert_down", {experts, F, D}, std_of(F) * residual);
  }
  const int64_t width = dense ? dense_width(m) : m.shared_experts * F;
  if (width > 0) {
    layer.dense_up = b.add(prefix + "dense_up", {D, 2 * width}, std_of(D));
    layer.dense_down = b.add(prefix + "dense_down", {width, D}, std_of(width) * residual);
  }
}

}  // namespace

int64_t Parameter::size() const {
  int64_t n = 1;
  for (const int64_t x : shape) n *= x;
  return n;
}

void check_model(const ModelSpec& m) {
  positive("vocab", m.vocab);
  positive("width", m.width);
  positive("layers", m.layers);
  positive("experts", m.experts);
  positive("top_k", m.top_k);
  positive("expert_width", m.expert_width);
  positive("heads", m.heads);
  const auto check = [](bool ok, const std::string& what) {
    if (!ok) throw Error(what, ExitCode::kUsage);
  };
  const auto text = [](int64_t x) { return std::to_string(x); };
  check(m.width % (2 * m.heads) == 0, "model.width " + text(m.width) +
                                          " must be a multiple of 2 x " + text(m.heads) +
                                          " heads (rotary positions need pairs)");
  check(m.top_k <= m.experts,
        "model.top_k " + text(m.top_k) + " exceeds model.experts " + text(m.experts));
  check(m.experts <= cpu::kMostExperts,
        "model.experts " + text(m.experts) + " exceeds " + text(cpu::kMostExperts));
  check(m.null_experts >= 0 && m.null_experts < m.experts,
        "model.null_experts " + text(m.null_experts) + " must leave at least one of " +
            text(m.experts) + " experts");
  check(m.shared_experts >= 0, "model.shared_experts must not be negative");
  check(m.dense_layers >= 0 && m.dense_layers < m.layers,
        "model.dense_layers " + text(m.dense_layers) + " must leave at least one of " +
            text(m.layers) + " layers with experts");
  check(m.gate == "softmax" || m.gate == "sigmoid",
        "model.gate \"" + m.gate + "\" must be \"softmax\" or \"sigmoid\"");
}

Layout make_layout(const ModelSpec& m) {
  check_model(m);
  Builder b;
  b.layout.layers.resize(static_cast<size_t>(m.layers));
  const double head_std = 0.5 / std::sqrt(static_cast<double>(m.width));
  b.layout.embedding = b.add("embedding", {m.vocab, m.width}, 0.5);
  for (int64_t i = 0; i < m.layers; ++i) add_matrices(b, m, i);
  b.layout.head = b.add("head", {m.width, m.vocab}, head_std);
  b.layout.decayed = b.layout.size;
  for (size_t i = 0; i < b.layout.layers.size(); ++i) {
    const std::string prefix = "layers." + std::to_string(i) + ".";
    b.layout.layers[i].norm1 = b.add(prefix + "norm1", {m.width}, 0);
    b.layout.layers[i].norm2 = b.add(prefix + "norm2", {m.width}, 0);
  }
  b.layout.final_norm = b.add("final_norm", {m.width}, 0);
  return std::move(b.layout);
}

}  // namespace ballast::trainer
