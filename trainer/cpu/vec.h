// A vector of kLanes floats through the compilers' vector extension, and what kernels need of it.
// Included by kernels_impl.h only, inside the namespace of one instruction set; nothing of the
// standard library may be used here: its inline functions would be compiled for that set, too.
constexpr int64_t kLanes = BALLAST_LANES;

typedef float V __attribute__((vector_size(4 * BALLAST_LANES)));
typedef int32_t VI __attribute__((vector_size(4 * BALLAST_LANES)));
typedef float VUnaligned __attribute__((vector_size(4 * BALLAST_LANES), aligned(4), may_alias));

inline V load(const float* p) { return *reinterpret_cast<const VUnaligned*>(p); }
inline void store(float* p, V x) { *reinterpret_cast<VUnaligned*>(p) = x; }
inline V splat(float x) { return x - V{}; }

// The first n < kLanes elements; zeros beyond.
inline V load_part(const float* p, int64_t n) {
  float buffer[kLanes] = {};
  for (int64_t i = 0; i < n; ++i) buffer[i] = p[i];
  return load(buffer);
}
inline void store_part(float* p, V x, int64_t n) {
  float buffer[kLanes];
  store(buffer, x);
  for (int64_t i = 0; i < n; ++i) p[i] = buffer[i];
}

// Eight floats, whatever the set: half a vector, two quarters, ...
typedef float V8 __attribute__((vector_size(32)));
typedef float V8Unaligned __attribute__((vector_size(32), aligned(4), may_alias));
typedef float V4 __attribute__((vector_size(16)));
inline V8 load8(const float* p) { return *reinterpret_cast<const V8Unaligned*>(p); }
inline void store8(float* p, V8 x) { *reinterpret_cast<V8Unaligned*>(p) = x; }

// Folds halves until one element is left: the order of the sum is the same on every machine.
template <class Add>
inline float fold(V x, Add&& add) {
#if BALLAST_LANES == 16
  const V8 y = add(__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7),
                   __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15));
#elif BALLAST_LANES == 8
  const V8 y = x;
#endif
#if BALLAST_LANES >= 8
  const V4 z =
      add(__builtin_shufflevector(y, y, 0, 1, 2, 3), __builtin_shufflevector(y, y, 4, 5, 6, 7));
#else
  const V4 z = x;
#endif
  const V4 w = add(z, __builtin_shufflevector(z, z, 2, 3, 0, 1));
  return add(w, __builtin_shufflevector(w, w, 1, 0, 3, 2))[0];
}
inline float sum(V x) {
  return fold(x, [](auto a, auto b) { return a + b; });
}
inline float max(V x) {
  return fold(x, [](auto a, auto b) { return a > b ? a : b; });
}

// out (columns, rows) = x (rows, columns) transposed, in blocks of 8 x 8.
inline void transpose8(const float* x, int64_t ld, float* out, int64_t ld_out) {
  V8 r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = load8(x + i * ld);
  for (int i = 0; i < 8; i += 2) {
    t[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
    t[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
  for (int n = 0; n < 4; ++n) {
    const int i = n + n / 2 * 2;  // 0, 1, 4, 5
    r[i] = __builtin_shufflevector(t[i], t[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
    r[i + 2] = __builtin_shufflevector(t[i], t[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
  }
  for (int i = 0; i < 4; ++i) {
    store8(out + i * ld_out, __builtin_shufflevector(r[i], r[i + 4], 0, 1, 2, 3, 8, 9, 10, 11));
    store8(out + (i + 4) * ld_out,
           __builtin_shufflevector(r[i], r[i + 4], 4, 5, 6, 7, 12, 13, 14, 15));
  }
}
inline void transpose(int64_t rows, int64_t columns, const float* x, int64_t ld, float* out,
                      int64_t ld_out) {
  const int64_t whole_rows = rows / 8 * 8, whole_columns = columns / 8 * 8;
  for (int64_t i = 0; i < whole_rows; i += 8)
    for (int64_t j = 0; j < whole_columns; j += 8)
      transpose8(x + i * ld + j, ld, out + j * ld_out + i, ld_out);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = i < whole_rows ? whole_columns : 0; j < columns; ++j)
      out[j * ld_out + i] = x[i * ld + j];
}

// exp(x) within 2 units in the last place for x in [-87, 88]; clamped outside, NaN stays NaN.
// x = n log 2 + r: 2^n through the exponent's bits, exp(r) by Taylor's polynomial of degree 7.
inline V exp(V x) {
  const V low = splat(-87.0f), high = splat(88.0f);
  x = x < low ? low : x;
  x = x > high ? high : x;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
  const V shifted = x * 1.44269504f + kRound;
  const V n = shifted - kRound;
  const V r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  V p = splat(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const VI bits = reinterpret_cast<VI>(p) + (reinterpret_cast<VI>(shifted) << 23);
  return reinterpret_cast<V>(bits);
}
