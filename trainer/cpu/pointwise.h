// SwiGLU, cross-entropy, weighted gathering and AdamW: kernels that go over memory once.

inline V sigmoid(V x) { return 1.0f / (1.0f + exp(-x)); }

void swiglu(int64_t rows, int64_t F, const float* up, float* hidden) {
  for (int64_t r = 0; r < rows; ++r, up += 2 * F, hidden += F) {
    int64_t i = 0;
    for (; i + kLanes <= F; i += kLanes) {
      const V x = load(up + i);
      store(hidden + i, x * sigmoid(x) * load(up + F + i));
    }
    if (i == F) continue;
    const V x = load_part(up + i, F - i);
    store_part(hidden + i, x * sigmoid(x) * load_part(up + F + i, F - i), F - i);
  }
}

// h = silu(a) b;  dh/da = b s (1 + a (1 - s)) with s = sigmoid(a),  dh/db = silu(a).
void swiglu_backward(int64_t rows, int64_t F, const float* up, const float* weights,
                     const float* grad_hidden, float* grad_up, float* weighted,
                     float* grad_weights) {
  for (int64_t r = 0; r < rows;
       ++r, up += 2 * F, grad_up += 2 * F, grad_hidden += F, weighted += F) {
    const float weight = weights ? weights[r] : 1.0f;
    V total{};
    for (int64_t i = 0; i < F; i += kLanes) {
      const int64_t n = F - i < kLanes ? F - i : kLanes;
      const bool whole = n == kLanes;
      const V a = whole ? load(up + i) : load_part(up + i, n);
      const V b = whole ? load(up + F + i) : load_part(up + F + i, n);
      const V g = whole ? load(grad_hidden + i) : load_part(grad_hidden + i, n);
      const V s = sigmoid(a), silu = a * s, hidden = silu * b, gw = g * weight;
      total += hidden * g;
      const V grad_a = gw * b * s * (1.0f + a * (1.0f - s)), grad_b = gw * silu;
      if (whole) {
        store(grad_up + i, grad_a);
        store(grad_up + F + i, grad_b);
        store(weighted + i, hidden * weight);
      } else {
        store_part(grad_up + i, grad_a, n);
        store_part(grad_up + F + i, grad_b, n);
        store_part(weighted + i, hidden * weight, n);
      }
    }
    if (grad_weights) grad_weights[r] = sum(total);
  }
}

double cross_entropy(int64_t rows, int64_t size, float* logits, const int32_t* targets,
                     float scale) {
  double loss = 0;
  for (int64_t r = 0; r < rows; ++r, logits += size) {
    const float most = row_max(logits, size), target = logits[targets[r]];
    V parts{};
    int64_t i = 0;
    for (; i + kLanes <= size; i += kLanes) {
      const V e = exp(load(logits + i) - most);
      if (scale != 0) store(logits + i, e);
      parts += e;
    }
    float total = sum(parts);
    if (i < size) {
      float rest[kLanes];
      store(rest, exp(load_part(logits + i, size - i) - most));
      for (int64_t n = 0; n < size - i; ++n) {
        total += rest[n];
        if (scale != 0) logits[i + n] = rest[n];
      }
    }
    loss += static_cast<double>(most - target) + __builtin_log(static_cast<double>(total));
    if (scale == 0) continue;
    const float factor = scale / total;
    for (i = 0; i < size; ++i) logits[i] *= factor;
    logits[targets[r]] -= scale;
  }
  return loss;
}

void gather_add(int64_t rows, int64_t k, int64_t D, const float* x, const int32_t* index,
                const float* weights, float* y) {
  for (int64_t r = 0; r < rows; ++r, y += D) {
    for (int64_t j = 0; j < k; ++j) {
      const int64_t from = index[r * k + j];
      if (from < 0) continue;
      const float* row = x + from * D;
      const float weight = weights ? weights[r * k + j] : 1.0f;
      for (int64_t i = 0; i < D; ++i) y[i] += weight * row[i];
    }
  }
}

double adamw(const AdamArgs& a) {
  const auto step = static_cast<double>(a.step);
  const double correction1 = 1 - __builtin_pow(a.beta1, step);
  const double correction2 = 1 - __builtin_pow(a.beta2, step);
  const auto beta1 = static_cast<float>(a.beta1), beta2 = static_cast<float>(a.beta2);
  const auto rest1 = static_cast<float>(1 - a.beta1), rest2 = static_cast<float>(1 - a.beta2);
  const auto keep = static_cast<float>(1 - a.learning_rate * a.decay);
  const auto rate = static_cast<float>(a.learning_rate / correction1);
  const auto inverse2 = static_cast<float>(1 / correction2);
  const auto epsilon = static_cast<float>(a.epsilon);
  constexpr int64_t kBlock = 4096;  // partial sums of squares stay accurate
  double squares = 0;
  for (int64_t start = 0; start < a.n; start += kBlock) {
    const int64_t end = start + kBlock < a.n ? start + kBlock : a.n;
    squares += static_cast<double>(dot(end - start, a.grads + start, a.grads + start));
    for (int64_t i = start; i < end; ++i) {
      const float g = a.grads[i];
      const float m = a.moment1[i] = beta1 * a.moment1[i] + rest1 * g;
      const float v = a.moment2[i] = beta2 * a.moment2[i] + rest2 * g * g;
      a.values[i] = a.values[i] * keep - rate * m / (__builtin_sqrtf(v * inverse2) + epsilon);
    }
  }
  return squares;
}
