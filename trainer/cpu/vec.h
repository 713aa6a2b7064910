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

inline float sum(V x) {
  float b[kLanes];
  store(b, x);
  for (int64_t half = kLanes / 2; half > 0; half /= 2)
    for (int64_t i = 0; i < half; ++i) b[i] += b[i + half];
  return b[0];
}
inline float max(V x) {
  float b[kLanes];
  store(b, x);
  for (int64_t half = kLanes / 2; half > 0; half /= 2)
    for (int64_t i = 0; i < half; ++i) b[i] = b[i] > b[i + half] ? b[i] : b[i + half];
  return b[0];
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
