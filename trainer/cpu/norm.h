// RMSNorm and its backward pass, row by row.

inline float dot(int64_t n, const float* a, const float* b) {
  V total{};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) total += load(a + i) * load(b + i);
  if (i < n) total += load_part(a + i, n - i) * load_part(b + i, n - i);
  return sum(total);
}

void rms_norm(int64_t T, int64_t D, const float* x, const float* gain, float epsilon, float* y,
              float* rstd) {
  for (int64_t t = 0; t < T; ++t, x += D, y += D) {
    const float scale = 1.0f / __builtin_sqrtf(dot(D, x, x) / static_cast<float>(D) + epsilon);
    for (int64_t i = 0; i < D; ++i) y[i] = x[i] * scale * gain[i];
    rstd[t] = scale;
  }
}

// With u = x rstd and g = grad_y * gain:  grad_x = rstd (g - u mean(g u)), grad_gain = sum grad_y
// u.
void rms_norm_backward(int64_t T, int64_t D, const float* x, const float* gain, const float* rstd,
                       const float* grad_y, float* grad_x, float* grad_gain) {
  for (int64_t t = 0; t < T; ++t, x += D, grad_y += D, grad_x += D) {
    const float scale = rstd[t];
    V total{};
    int64_t i = 0;
    for (; i + kLanes <= D; i += kLanes) total += load(grad_y + i) * load(gain + i) * load(x + i);
    if (i < D)
      total += load_part(grad_y + i, D - i) * load_part(gain + i, D - i) * load_part(x + i, D - i);
    const float mean = sum(total) * scale * scale / static_cast<float>(D);
    for (i = 0; i < D; ++i) {
      grad_x[i] += scale * (grad_y[i] * gain[i] - x[i] * mean);
      grad_gain[i] += grad_y[i] * x[i] * scale;
    }
  }
}
