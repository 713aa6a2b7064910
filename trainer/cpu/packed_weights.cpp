#include "trainer/cpu/packed_weights.h"

namespace ballast::trainer::cpu {
namespace {

struct Shape {
  int64_t slices, in, out;  // slices 0: no matrix
};

Shape shape_of(const Parameter& p) {
  if (p.shape.size() == 2) return {1, p.shape[0], p.shape[1]};
  if (p.shape.size() == 3) return {p.shape[0], p.shape[1], p.shape[2]};
  return {0, 0, 0};
}

}  // namespace

PackedWeights::PackedWeights(const Kernels& kernels, const Layout& layout)
    : kernels_(kernels), layout_(layout) {
  for (const Parameter& p : layout.parameters) {
    const Shape s = shape_of(p);
    const bool embedding = &p == &layout.parameters[static_cast<size_t>(layout.embedding)];
    for (Side* side : {&forward_, &backward_}) {
      const int64_t stride =
          side == &forward_ ? kernels.packed_size(s.in, s.out) : kernels.packed_size(s.out, s.in);
      side->offset.push_back(side->size);
      side->stride.push_back(stride);
      if (!embedding)
        side->size += s.slices * stride;  // the embedding is looked up, not multiplied
    }
  }
}

void PackedWeights::prepare(const float* values, bool backward) {
  Side& side = backward ? backward_ : forward_;
  if (side.fresh) return;
  pack(side, values, backward);
  side.fresh = true;
}

void PackedWeights::pack(Side& side, const float* values, bool transposed) {
  float* out = side.data.get(side.size);
  for (size_t i = 0; i < layout_.parameters.size(); ++i) {
    if (static_cast<int>(i) == layout_.embedding) continue;
    const Shape s = shape_of(layout_.parameters[i]);
    const float* from = values + layout_.parameters[i].offset;
    for (int64_t slice = 0; slice < s.slices; ++slice, from += s.in * s.out)
      kernels_.pack(transposed ? s.out : s.in, transposed ? s.in : s.out, from, s.out, transposed,
                    out + side.offset[i] + slice * side.stride[i]);
  }
}

}  // namespace ballast::trainer::cpu
