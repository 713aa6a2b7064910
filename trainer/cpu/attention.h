// Causal attention with rotary positions, one (sequence, head) at a time, in blocks of query rows.
// Probabilities are never kept: the backward pass makes them again from the log-sum-exp.
constexpr int64_t kQueryBlock = 16;

constexpr int64_t padded(int64_t n) { return (n + kPanel - 1) / kPanel * kPanel; }

// One head's operands, padded so that products may read whole vectors.
struct Head {
  Head(float* scratch, int64_t length, int64_t w)
      : w_(padded(w)),
        length_(padded(length)),
        q(scratch),
        k(q + length_ * w_),
        v(k + length_ * w_),
        g(v + length_ * w_),
        grad_k(g + length_ * w_),
        grad_v(grad_k + length_ * w_),
        kt(grad_v + length_ * w_),
        vt(kt + length_ * w_),
        p(vt + length_ * w_),
        grad_p(p + kQueryBlock * length_),
        grad_q(grad_p + kQueryBlock * length_) {}

  int64_t w_, length_;                     // row distances
  float *q, *k, *v, *g, *grad_k, *grad_v;  // (length, w): queries scaled and rotated, keys rotated
  float *kt, *vt;                          // (w, length)
  float *p, *grad_p;                       // (kQueryBlock, length)
  float* grad_q;                           // (kQueryBlock, w)
};

int64_t attention_scratch(int64_t length, int64_t w) {
  return 8 * padded(length) * padded(w) + 2 * kQueryBlock * padded(length) +
         kQueryBlock * padded(w);
}

// out = x turned by the position's angles, times scale; direction -1 turns back.
inline void rotate(int64_t w, const float* x, const float* cosine, const float* sine,
                   float direction, float scale, float* out) {
  const int64_t half = w / 2;
  const float turn = scale * direction;
  int64_t i = 0;
  for (; i + 8 <= half; i += 8) {
    const V8 c = load8(cosine + i) * scale, s = load8(sine + i) * turn;
    const V8 a = load8(x + i), b = load8(x + i + half);
    store8(out + i, a * c - b * s);
    store8(out + i + half, b * c + a * s);
  }
  for (; i < half; ++i) {
    const float c = cosine[i] * scale, s = sine[i] * turn, a = x[i], b = x[i + half];
    out[i] = a * c - b * s;
    out[i + half] = b * c + a * s;
  }
}

inline void load_head(const AttentionArgs& a, int64_t s, int64_t h, const Head& head,
                      bool backward) {
  const int64_t D = a.heads * a.w, half = a.w / 2;
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(a.w));
  for (int64_t t = 0; t < a.length; ++t) {
    const float* row = a.qkv + (s * a.length + t) * 3 * D + h * a.w;
    rotate(a.w, row, a.cosine + t * half, a.sine + t * half, 1.0f, scale, head.q + t * head.w_);
    rotate(a.w, row + D, a.cosine + t * half, a.sine + t * half, 1.0f, 1.0f, head.k + t * head.w_);
    for (int64_t i = 0; i < a.w; ++i) head.v[t * head.w_ + i] = row[2 * D + i];
    if (!backward) continue;
    const float* grad = a.grad_out + (s * a.length + t) * D + h * a.w;
    for (int64_t i = 0; i < a.w; ++i) head.g[t * head.w_ + i] = grad[i];
  }
  transpose(a.length, a.w, head.k, head.w_, head.kt, head.length_);
  if (backward) transpose(a.length, a.w, head.v, head.w_, head.vt, head.length_);
}

// Row i attends to columns 0..i. x becomes exp(x - shift) there and 0 up to `width`; gives the sum.
inline float exp_row(float* x, int64_t i, int64_t width, float shift) {
  V total{};
  int64_t j = 0;
  for (; j + kLanes <= i + 1; j += kLanes) {
    const V e = exp(load(x + j) - shift);
    store(x + j, e);
    total += e;
  }
  if (j <= i) {
    float e[kLanes];
    store(e, exp(load(x + j) - shift));
    for (int64_t n = i + 1 - j; n < kLanes; ++n) e[n] = 0;
    total += load(e);
    store(x + j, load(e));
    j += kLanes;
  }
  for (; j < width; ++j) x[j] = 0;
  return sum(total);
}

inline float row_max(const float* x, int64_t n) {
  V most = splat(x[0]);
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    const V y = load(x + j);
    most = y > most ? y : most;
  }
  float m = max(most);
  for (; j < n; ++j) m = x[j] > m ? x[j] : m;
  return m;
}

