// Gate, top-k choice and mixture weights; and their backward pass.

inline void gate(bool softmax, int64_t E, const float* logits, float* scores) {
  float shift = 0;
  if (softmax) shift = row_max(logits, E);
  V total{};
  for (int64_t e = 0; e < E; e += kLanes) {
    const int64_t n = E - e < kLanes ? E - e : kLanes;
    V y;
    if (softmax) {
      y = exp(load_part(logits + e, n) - shift);
    } else {
      y = 1.0f / (1.0f + exp(-load_part(logits + e, n)));
    }
    if (n < kLanes) {
      store_part(scores + e, y, n);
      total += load_part(scores + e, n);
    } else {
      store(scores + e, y);
      total += y;
    }
  }
  if (!softmax) return;
  const float inverse = 1.0f / sum(total);
  for (int64_t e = 0; e < E; ++e) scores[e] *= inverse;
}

// The k largest of scores + bias, largest first; ties go to the lower index. `taken` (E) is scratch
// and ends as 1 where chosen, else 0. NaN never wins against a number.
inline void choose(int64_t E, int64_t k, const float* scores, const float* bias, float* taken,
                   int32_t* experts) {
  for (int64_t e = 0; e < E; ++e) taken[e] = 0;
  for (int64_t j = 0; j < k; ++j) {
    int64_t best = -1;
    float most = 0;
    for (int64_t e = 0; e < E; ++e) {
      const float value = scores[e] + bias[e];
      if (taken[e] == 0 && (best < 0 || value > most || (most != most && value == value))) {
        best = e;
        most = value;
      }
    }
    taken[best] = 1;
    experts[j] = static_cast<int32_t>(best);
  }
}

inline void mixture(const RouteArgs& a, const float* scores, const int32_t* experts,
                    float* weights) {
  float total = 0;
  for (int64_t j = 0; j < a.k; ++j) {
    weights[j] = experts[j] < a.true_experts ? scores[experts[j]] : 0.0f;
    total += weights[j];
  }
  if (!a.renormalise) return;
  for (int64_t j = 0; j < a.k; ++j) weights[j] /= total + kWeightFloor;
}

// Sum of the k largest scores; `taken` is scratch.
inline float largest(int64_t E, int64_t k, const float* scores, float* taken, int32_t* experts) {
  static constexpr float kZero[kMostExperts] = {};
  choose(E, k, scores, kZero, taken, experts);
  float total = 0;
  for (int64_t j = 0; j < k; ++j) total += scores[experts[j]];
  return total;
}

void route(const RouteArgs& a) {
  bool biased = false;
  for (int64_t e = 0; e < a.E; ++e) {
    a.counts[e] = a.mean_probs[e] = 0;
    biased = biased || a.bias[e] != 0;
  }
  double chosen_sum = 0, largest_sum = 0;
  for (int64_t t = 0; t < a.T; ++t) {
    float *scores = a.scores + t * a.E, *chosen = a.chosen + t * a.E;
    int32_t* experts = a.experts + t * a.k;
    gate(a.softmax, a.E, a.logits + t * a.E, scores);
    if (biased) largest_sum += static_cast<double>(largest(a.E, a.k, scores, chosen, experts));
    choose(a.E, a.k, scores, a.bias, chosen, experts);
    mixture(a, scores, experts, a.weights + t * a.k);
    for (int64_t j = 0; j < a.k; ++j) chosen_sum += static_cast<double>(scores[experts[j]]);
    float total = 1;
    if (!a.softmax) {
      total = 0;
      for (int64_t e = 0; e < a.E; ++e) total += scores[e];
    }
    const float share = 1.0f / (total * static_cast<float>(a.T));
    for (int64_t e = 0; e < a.E; ++e) {
      a.counts[e] += chosen[e];
      a.mean_probs[e] += scores[e] * share;
    }
  }
  a.score_sums[0] = static_cast<float>(chosen_sum);
  a.score_sums[1] = static_cast<float>(biased ? largest_sum : chosen_sum);
}

void route_backward(const RouteBackwardArgs& a) {
  for (int64_t t = 0; t < a.T; ++t) {
    const float *scores = a.scores + t * a.E, *weights = a.weights + t * a.k;
    const float* grad_weights = a.grad_weights + t * a.k;
    const int32_t* experts = a.experts + t * a.k;
    float* grad = a.grad_logits + t * a.E;
    float inner = 0, total = kWeightFloor;  // sum_j w_j dw_j, sum of chosen true scores
    for (int64_t j = 0; j < a.k; ++j) {
      if (experts[j] >= a.true_experts) continue;
      inner += weights[j] * grad_weights[j];
      total += scores[experts[j]];
    }
    for (int64_t e = 0; e < a.E; ++e) grad[e] = 0;  // of the scores, at first
    float mean = 0;                                 // sum_e score_e * its gradient
    for (int64_t j = 0; j < a.k; ++j) {
      if (experts[j] >= a.true_experts) continue;
      const float g = a.renormalise ? (grad_weights[j] - inner) / total : grad_weights[j];
      grad[experts[j]] = g;
      mean += g * scores[experts[j]];
    }
    for (int64_t e = 0; e < a.E; ++e)
      grad[e] = a.softmax ? scores[e] * (grad[e] - mean) : grad[e] * scores[e] * (1 - scores[e]);
    if (!a.grad_outside) continue;
    for (int64_t e = 0; e < a.E; ++e) grad[e] += a.grad_outside[t * a.E + e];
  }
}
