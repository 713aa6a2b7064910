// Names, shapes and places of a model's parameters in one flat array.
//
// Matrices are stored (in, out), row-major: y = x W. Every parameter starts at a multiple of 16
// elements; the gaps hold zeros. Matrices come first (they decay), norm gains last (they do not).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/spec.h"

namespace ballast::trainer {

struct Parameter {
  std::string name;  // "layers.0.router"
  std::vector<int64_t> shape;
  int64_t offset = 0;   // elements
  double init_std = 0;  // normal with this deviation; 0: filled with ones (norm gains)

  int64_t size() const;  // elements
};

// Indices into Layout::parameters; -1 where a layer has no such parameter.
// F stands for the hidden width of the block at hand.
struct LayerLayout {
  int norm1 = -1;          // (D)
  int qkv = -1;            // (D, 3D): query, key, value; heads contiguous inside each
  int attention_out = -1;  // (D, D)
  int norm2 = -1;          // (D)
  int router = -1;         // (D, E)
  int expert_up = -1;      // (true experts, D, 2F): gate, then up
  int expert_down = -1;    // (true experts, F, D)
  int dense_up = -1;       // (D, 2F'): shared experts, or the block of a dense layer
  int dense_down = -1;     // (F', D)
};

struct Layout {
  std::vector<Parameter> parameters;
  std::vector<LayerLayout> layers;
  int embedding = -1;   // (V, D)
  int final_norm = -1;  // (D)
  int head = -1;        // (D, V)
  int64_t size = 0;     // elements of the whole array
  int64_t decayed = 0;  // elements before this one decay
};

// Throws Error (usage) naming the field when the specification makes no model.
void check_model(const ModelSpec& spec);
Layout make_layout(const ModelSpec& spec);

// Hidden width of a dense layer's block: as many active parameters as a MoE layer has.
inline int64_t dense_width(const ModelSpec& m) {
  return (m.top_k + m.shared_experts) * m.expert_width;
}
inline int64_t true_experts(const ModelSpec& m) { return m.experts - m.null_experts; }
inline int64_t routed_layers(const ModelSpec& m) { return m.layers - m.dense_layers; }

}  // namespace ballast::trainer