void attention(const AttentionArgs& a) {
  const Head head(a.scratch, a.length, a.w);
  const int64_t D = a.heads * a.w;
  for (int64_t s = 0; s < a.S; ++s) {
    for (int64_t h = 0; h < a.heads; ++h) {
      load_head(a, s, h, head, false);
      float* lse = a.lse + (s * a.heads + h) * a.length;
      for (int64_t i0 = 0; i0 < a.length; i0 += kQueryBlock) {
        const int64_t end = i0 + kQueryBlock < a.length ? i0 + kQueryBlock : a.length,
                      rows = end - i0;
        product<false, false>(rows, padded(end), a.w, head.q + i0 * head.w_, head.w_, head.kt,
                              head.length_, kPanel, head.p, head.length_);
        float inverse[kQueryBlock];
        for (int64_t r = 0; r < rows; ++r) {
          float* p = head.p + r * head.length_;
          const float most = row_max(p, i0 + r + 1);
          const float total = exp_row(p, i0 + r, end, most);
          lse[i0 + r] = most + __builtin_logf(total);
          inverse[r] = 1.0f / total;
        }
        float* out = a.out + (s * a.length + i0) * D + h * a.w;
        product<false, false>(rows, a.w, end, head.p, head.length_, head.v, head.w_, kPanel, out,
                              D);
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t i = 0; i < a.w; ++i) out[r * D + i] *= inverse[r];
      }
    }
  }
}

// Query rows [i0, end) of one head: adds to grad_k and grad_v, writes grad_q.
inline void attention_block_backward(const AttentionArgs& a, const Head& head, const float* out,
                                     const float* lse, int64_t i0, int64_t end) {
  const int64_t rows = end - i0, D = a.heads * a.w;
  product<false, false>(rows, padded(end), a.w, head.q + i0 * head.w_, head.w_, head.kt,
                        head.length_, kPanel, head.p, head.length_);
  product<false, false>(rows, padded(end), a.w, head.g + i0 * head.w_, head.w_, head.vt,
                        head.length_, kPanel, head.grad_p, head.length_);
  for (int64_t r = 0; r < rows; ++r) exp_row(head.p + r * head.length_, i0 + r, end, lse[i0 + r]);
  product<true, true>(end, a.w, rows, head.p, head.length_, head.g + i0 * head.w_, head.w_, kPanel,
                      head.grad_v, head.w_);
  for (int64_t r = 0; r < rows; ++r) {
    const float* g = head.g + (i0 + r) * head.w_;
    const float delta = dot(a.w, g, out + (i0 + r) * D);
    float *p = head.p + r * head.length_, *grad = head.grad_p + r * head.length_;
    for (int64_t j = 0; j < end; ++j) grad[j] = p[j] * (grad[j] - delta);
  }
  product<true, true>(end, a.w, rows, head.grad_p, head.length_, head.q + i0 * head.w_, head.w_,
                      kPanel, head.grad_k, head.w_);
  product<false, false>(rows, a.w, end, head.grad_p, head.length_, head.k, head.w_, kPanel,
                        head.grad_q, head.w_);
}

void attention_backward(const AttentionArgs& a) {
  const Head head(a.scratch, a.length, a.w);
  const int64_t D = a.heads * a.w, half = a.w / 2;
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(a.w));
  for (int64_t s = 0; s < a.S; ++s) {
    for (int64_t h = 0; h < a.heads; ++h) {
      load_head(a, s, h, head, true);
      for (int64_t i = 0; i < 2 * head.length_ * head.w_; ++i) head.grad_k[i] = 0;  // and grad_v
      const float* out = a.out + s * a.length * D + h * a.w;
      const float* lse = a.lse + (s * a.heads + h) * a.length;
      float* grad = a.grad_qkv + s * a.length * 3 * D + h * a.w;
      for (int64_t i0 = 0; i0 < a.length; i0 += kQueryBlock) {
        const int64_t end = i0 + kQueryBlock < a.length ? i0 + kQueryBlock : a.length;
        attention_block_backward(a, head, out, lse, i0, end);
        for (int64_t t = i0; t < end; ++t)
          rotate(a.w, head.grad_q + (t - i0) * head.w_, a.cosine + t * half, a.sine + t * half,
                 -1.0f, scale, grad + t * 3 * D);
      }
      for (int64_t t = 0; t < a.length; ++t) {
        rotate(a.w, head.grad_k + t * head.w_, a.cosine + t * half, a.sine + t * half, -1.0f, 1.0f,
               grad + t * 3 * D + D);
        for (int64_t i = 0; i < a.w; ++i)
          grad[t * 3 * D + 2 * D + i] = head.grad_v[t * head.w_ + i];
      }
    }
  }
}
