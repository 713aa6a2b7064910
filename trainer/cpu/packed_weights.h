// The model's matrices in the order that products read them, as they are and transposed. Packed
// once per optimizer step and used by all its micro-batches.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/cpu/buffers.h"
#include "trainer/cpu/kernels.h"
#include "trainer/layout.h"

namespace ballast::trainer::cpu {

class PackedWeights {
 public:
  PackedWeights(const Kernels& kernels, const Layout& layout);

  void invalidate() { forward_.fresh = backward_.fresh = false; }
  // Packs `values` anew if they changed. Backward: the transposed matrices.
  void prepare(const float* values, bool backward);

  // Matrix `slice` (an expert's, or 0) of a parameter: W for y = x W, and its transpose.
  const float* matrix(int index, int64_t slice = 0) const { return at(forward_, index, slice); }
  const float* transposed(int index, int64_t slice = 0) const {
    return at(backward_, index, slice);
  }

 private:
  struct Side {
    std::vector<int64_t> offset, stride;  // by parameter; stride: from slice to slice
    Buffer<float> data;
    int64_t size = 0;
    bool fresh = false;
  };
  static const float* at(const Side& side, int index, int64_t slice) {
    const auto i = static_cast<size_t>(index);
    return side.data.data() + side.offset[i] + slice * side.stride[i];
  }
  void pack(Side& side, const float* values, bool transposed);

  const Kernels& kernels_;
  const Layout& layout_;
  Side forward_, backward_;
};

}  // namespace ballast::trainer::cpu
