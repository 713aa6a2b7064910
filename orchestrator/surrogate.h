// A stand-in for training, made from recorded trainings: what a text would measure, by what texts
// that do alike have measured. So that strategies of search can be compared on thousands of texts.
//
// Kernel regression over functional fingerprints (docs/design.md, section 5). With w_i =
// exp(-d_i^2 / 2h^2) * s^2 / (s^2 + v_i), d_i the distance of fingerprints, v_i the error variance
// of the recorded difference and s^2 the variance of the differences,
//   difference(x) = (w_0 m + sum w_i y_i) / (w_0 + sum w_i),   m the mean of the y_i;
// h and w_0 are those with the least leave-one-out error. The best coefficient is predicted alike
// (logarithms; texts with only the second hook apart), a wrong one costs
// curvature * ln(c / best)^2. Seed noise: the pooled variance of recorded paired differences, in
// inverse proportion to the tokens. Below the second rung's tokens each text also has an offset of
// its own, as large as recorded texts had between the two rungs.
//
// Differences beyond Tukey's outer fence (the upper quartile plus three times the interquartile
// range) count as the fence: how bad a text is that does not balance at all says nothing about the
// good ones, and would decide the kernel.
//
// What it does not show. It is smoother than training is: nothing can be better than the best that
// was recorded, whatever lies between is an average, and what fingerprints do not see (the dynamics
// of training) does not exist. Failures are left out. So it tells how well a strategy finds its way
// over such a landscape under such noise, not how good its finds would be; and less, the smaller
// the rank correlation of its leave-one-out predictions (Fit::rank_correlation).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "population/reader.h"

namespace ballast::orchestrator {

// One recorded text.
struct SurrogatePoint {
  std::string name;
  std::vector<float> fingerprint;
  bool only_bias = false;     // defines only the second hook
  double difference = 0;      // from the reference, at its highest rung; negative is better
  double variance = 0;        // of that
  double ln_coefficient = 0;  // of the one it was measured at
};

class Surrogate {
 public:
  struct Fit {
    int64_t texts = 0;
    double bandwidth = 0, prior_weight = 0;
    double mean = 0, spread = 0;  // of the recorded differences: mean and standard deviation
    double fence = 0;             // worse ones count as this
    double best = 0;              // the lowest prediction at a recorded text
    double noise = 0;             // standard deviation of one paired difference, at `noise_tokens`
    int64_t noise_tokens = 0;
    double offset = 0;     // standard deviation of a text's own offset below the second rung
    double curvature = 0;  // nats per squared e-fold of the coefficient
    // Leave-one-out: Spearman's correlation of predicted and recorded differences, and the root of
    // the mean squared error.
    double rank_correlation = 0, error = 0;
  };
  struct Prediction {
    double difference = 0;  // without noise, at the best coefficient
    double ln_coefficient = 0;
  };

  // Throws Error when the record is too small: five texts with an estimate, one with two pairs.
  explicit Surrogate(const population::Record& record);

  const Fit& fit() const { return fit_; }
  const std::vector<SurrogatePoint>& points() const { return points_; }
  Prediction predict(std::span<const float> fingerprint, bool only_bias) const;
  // What one training measures: the difference from the reference on the same seed. Equal
  // arguments, equal bits.
  double measure(const Prediction& text, std::string_view identity, double coefficient,
                 int64_t tokens, uint64_t seed) const;

 private:
  void read_points(const population::Record& record);
  void read_noise(const population::Record& record);
  void read_curvature(const population::Record& record);
  void choose_kernel();
  Prediction predict(std::span<const double> distances, bool only_bias, size_t left_out) const;

  std::vector<SurrogatePoint> points_;
  std::vector<double> rung_tokens_;  // [rung - 1]
  double mean_ln_[2] = {0, 0};       // mean ln coefficient: of losses, of texts with only a bias
  Fit fit_;
};

// Rank correlation (Spearman), ties averaged; 0 when one side is constant. REQUIRES: equal sizes.
double rank_correlation(std::span<const double> a, std::span<const double> b);

}  // namespace ballast::orchestrator
