// Memory of the kernels' model: plain aligned arrays, kept and used again, so that a step allocates
// nothing (fresh memory costs page faults).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace ballast::trainer::cpu {

// Uninitialised elements at a multiple of 64 bytes. Grows, never shrinks; growing loses the
// contents.
template <class T>
class Buffer {
 public:
  T* get(int64_t n) {
    const auto count = static_cast<size_t>(n);
    if (count > size_) {
      data_.reset(static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{kAlign})));
      size_ = count;
    }
    return data_.get();
  }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }

 private:
  static constexpr size_t kAlign = 64;
  struct Free {
    void operator()(T* p) const { ::operator delete (p, std::align_val_t{kAlign}); }
  };
  std::unique_ptr<T, Free> data_;
  size_t size_ = 0;
};

// How one micro-batch's assignments were sorted by expert.
struct Dispatch {
  std::vector<int32_t> token_of_row;  // (rows of true experts)
  std::vector<int32_t> slot_of_row;   // (the same) t * k + j
  std::vector<int32_t> row_of_slot;   // (T,k); -1 for null experts
  std::vector<int64_t> offsets;       // (true experts + 1) first row of each
};

// What the backward pass of one layer needs. T tokens, D width, N rows of experts.
struct LayerState {
  Buffer<float> x, rstd1;         // (T,D) input, (T)
  Buffer<float> qkv, lse;         // (T,3D), (S,heads,length)
  Buffer<float> attended;         // (T,D) before the output projection
  Buffer<float> middle, rstd2;    // (T,D) after attention, (T)
  Buffer<float> normed;           // (T,D) input of the feed-forward block
  Buffer<float> dense_up;         // (T,2F')
  Buffer<float> scores, weights;  // (T,E), (T,k)
  Buffer<int32_t> experts;        // (T,k)
  Dispatch dispatch;
  Buffer<float> expert_up;  // (N,2F)
};

struct PassState {
  std::vector<LayerState> layers;
  Buffer<float> out;     // (T,D) after the last layer
  Buffer<float> grad_x;  // (T,D) gradient there, from the head
};

}  // namespace ballast::trainer::cpu
